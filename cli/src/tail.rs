//! `madang tail`: events as they come, as the node wrote them or in words.
//!
//! Events name rooms and people by their ids; for people the names are asked for over a connection of their own, because
//! answers would wait behind events that nobody takes. Invariant: what is asked for is only ever a name or a state of
//! now; an event that brings nothing new to a reader gives no line.

use std::{collections::BTreeMap, path::Path};

use madang_api::{Code, Error, Event, friends, messages, network, rooms};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{
    args,
    attach::Attached,
    failure::Failure,
    moment,
    output::Output,
    table::Text,
    words::{Language, news::News, reach},
};

/// Messages of a room among which those of a receipt are looked for.
const PAGE: u32 = 100;
/// Characters of an id that stand for somebody without a name.
const SHORT: usize = 8;

/// Prints events until the node stops or the person interrupts.
pub(crate) async fn tail(home: &Path, node: &Attached, out: Output, tail: args::Tail) -> Result<(), Failure> {
    if let Some(room) = &tail.room {
        // A room that does not exist would be waited for in vain.
        node.call("room_history", &rooms::RoomRef { room: room.clone() }).await?;
    }
    let mut events = node.events().await?;
    let mut reader = if out.json { None } else { Some(Reader::new(home, out.language).await?) };
    let mut interrupted = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        let event = tokio::select! {
            biased;
            _ = &mut interrupted => return Err(Failure::Interrupted),
            event = events.recv() => event,
        };
        let Some(event) = event else {
            return Err(Error::new(Code::NotRunning, "The node has stopped").into());
        };
        let other_room = tail.room.as_deref().is_some_and(|room| event["room"] != room);
        if other_room && event["event"] != "resync" {
            continue;
        }
        match &mut reader {
            None => out.line(&event.to_string())?,
            Some(reader) => {
                for line in reader.lines(event).await? {
                    out.text(&Text::Lines(line))?;
                }
            }
        }
    }
}

/// Turns events into lines.
struct Reader {
    node: Attached,
    language: Language,
    rooms: BTreeMap<String, String>,
    known: Known,
}

/// What is shown of a friend: the name, and whether favourite, hidden and blocked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    name: String,
    marks: [bool; 3],
}

/// What was known when the last event came.
#[derive(Debug, Default)]
struct Known {
    friends: BTreeMap<String, Kept>,
    /// Paths to connected accounts.
    peers: BTreeMap<String, String>,
    relays: Vec<network::Relay>,
}

impl Reader {
    async fn new(home: &Path, language: Language) -> Result<Self, Failure> {
        let node = Attached::to(home).await?;
        let mut reader = Self { node, language, rooms: BTreeMap::new(), known: Known::default() };
        reader.rooms = reader.titles().await?;
        reader.known.friends = reader.friends().await?;
        let status = reader.ask::<network::Status>("status").await?;
        reader.known.status_news(language, status);
        Ok(reader)
    }

    async fn ask<T: DeserializeOwned>(&self, method: &str) -> Result<T, Failure> {
        Ok(read(self.node.call(method, &json!({})).await?)?)
    }

    async fn titles(&self) -> Result<BTreeMap<String, String>, Failure> {
        let list: Vec<rooms::Room> = self.ask("room_list").await?;
        Ok(list.into_iter().map(|room| (room.room, room.title)).collect())
    }

    async fn friends(&self) -> Result<BTreeMap<String, Kept>, Failure> {
        let list: Vec<friends::Friend> = self.ask("friend_list").await?;
        let kept = |friend: friends::Friend| {
            let marks = [friend.favourite, friend.hidden, friend.blocked];
            (friend.account, Kept { name: friend.alias.unwrap_or(friend.name), marks })
        };
        Ok(list.into_iter().map(kept).collect())
    }

    /// What an event says, each line with the time and the room in front.
    async fn lines(&mut self, event: Value) -> Result<Vec<String>, Failure> {
        let kind = event["event"].as_str().unwrap_or_default().to_owned();
        // What a newer node announces is named, not swallowed.
        let event = serde_json::from_value(event).unwrap_or(Event::Open { room: kind, message: None });
        let mut at = moment::clock_now();
        let (room, news) = match event {
            Event::Message(message) => {
                at = moment::clock(message.at);
                let said = News::Message(message.sender_name, message.text, message.late);
                (Some(message.room), vec![said])
            }
            Event::Receipt { room, messages } => {
                let news = self.states(&room, &messages).await?;
                (Some(room), news)
            }
            Event::Friend { account } => {
                let now = self.friends().await?;
                (None, self.known.friend_news(&account, now))
            }
            Event::Request(request) => (None, vec![News::Request(request.name, request.greeting)]),
            Event::Answer { account, accepted, .. } => {
                (None, vec![News::Answer(self.known.name(&account), accepted)])
            }
            Event::Room { room } => {
                let fresh = !self.rooms.contains_key(&room);
                let news = if fresh { vec![News::Room] } else { Vec::new() };
                (Some(room), news)
            }
            Event::Gap(gap) => {
                let machine = format!("{} ({})", gap.device_name, self.known.name(&gap.account));
                (Some(gap.room), vec![News::Gap(gap.count, machine, gap.closed)])
            }
            Event::Machines { account, added, removed } => {
                (None, vec![News::Machines(self.known.name(&account), added, removed)])
            }
            Event::IncompleteKey { room, .. } => (Some(room), vec![News::IncompleteKey]),
            Event::Status {} => {
                let status = self.ask("status").await?;
                (None, self.known.status_news(self.language, status))
            }
            Event::Resync { missed } => (None, vec![News::Missed(missed)]),
            Event::Open { room: kind, .. } => (None, vec![News::Other(kind)]),
            Event::Link { .. } => (None, Vec::new()),
        };
        if news.is_empty() {
            return Ok(Vec::new());
        }
        let place = match room {
            Some(room) => format!("[{}] ", self.title(&room).await?),
            None => String::new(),
        };
        Ok(news.iter().map(|news| format!("{at}  {place}{}", news.say(self.language))).collect())
    }

    /// Title of a room; one that is not known yet is asked for.
    async fn title(&mut self, room: &str) -> Result<String, Failure> {
        if !self.rooms.contains_key(room) {
            self.rooms = self.titles().await?;
        }
        Ok(self.rooms.get(room).cloned().unwrap_or_else(|| short(room)))
    }

    /// How far the own messages of a receipt are: one line, whatever their number.
    async fn states(&self, room: &str, ids: &[String]) -> Result<Vec<News>, Failure> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let list = messages::List { room: room.to_owned(), limit: Some(PAGE), before: None, after: None };
        let page: Vec<messages::Message> = read(self.node.call("message_list", &list).await?)?;
        let mut newest = page.into_iter().rev().filter(|message| ids.contains(&message.message));
        let Some((text, state)) = newest.find_map(|message| Some((message.text, message.state?))) else {
            return Ok(Vec::new());
        };
        Ok(vec![News::State(text, state, newest.filter(|message| message.state.is_some()).count())])
    }
}

impl Known {
    fn name(&self, account: &str) -> String {
        self.friends.get(account).map_or_else(|| short(account), |kept| kept.name.clone())
    }

    /// What is new about one friend.
    fn friend_news(&mut self, account: &str, now: BTreeMap<String, Kept>) -> Vec<News> {
        let before = std::mem::replace(&mut self.friends, now);
        let news = match (before.get(account), self.friends.get(account)) {
            (None, Some(kept)) => News::Friend(kept.name.clone()),
            (Some(kept), None) => News::NoFriend(kept.name.clone()),
            (Some(before), Some(kept)) if before != kept => News::FriendChanged(kept.name.clone()),
            // Keys and addresses are renewed all the time; and somebody who was asked is no friend yet.
            _ => return Vec::new(),
        };
        vec![news]
    }

    /// What is different from the status before.
    fn status_news(&mut self, language: Language, status: network::Status) -> Vec<News> {
        let mut peers: BTreeMap<String, String> = BTreeMap::new();
        for peer in status.peers.into_iter().filter(|peer| peer.account != status.account) {
            let path = peers.entry(peer.account).or_insert_with(|| peer.path.clone());
            if peer.path == "direct" {
                *path = peer.path;
            }
        }
        let before = std::mem::replace(&mut self.peers, peers);
        let come = self.peers.iter().filter(|(who, path)| before.get(*who) != Some(path));
        let mut news: Vec<News> =
            come.map(|(who, path)| News::Connected(self.name(who), path.clone())).collect();
        let gone = before.keys().filter(|who| !self.peers.contains_key(*who));
        news.extend(gone.map(|who| News::Away(self.name(who))));
        let before = std::mem::replace(&mut self.relays, status.relays);
        let same = |one: &network::Relay, other: &network::Relay| {
            (one.state, &one.reason) == (other.state, &other.reason)
        };
        for relay in &self.relays {
            let stood = before.iter().find(|known| known.addr == relay.addr);
            if stood.is_none_or(|stood| !same(stood, relay)) {
                news.push(News::Relay(reach::relay_now(language, relay)));
            }
        }
        let removed = before.iter().filter(|known| !self.relays.iter().any(|relay| relay.addr == known.addr));
        news.extend(removed.map(|relay| News::RelayGone(relay.addr.clone())));
        news
    }
}

fn short(id: &str) -> String {
    id.chars().take(SHORT).collect()
}

fn read<T: DeserializeOwned>(answer: Value) -> Result<T, Error> {
    serde_json::from_value(answer)
        .map_err(|error| Error::new(Code::Internal, format!("The node answered in an unknown way: {error}")))
}

#[cfg(test)]
mod tests {
    use madang_api::network::{Peer, Relay, RelayState, Status};

    use super::*;

    fn status(peers: &[(&str, &str)], relays: &[(&str, RelayState)]) -> Status {
        let peer = |(account, path): &(&str, &str)| Peer {
            account: (*account).to_owned(),
            device: String::new(),
            path: (*path).to_owned(),
            rtt_ms: None,
        };
        let relay = |(addr, state): &(&str, RelayState)| Relay {
            addr: (*addr).to_owned(),
            state: *state,
            reason: None,
            since: None,
        };
        Status {
            account: "me".to_owned(),
            device: String::new(),
            addrs: Vec::new(),
            peers: peers.iter().map(peer).collect(),
            relays: relays.iter().map(relay).collect(),
            outbox: 0,
            repaired: 0,
            clock_offset_ms: None,
        }
    }

    #[test]
    fn a_status_says_what_is_different_and_nothing_else() {
        let friends = BTreeMap::from([("b".to_owned(), Kept { name: "Bob".to_owned(), marks: [false; 3] })]);
        let mut known = Known { friends, ..Known::default() };
        let mut say = |status| known.status_news(Language::English, status);
        let bob = |path: &str| News::Connected("Bob".to_owned(), path.to_owned());
        assert_eq!(say(status(&[("b", "relayed"), ("me", "direct")], &[])), [bob("relayed")]);
        assert_eq!(say(status(&[("b", "relayed")], &[])), []);
        assert_eq!(say(status(&[("b", "relayed"), ("b", "direct")], &[])), [bob("direct")]);
        assert_eq!(say(status(&[], &[])), [News::Away("Bob".to_owned())]);
        let up = News::Relay("/r connected".to_owned());
        assert_eq!(say(status(&[], &[("/r", RelayState::Connected)])), [up]);
        assert_eq!(say(status(&[], &[])), [News::RelayGone("/r".to_owned())]);
    }

    #[test]
    fn a_friend_comes_changes_and_goes_by_name() {
        let mut known = Known::default();
        let with = |name: &str| {
            BTreeMap::from([("b".to_owned(), Kept { name: name.to_owned(), marks: [false; 3] })])
        };
        assert_eq!(known.friend_news("b", with("Bob")), [News::Friend("Bob".to_owned())]);
        assert_eq!(known.friend_news("b", with("Bob")), [], "new keys are no news");
        assert_eq!(known.friend_news("b", with("Bobby")), [News::FriendChanged("Bobby".to_owned())]);
        assert_eq!(known.friend_news("b", BTreeMap::new()), [News::NoFriend("Bobby".to_owned())]);
        assert_eq!(known.friend_news("b", BTreeMap::new()), []);
    }
}
