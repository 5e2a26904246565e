//! Names of values: what stands before a field and above a column.
//!
//! Invariant: only people read them; programs get the keys of the contract.

use super::Language;

macro_rules! keys {
    ($($(#[$doc:meta])* $key:ident: $english:literal, $korean:literal;)*) => {
        /// The name of a value.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Key {
            $($(#[$doc])* $key,)*
        }

        /// Every key, for tests.
        #[cfg(test)]
        const ALL: &[Key] = &[$(Key::$key,)*];

        impl Key {
            fn both(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$key => ($english, $korean),)*
                }
            }
        }
    };
}

keys! {
    /// Id of an account.
    Account: "account", "계정";
    /// Id of a machine.
    Device: "device", "기기";
    /// A name.
    Name: "name", "이름";
    /// Messages on their way.
    Outbox: "outbox", "보낼 것";
    /// What came by reconciliation.
    Repaired: "repaired", "되찾은 것";
    /// The clock of this machine.
    Clock: "clock", "시계";
    /// An address of this machine.
    Listens: "listens", "듣는 주소";
    /// A relay.
    Relay: "relay", "릴레이";
    /// A connected machine.
    Peer: "peer", "연결";
    /// A path of messages.
    Path: "path", "경로";
    /// How it stands now.
    Now: "now", "지금";
    /// Why.
    Reason: "reason", "이유";
    /// Address of a relay.
    Address: "addr", "주소";
    /// A state.
    State: "state", "상태";
    /// From when on.
    Since: "since", "언제부터";
    /// Id of a contact request.
    Request: "request", "요청";
    /// How old.
    Age: "age", "언제";
    /// Words of a contact request.
    Greeting: "greeting", "인사";
    /// Account of a friend.
    Friend: "friend", "친구";
    /// Id of a room.
    Room: "room", "방";
    /// What is kept about a friend.
    Marks: "marks", "표시";
    /// Title of a room.
    Title: "title", "제목";
    /// Number of unread messages.
    Unread: "unread", "안 읽음";
    /// The newest message.
    Last: "last", "마지막";
    /// What newcomers see.
    History: "history", "지난 대화";
    /// Role in a room.
    Role: "role", "역할";
    /// Id of a message.
    Message: "message", "메시지";
    /// Who wrote it.
    From: "from", "보낸 사람";
    /// A text.
    Text: "text", "내용";
    /// Id of an invite.
    Invite: "invite", "초대";
    /// For how many.
    For: "for", "횟수";
    /// How often used.
    Used: "used", "쓰임";
    /// When it ends.
    Expires: "expires", "기한";
    /// Whether it was checked.
    Verified: "verified", "확인됨";
    /// A mark, which needs no head.
    Mark: "", "";
    /// What was looked at.
    Check: "check", "항목";
    /// What was found.
    Found: "found", "결과";
}

impl Key {
    /// The word for it.
    pub(crate) fn say(self, language: Language) -> &'static str {
        language.of(self.both())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_said_in_english_and_in_korean() {
        for key in ALL.iter().filter(|key| **key != Key::Mark) {
            assert!(key.say(Language::English).is_ascii(), "{key:?}");
            assert!(key.say(Language::Korean).chars().any(|c| ('가'..='힣').contains(&c)), "{key:?}");
        }
    }
}
