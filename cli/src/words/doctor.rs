//! What `madang doctor` finds, in words.

use std::path::PathBuf;

use madang_api::{
    Error,
    network::{DevicePath, Relay},
};

use super::{Language, beyond, keys::Key, reach, reasons, sentence, states};
use crate::messages::word;

/// What was found when one thing was looked at.
#[derive(Debug, Clone)]
pub(crate) enum Finding {
    /// As it is: a version, addresses, the message of an error.
    Said(String),
    /// What could not be looked at, and why.
    Failed(Error),
    /// What unlocks the home.
    Slots(Vec<&'static str>),
    /// Only its owner can read the home.
    HomePrivate(PathBuf),
    /// Others can.
    HomeMode(PathBuf, u32),
    /// The store opens and is sound.
    StoreSound,
    /// No relay was chosen.
    NoRelays,
    /// How it stands with a relay.
    Relay(Relay),
    /// Connected machines, and how many of them without a relay.
    Peers(usize, usize),
    /// There are friends, and neither a machine of theirs nor a relay is connected.
    Nobody,
    /// The clock is right.
    ClockAgrees,
    /// Nobody is connected whose clock could be compared.
    ClockAlone,
    /// It is off by so many ms.
    ClockOff(i64),
    /// What waits for somebody.
    Outbox(u64),
    /// How the last message reached a machine, and how it is connected now.
    Path(DevicePath),
}

impl Finding {
    /// For people.
    pub(crate) fn text(&self, language: Language) -> String {
        match (self, language) {
            (Self::Failed(error), _) => {
                let beyond = beyond(language, error).map(|beyond| format!(" {beyond}")).unwrap_or_default();
                format!("{}{beyond}", sentence(language, error))
            }
            (Self::Relay(relay), _) => reach::relay(language, relay),
            (Self::Path(path), _) => {
                let (name, now) = (short(&path.device), reach::device(language, path));
                format!("{name}: {now}; {}", reasons::path(language, &path.reason))
            }
            (_, Language::English) => self.record(),
            (_, Language::Korean) => self.korean(),
        }
    }

    /// For programs: English, with the codes of the contract.
    pub(crate) fn record(&self) -> String {
        match self {
            Self::Said(text) => text.clone(),
            Self::Failed(error) => format!("{}: {}", word(&error.code), error.message),
            Self::Slots(kinds) => kinds.join(", "),
            Self::HomePrivate(home) => format!("{} belongs to its owner alone", home.display()),
            Self::HomeMode(home, mode) => format!("{} has mode {mode:o}, not 700", home.display()),
            Self::StoreSound => "opens, and every page and index is sound".to_owned(),
            Self::NoRelays => "none: nobody keeps messages while a friend is away".to_owned(),
            Self::Relay(relay) => reach::relay_record(relay),
            Self::Peers(all, direct) => format!("{all} connected, {direct} of them directly"),
            Self::ClockAgrees => "agrees with relays and friends".to_owned(),
            Self::ClockAlone => "nobody is connected to compare it with".to_owned(),
            Self::ClockOff(ms) => format!("corrected by {ms} ms: set the clock of this machine"),
            Self::Nobody => {
                "nobody: neither a friend nor a relay is connected, so messages wait here".to_owned()
            }
            Self::Outbox(0) => "nothing waits".to_owned(),
            Self::Outbox(1) => "1 item waits for somebody".to_owned(),
            Self::Outbox(count) => format!("{count} items wait for somebody"),
            Self::Path(path) => {
                let now = reach::device(Language::English, path);
                format!("{}: {now}; last by {}: {}", short(&path.device), path.path, path.reason)
            }
        }
    }

    fn korean(&self) -> String {
        match self {
            Self::HomePrivate(home) => format!("{}: 주인만 읽을 수 있습니다", home.display()),
            Self::HomeMode(home, mode) => {
                format!("{}: 권한이 {mode:o}입니다. 700이어야 합니다", home.display())
            }
            Self::StoreSound => "열리며 모든 쪽과 색인이 온전합니다".to_owned(),
            Self::NoRelays => "없음: 친구가 꺼져 있는 동안 메시지를 맡아 줄 곳이 없습니다".to_owned(),
            Self::Peers(all, direct) => format!("{all}대 연결됨, 그중 {direct}대는 직접"),
            Self::ClockAgrees => "릴레이, 친구의 시계와 맞습니다".to_owned(),
            Self::ClockAlone => "견주어 볼 상대가 연결되어 있지 않습니다".to_owned(),
            Self::ClockOff(ms) => format!("{ms}ms 보정함: 이 컴퓨터의 시계를 맞추세요"),
            Self::Nobody => {
                "아무도 없음: 친구도 릴레이도 연결되지 않아 메시지가 여기에서 기다립니다".to_owned()
            }
            Self::Slots(kinds) => {
                let kinds: Vec<&str> =
                    kinds.iter().map(|kind| states::slot(Language::Korean, kind)).collect();
                kinds.join(", ")
            }
            Self::Outbox(0) => "기다리는 것이 없습니다".to_owned(),
            Self::Outbox(count) => format!("{count}개가 아직 누군가를 기다립니다"),
            Self::Said(_) | Self::Failed(_) | Self::Relay(_) | Self::Path(_) => self.record(),
        }
    }
}

/// Enough of an id to tell machines apart, too little to find one.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// Name of a check for people; programs get it as it is.
pub(crate) fn check(language: Language, name: &'static str) -> &'static str {
    if language == Language::English {
        return name;
    }
    match name {
        "version" => "버전",
        "home" => "홈",
        "unlocking" => "잠금 해제",
        "store" => "저장소",
        "lock" => "잠금",
        "addresses" => "주소",
        "relays" | "relay" => "릴레이",
        "peers" => "연결",
        "clock" => "시계",
        "outbox" => "보낼 것",
        "path" => "경로",
        _ => name,
    }
}

/// Whether something is as it should be.
pub(crate) fn mark(language: Language, ok: bool) -> &'static str {
    language.of(if ok { ("ok", "정상") } else { ("look", "확인") })
}

/// Heads of the table.
pub(crate) const HEADS: &[Key] = &[Key::Mark, Key::Check, Key::Found];

#[cfg(test)]
mod tests {
    use madang_api::network::RelayState;

    use super::*;

    fn relay() -> Finding {
        Finding::Relay(Relay {
            addr: "/dns4/hanok.example".to_owned(),
            state: RelayState::Failed,
            reason: Some("admission".to_owned()),
            since: None,
        })
    }

    fn path() -> Finding {
        Finding::Path(DevicePath {
            account: "a".repeat(64),
            device: "d".repeat(64),
            path: "none".to_owned(),
            reason: "nothing_sent".to_owned(),
            connection: "none".to_owned(),
            since: None,
            waiting: 1,
            at_relay: 0,
        })
    }

    #[test]
    fn people_get_sentences_and_programs_get_codes() {
        assert_eq!(relay().record(), "/dns4/hanok.example failed: admission");
        assert!(relay().text(Language::English).contains("madang relay add"));
        let now = "dddddddd: not connected, and not heard of yet; 1 message waits on this machine; ";
        assert_eq!(path().record(), format!("{now}last by none: nothing_sent"));
        assert!(path().text(Language::English).contains("no message has arrived there"));
    }

    #[test]
    fn what_failed_is_a_sentence_for_people_and_a_code_for_programs() {
        let failed = Finding::Failed(Error::new(madang_api::Code::InUse, "The home is in use by process 7"));
        assert_eq!(failed.record(), "in_use: The home is in use by process 7");
        let said = failed.text(Language::English);
        assert!(said.starts_with("Another node holds this home.") && said.ends_with("process 7"), "{said}");
    }

    #[test]
    fn every_finding_and_every_check_is_said_in_korean() {
        let all = [
            Finding::HomePrivate(PathBuf::from("/h")),
            Finding::HomeMode(PathBuf::from("/h"), 0o755),
            Finding::StoreSound,
            Finding::ClockAlone,
            Finding::NoRelays,
            relay(),
            Finding::Slots(vec!["passphrase"]),
            Finding::Failed(Error::new(madang_api::Code::InUse, "The home is in use by process 7")),
            Finding::Peers(2, 1),
            Finding::Nobody,
            Finding::ClockAgrees,
            Finding::ClockOff(9),
            Finding::Outbox(0),
            Finding::Outbox(3),
            path(),
        ];
        let korean = |text: &str| text.chars().any(|c| ('가'..='힣').contains(&c));
        for finding in all {
            assert!(korean(&finding.text(Language::Korean)), "{finding:?}");
            assert!(!korean(&finding.record()), "{finding:?}");
        }
        let names = "version home unlocking store lock addresses relays relay peers clock outbox path";
        for name in names.split_whitespace() {
            assert!(korean(check(Language::Korean, name)), "{name}");
            assert_eq!(check(Language::English, name), name);
        }
    }
}
