//! How it stands now with machines and relays, in words: connected or not, since when, and what waits.

use madang_api::network::{DevicePath, Relay};

use super::{Language, reasons, states};
use crate::moment;

/// How a machine is reached now, and what it still lacks.
pub(crate) fn device(language: Language, path: &DevicePath) -> String {
    let now = connection(language, path);
    match waiting(language, path) {
        Some(waiting) => format!("{now}; {waiting}"),
        None => now,
    }
}

fn connection(language: Language, path: &DevicePath) -> String {
    let age = path.since.map(|since| moment::ago(language, since));
    match (language, path.connection.as_str(), age) {
        (Language::English, "none", None) => "not connected, and not heard of yet".to_owned(),
        (Language::English, "none", Some(age)) => format!("not connected, last heard of {age} ago"),
        (Language::English, "direct", age) => since("connected directly", age),
        (Language::English, "relayed", age) => since("connected through a relay", age),
        (Language::English, other, age) => since(other, age),
        (Language::Korean, "none", None) => "연결 없음, 아직 소식 없음".to_owned(),
        (Language::Korean, "none", Some(age)) => format!("연결 없음, 마지막 소식 {age}"),
        (Language::Korean, other, age) => {
            let age = age.map(|age| format!(" ({age}부터)")).unwrap_or_default();
            format!("{} 연결됨{age}", states::path(language, other))
        }
    }
}

fn since(what: &str, age: Option<String>) -> String {
    age.map_or_else(|| what.to_owned(), |age| format!("{what} for {age}"))
}

fn waiting(language: Language, path: &DevicePath) -> Option<String> {
    let (waiting, at_relay) = (path.waiting, path.at_relay);
    if waiting == 0 {
        return None;
    }
    let all_there = at_relay >= waiting;
    Some(match language {
        Language::English => {
            let wait =
                if waiting == 1 { "1 message waits".to_owned() } else { format!("{waiting} messages wait") };
            match at_relay {
                0 => format!("{wait} on this machine"),
                _ if all_there => format!("{wait} sealed at a relay"),
                some => format!("{wait}, {some} of them sealed at a relay"),
            }
        }
        Language::Korean => match at_relay {
            0 => format!("메시지 {waiting}개가 이 컴퓨터에서 기다림"),
            _ if all_there => format!("메시지 {waiting}개가 릴레이에서 봉인된 채 기다림"),
            some => format!("메시지 {waiting}개가 기다림, 그중 {some}개는 릴레이에 봉인됨"),
        },
    })
}

/// State of a relay, since when, and why; the reason in words.
pub(crate) fn relay(language: Language, relay: &Relay) -> String {
    let why = relay.reason.as_deref().map(|said| reasons::relay(language, said));
    relay_line(language, relay, why.as_deref())
}

/// The same in the moment in which it becomes so.
pub(crate) fn relay_now(language: Language, now: &Relay) -> String {
    relay(language, &Relay { since: None, ..now.clone() })
}

/// The same with the reason as it came.
pub(crate) fn relay_record(relay: &Relay) -> String {
    relay_line(Language::English, relay, relay.reason.as_deref())
}

fn relay_line(language: Language, relay: &Relay, why: Option<&str>) -> String {
    let state = states::relay(language, relay.state);
    let age = relay.since.map(|since| moment::ago(language, since));
    let age = match (language, age) {
        (_, None) => String::new(),
        (Language::English, Some(age)) => format!(" for {age}"),
        (Language::Korean, Some(age)) => format!(" ({age}부터)"),
    };
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    format!("{} {state}{age}{why}", relay.addr)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(connection: &str, since: Option<u64>, waiting: u64, at_relay: u64) -> DevicePath {
        DevicePath {
            account: "a".repeat(64),
            device: "d".repeat(64),
            path: "stream".to_owned(),
            reason: "stream".to_owned(),
            connection: connection.to_owned(),
            since,
            waiting,
            at_relay,
        }
    }

    #[test]
    fn what_is_said_of_a_machine_is_true_now() {
        let english = |path| device(Language::English, &path);
        assert_eq!(english(path("none", None, 0, 0)), "not connected, and not heard of yet");
        assert_eq!(
            english(path("direct", None, 1, 0)),
            "connected directly; 1 message waits on this machine"
        );
        assert_eq!(
            english(path("relayed", None, 2, 2)),
            "connected through a relay; 2 messages wait sealed at a relay"
        );
        let away = english(path("none", Some(1_000), 3, 1));
        assert!(away.starts_with("not connected, last heard of ") && away.contains("d ago; "), "{away}");
        assert!(away.ends_with("3 messages wait, 1 of them sealed at a relay"), "{away}");
    }

    #[test]
    fn it_is_said_in_korean_too() {
        for connection in ["none", "direct", "relayed"] {
            for (since, waiting, at_relay) in [(None, 0, 0), (Some(1), 2, 1), (Some(1), 2, 2), (None, 2, 0)] {
                let said = device(Language::Korean, &path(connection, since, waiting, at_relay));
                assert!(said.contains("연결"), "{said}");
                assert!(!said.chars().any(|c| c.is_ascii_alphabetic()), "{said}");
            }
        }
    }
}
