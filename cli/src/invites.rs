//! `madang invite …`

use madang_api::friends;
use serde_json::json;

use crate::{
    args,
    attach::Attached,
    failure::Failure,
    moment,
    output::Output,
    secret,
    table::Text,
    words::{Language, keys::Key, notices::Notice},
};

pub(crate) async fn run(node: &Attached, out: Output, verb: args::Invite) -> Result<(), Failure> {
    match verb {
        args::Invite::Create(create) => {
            let params = friends::CreateInvite { once: create.once, expires_hours: create.expires_hours };
            let made = node.call("invite_create", &params).await?;
            // The picture of the link is for windows.
            let answer = json!({ "link": made["link"], "invite": made["invite"] });
            out.value(&answer, |answer| Text::Lines(answer["link"].as_str().unwrap_or_default().to_owned()))
        }
        args::Invite::List => {
            let answer = node.call("invite_list", &json!({})).await?;
            out.list(&answer, Notice::NoInvites, |invites| table(invites, out.language))
        }
        args::Invite::Revoke { invite } => {
            let answer = node.call("invite_revoke", &friends::InviteId { invite }).await?;
            out.answer(&answer, |invite| table(vec![invite], out.language))
        }
        args::Invite::Show { link } => {
            let link = secret::or_stdin(link)?;
            let answer = node.call("invite_show", &friends::Link { link }).await?;
            out.answer(&answer, |info: friends::InviteInfo| {
                let verified = if info.verified { Notice::Yes } else { Notice::No };
                Text::Fields(vec![
                    (Key::Name, info.name),
                    (Key::Account, info.account),
                    (Key::Verified, verified.say(out.language).to_owned()),
                ])
            })
        }
    }
}

fn table(invites: Vec<friends::Invite>, language: Language) -> Text {
    let say = |notice: Notice| notice.say(language).to_owned();
    let row = |invite: friends::Invite| {
        let kind = say(if invite.once { Notice::Once } else { Notice::Many });
        let state =
            if invite.revoked { say(Notice::Withdrawn) } else { moment::ago(language, invite.expires) };
        vec![invite.invite, kind, invite.used.to_string(), state]
    };
    Text::Table(&[Key::Invite, Key::For, Key::Used, Key::Expires], invites.into_iter().map(row).collect())
}
