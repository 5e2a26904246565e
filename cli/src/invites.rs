//! `madang invite …`

use madang_api::friends;
use serde_json::json;

use crate::{args, attach::Attached, failure::Failure, moment, output::Output, secret, table::Text};

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
            out.answer(&answer, table)
        }
        args::Invite::Revoke { invite } => {
            let answer = node.call("invite_revoke", &friends::InviteId { invite }).await?;
            out.answer(&answer, |invite| table(vec![invite]))
        }
        args::Invite::Show { link } => {
            let link = secret::or_stdin(link)?;
            let answer = node.call("invite_show", &friends::Link { link }).await?;
            out.answer(&answer, |info: friends::InviteInfo| {
                let verified = if info.verified { "yes" } else { "no" };
                Text::Fields(vec![
                    ("name", info.name),
                    ("account", info.account),
                    ("verified", verified.to_owned()),
                ])
            })
        }
    }
}

fn table(invites: Vec<friends::Invite>) -> Text {
    let row = |invite: friends::Invite| {
        let kind = if invite.once { "once" } else { "many" };
        let state = if invite.revoked { "withdrawn".to_owned() } else { moment::ago(invite.expires) };
        vec![invite.invite, kind.to_owned(), invite.used.to_string(), state]
    };
    Text::Table(&["invite", "for", "used", "expires"], invites.into_iter().map(row).collect())
}
