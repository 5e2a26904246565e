//! What `madang tail` says of events, in words.
//!
//! Names and texts come from other people; whoever prints a line makes it harmless.

use madang_api::messages::MessageState;

use super::{Language, notices::Notice, states};

/// Longest beginning of a text that is quoted, in characters.
const QUOTE_MAX: usize = 40;

/// Something that has happened, with the names of those it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// A message: sender, text unless deleted, whether it came late.
    Message(String, Option<String>, bool),
    /// An own message has come so far: its text, and how many others with it.
    State(Option<String>, MessageState, usize),
    /// Somebody is a friend from now on.
    Friend(String),
    /// Somebody is no friend any more.
    NoFriend(String),
    /// Something that is kept about a friend has changed.
    FriendChanged(String),
    /// Somebody asks: name and greeting.
    Request(String, String),
    /// An own request was accepted, or not.
    Answer(String, bool),
    /// A new room.
    Room,
    /// So many messages of a machine are missing; given up or not.
    Gap(u32, String, bool),
    /// Machines of somebody were added and removed, by their labels.
    Machines(String, Vec<String>, Vec<String>),
    /// A key of the room was not given to every machine.
    IncompleteKey,
    /// A machine of somebody is connected, by this path.
    Connected(String, String),
    /// No machine of somebody is connected any more.
    Away(String),
    /// How it stands with a relay, in words.
    Relay(String),
    /// A relay was removed.
    RelayGone(String),
    /// So many events were lost.
    Missed(u64),
    /// Something that this version has no words for.
    Other(String),
}

impl News {
    /// One line of it.
    pub(crate) fn say(&self, language: Language) -> String {
        match language {
            Language::English => self.english(),
            Language::Korean => self.korean(),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::Message(from, text, late) => {
                let late = if *late { " (late)" } else { "" };
                format!("{from}{late}: {}", body(Language::English, text.as_deref()))
            }
            Self::State(text, state, more) => {
                let state = states::message(Language::English, *state);
                let more = match more {
                    0 => String::new(),
                    more => format!(", and {more} more"),
                };
                format!("{}: {state}{more}", quote(Language::English, text.as_deref()))
            }
            Self::Friend(who) => format!("{who} is a friend now"),
            Self::NoFriend(who) => format!("{who} is no friend any more"),
            Self::FriendChanged(who) => format!("what is kept about {who} has changed"),
            Self::Request(who, greeting) if greeting.is_empty() => format!("{who} asks to become a friend"),
            Self::Request(who, greeting) => format!("{who} asks to become a friend: {greeting}"),
            Self::Answer(who, true) => format!("{who} has accepted the request"),
            Self::Answer(who, false) => format!("{who} has not accepted the request"),
            Self::Room => "a new room".to_owned(),
            Self::Gap(0, machine, _) => format!("nothing from {machine} is missing any more"),
            Self::Gap(count, machine, closed) => {
                let messages = if *count == 1 { "1 message".to_owned() } else { format!("{count} messages") };
                match (closed, count) {
                    (true, 1) => format!("{messages} from {machine} was never delivered"),
                    (true, _) => format!("{messages} from {machine} were never delivered"),
                    (false, 1) => format!("{messages} from {machine} is on its way"),
                    (false, _) => format!("{messages} from {machine} are on their way"),
                }
            }
            Self::Machines(who, added, removed) => {
                machines(who, [("new machine", added), ("removed machine", removed)])
            }
            Self::IncompleteKey => "a key of this room was not given to every machine".to_owned(),
            Self::Connected(who, path) if path == "relayed" => {
                format!("{who} is connected through a relay")
            }
            Self::Connected(who, _) => format!("{who} is connected directly"),
            Self::Away(who) => format!("{who} is not connected any more"),
            Self::Relay(line) => format!("relay {line}"),
            Self::RelayGone(addr) => format!("relay {addr} was removed"),
            Self::Missed(1) => "1 event was missed".to_owned(),
            Self::Missed(count) => format!("{count} events were missed"),
            Self::Other(kind) => format!("({kind})"),
        }
    }

    fn korean(&self) -> String {
        match self {
            Self::Message(from, text, late) => {
                let late = if *late { " (늦게 옴)" } else { "" };
                format!("{from}{late}: {}", body(Language::Korean, text.as_deref()))
            }
            Self::State(text, state, more) => {
                let state = states::message(Language::Korean, *state);
                let more = match more {
                    0 => String::new(),
                    more => format!(", 그 밖에 {more}개"),
                };
                format!("{}: {state}{more}", quote(Language::Korean, text.as_deref()))
            }
            Self::Friend(who) => format!("{who}: 이제 친구입니다"),
            Self::NoFriend(who) => format!("{who}: 이제 친구가 아닙니다"),
            Self::FriendChanged(who) => format!("{who}: 적어 둔 것이 바뀌었습니다"),
            Self::Request(who, greeting) if greeting.is_empty() => format!("{who}: 친구 요청이 왔습니다"),
            Self::Request(who, greeting) => format!("{who}: 친구 요청이 왔습니다: {greeting}"),
            Self::Answer(who, true) => format!("{who}: 요청을 받아들였습니다"),
            Self::Answer(who, false) => format!("{who}: 요청을 받아들이지 않았습니다"),
            Self::Room => "새 방".to_owned(),
            Self::Gap(0, machine, _) => format!("{machine}: 이제 빠진 메시지가 없습니다"),
            Self::Gap(count, machine, true) => format!("{machine}: 메시지 {count}개가 끝내 오지 않았습니다"),
            Self::Gap(count, machine, false) => format!("{machine}: 메시지 {count}개가 오는 중입니다"),
            Self::Machines(who, added, removed) => machines(who, [("새 기기", added), ("뺀 기기", removed)]),
            Self::IncompleteKey => "이 방의 열쇠를 받지 못한 기기가 있습니다".to_owned(),
            Self::Connected(who, path) => {
                format!("{who}: {} 연결됨", states::path(Language::Korean, path))
            }
            Self::Away(who) => format!("{who}: 연결이 끊어졌습니다"),
            Self::Relay(line) => format!("릴레이 {line}"),
            Self::RelayGone(addr) => format!("릴레이 {addr}: 뺐습니다"),
            Self::Missed(count) => format!("놓친 일이 {count}개 있습니다"),
            Self::Other(kind) => format!("({kind})"),
        }
    }
}

/// Machines that came and went, each list behind its word.
fn machines(who: &str, lists: [(&str, &[String]); 2]) -> String {
    let said = lists.iter().filter(|(_, labels)| !labels.is_empty());
    let said: Vec<String> = said.map(|(word, labels)| format!("{word} {}", labels.join(", "))).collect();
    format!("{who}: {}", said.join("; "))
}

fn body(language: Language, text: Option<&str>) -> String {
    text.unwrap_or(Notice::Deleted.say(language)).replace('\n', " ")
}

fn quote(language: Language, text: Option<&str>) -> String {
    let whole = body(language, text);
    let mut short: String = whole.chars().take(QUOTE_MAX).collect();
    if short.len() < whole.len() {
        short.push('…');
    }
    format!("\"{short}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_said_in_both_languages() {
        let bob = || "Bob".to_owned();
        let all = [
            News::State(Some("hi".to_owned()), MessageState::Read, 0),
            News::State(None, MessageState::Delivered, 3),
            News::Friend(bob()),
            News::NoFriend(bob()),
            News::FriendChanged(bob()),
            News::Request(bob(), String::new()),
            News::Request(bob(), "hello".to_owned()),
            News::Answer(bob(), true),
            News::Answer(bob(), false),
            News::Room,
            News::Gap(0, bob(), false),
            News::Gap(1, bob(), false),
            News::Gap(2, bob(), true),
            News::Connected(bob(), "direct".to_owned()),
            News::Connected(bob(), "relayed".to_owned()),
            News::Machines(bob(), vec!["laptop".to_owned()], vec!["phone".to_owned(), "tower".to_owned()]),
            News::IncompleteKey,
            News::Away(bob()),
            News::Relay("/dns4/hanok.example".to_owned()),
            News::RelayGone("/dns4/hanok.example".to_owned()),
            News::Missed(2),
        ];
        for news in all {
            let (english, korean) = (news.say(Language::English), news.say(Language::Korean));
            assert!(english.is_ascii(), "{english}");
            assert!(korean.chars().any(|c| ('가'..='힣').contains(&c)), "{korean}");
        }
    }

    #[test]
    fn a_message_is_one_line_and_a_quote_is_short() {
        let message = News::Message("Bob".to_owned(), Some("two\nlines".to_owned()), true);
        assert_eq!(message.say(Language::English), "Bob (late): two lines");
        let gone = News::Message("Bob".to_owned(), None, false);
        assert_eq!(gone.say(Language::English), "Bob: (deleted)");
        let state = News::State(Some("x".repeat(100)), MessageState::Read, 1);
        assert_eq!(state.say(Language::English), format!("\"{}…\": read, and 1 more", "x".repeat(40)));
        assert_eq!(
            News::Gap(1, "Bob".to_owned(), false).say(Language::English),
            "1 message from Bob is on its way"
        );
    }
}
