//! `madang friend …`

use std::collections::BTreeMap;

use madang_api::{Error, friends};
use serde_json::json;

use crate::{
    args,
    attach::Attached,
    failure::Failure,
    moment,
    output::Output,
    secret,
    table::Text,
    words::{Language, keys::Key, notices::Notice, states},
};

/// Characters of an id beside a name.
const SHORT_ID: usize = 8;

pub(crate) async fn run(node: &Attached, out: Output, verb: args::Friend) -> Result<(), Failure> {
    match verb {
        args::Friend::Add(add) => {
            let params = friends::Add { link: secret::or_stdin(add.link)?, greeting: add.greeting };
            let answer = node.call("friend_add", &params).await?;
            out.answer(&answer, |added: friends::Added| {
                let state = match added.state {
                    friends::FriendState::Requested => Notice::Requested,
                    friends::FriendState::Friend => Notice::Friend,
                };
                Text::Fields(vec![
                    (Key::Friend, added.friend),
                    (Key::State, state.say(out.language).to_owned()),
                ])
            })
        }
        args::Friend::Requests => {
            let answer = node.call("friend_requests", &json!({})).await?;
            out.list(&answer, Notice::NoRequests, |all| requests(all, out.language))
        }
        args::Friend::Accept { request } => {
            let answer = node.call("friend_accept", &friends::RequestId { request }).await?;
            out.answer(&answer, answered)
        }
        args::Friend::Decline { request } => {
            let answer = node.call("friend_decline", &friends::RequestId { request }).await?;
            out.answer(&answer, answered)
        }
        args::Friend::Remove { account } => {
            let answer = node.call("friend_remove", &friends::AccountRef { account }).await?;
            out.answer(&answer, |friend| table(vec![friend], out.language))
        }
        args::Friend::List => {
            let answer = node.call("friend_list", &json!({})).await?;
            out.list(&answer, Notice::NoFriends, |friends| table(friends, out.language))
        }
        args::Friend::Set(set) => {
            let params = friends::Set {
                account: set.account,
                favourite: set.favourite.map(Into::into),
                hidden: set.hidden.map(Into::into),
                blocked: set.blocked.map(Into::into),
                alias: set.alias,
            };
            let answer = node.call("friend_set", &params).await?;
            out.answer(&answer, |friend| table(vec![friend], out.language))
        }
    }
}

/// What friends are called here, for people; programs go by ids.
pub(crate) struct Names(BTreeMap<String, String>);

impl Names {
    /// Asks the node, unless a program reads the result.
    ///
    /// # Errors
    /// Those of the call.
    pub(crate) async fn of(node: &Attached, out: Output) -> Result<Self, Error> {
        if out.json {
            return Ok(Self(BTreeMap::new()));
        }
        let answer = node.call("friend_list", &json!({})).await?;
        // A list that this version does not read leaves the ids, which are true as well.
        let friends: Vec<friends::Friend> = serde_json::from_value(answer).unwrap_or_default();
        let named = |friend: friends::Friend| (friend.account, friend.alias.unwrap_or(friend.name));
        Ok(Self(friends.into_iter().map(named).collect()))
    }

    /// The name and the beginning of the id of a friend, or the id of anybody else.
    pub(crate) fn name(&self, account: String) -> String {
        match self.0.get(&account) {
            Some(name) => format!("{name} ({})", account.get(..SHORT_ID).unwrap_or(&account)),
            None => account,
        }
    }
}

fn requests(requests: Vec<friends::Request>, language: Language) -> Text {
    let row = |request: friends::Request| {
        vec![
            request.request,
            request.name,
            moment::ago(language, request.at),
            request.account,
            request.greeting,
        ]
    };
    let head = &[Key::Request, Key::Name, Key::Age, Key::Account, Key::Greeting];
    Text::Table(head, requests.into_iter().map(row).collect())
}

fn answered(answered: friends::Answered) -> Text {
    let mut fields = vec![(Key::Friend, answered.friend)];
    fields.extend(answered.room.map(|room| (Key::Room, room)));
    Text::Fields(fields)
}

fn table(friends: Vec<friends::Friend>, language: Language) -> Text {
    let row = |friend: friends::Friend| {
        let marks = [(friend.favourite, "favourite"), (friend.hidden, "hidden"), (friend.blocked, "blocked")];
        let marks: Vec<&str> =
            marks.into_iter().filter_map(|(on, mark)| on.then_some(states::mark(language, mark))).collect();
        vec![friend.alias.unwrap_or(friend.name), marks.join(", "), friend.account, friend.room]
    };
    Text::Table(&[Key::Name, Key::Marks, Key::Account, Key::Room], friends.into_iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_friend_has_a_name_and_anybody_else_an_id() {
        let names = Names(BTreeMap::from([("a".repeat(64), "Bob".to_owned())]));
        assert_eq!(names.name("a".repeat(64)), "Bob (aaaaaaaa)");
        assert_eq!(names.name("b".repeat(64)), "b".repeat(64));
    }
}
