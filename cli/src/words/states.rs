//! Words for states, paths, roles and marks. In English they are those of the contract.
//!
//! Invariant: what a newer node says and this version does not know is shown as it came.

use madang_api::{
    messages::{DeviceState, MessageState},
    network::RelayState,
};

use super::Language;

/// How far an own message is.
pub(crate) fn message(language: Language, state: MessageState) -> &'static str {
    language.of(match state {
        MessageState::Sending => ("sending", "보내는 중"),
        MessageState::Relayed => ("relayed", "릴레이에 있음"),
        MessageState::Delivered => ("delivered", "전달됨"),
        MessageState::Read => ("read", "읽음"),
        MessageState::Failed => ("failed", "실패"),
    })
}

/// How far a message is at one machine.
pub(crate) fn device(language: Language, state: DeviceState) -> &'static str {
    language.of(match state {
        DeviceState::Queued => ("queued", "대기"),
        DeviceState::Relayed => ("relayed", "릴레이에 있음"),
        DeviceState::Delivered => ("delivered", "전달됨"),
        DeviceState::Read => ("read", "읽음"),
    })
}

/// How it stands with a relay.
pub(crate) fn relay(language: Language, state: RelayState) -> &'static str {
    language.of(match state {
        RelayState::Connected => ("connected", "연결됨"),
        RelayState::Connecting => ("connecting", "연결 중"),
        RelayState::Failed => ("failed", "실패"),
    })
}

/// Which path a message took, or how a machine is connected.
pub(crate) fn path(language: Language, said: &str) -> &str {
    known(language, said, |said| {
        Some(match said {
            "gossip" => "가십",
            "stream" => "스트림",
            "relay" => "릴레이",
            "direct" => "직접",
            "relayed" => "릴레이 경유",
            "none" => "없음",
            _ => return None,
        })
    })
}

/// What somebody may do in a room.
pub(crate) fn role(language: Language, said: &str) -> &str {
    known(language, said, |said| {
        Some(match said {
            "owner" => "방장",
            "admin" => "관리자",
            "moderator" => "운영자",
            "member" => "구성원",
            "reader" => "읽기만",
            _ => return None,
        })
    })
}

/// What is kept about a friend.
pub(crate) fn mark(language: Language, said: &str) -> &str {
    known(language, said, |said| {
        Some(match said {
            "favourite" => "즐겨찾기",
            "hidden" => "숨김",
            "blocked" => "차단",
            _ => return None,
        })
    })
}

/// What newcomers of a room see: `none`, `now`, `days:N` or `all`.
pub(crate) fn history(language: Language, said: &str) -> String {
    let korean = match (language, said.strip_prefix("days:")) {
        (Language::English, _) => return said.to_owned(),
        (Language::Korean, Some(days)) => return format!("지난 {days}일"),
        (Language::Korean, None) => match said {
            "all" => "전부",
            "now" => "들어온 뒤부터",
            "none" => "없음",
            _ => said,
        },
    };
    korean.to_owned()
}

/// What keeps a home locked.
pub(crate) fn slot(language: Language, said: &str) -> &str {
    known(language, said, |said| {
        Some(match said {
            "passphrase" => "암호",
            "keyring" => "키링",
            "key file" => "열쇠 파일",
            "recovery phrase" => "복구 문구",
            _ => return None,
        })
    })
}

fn known(language: Language, said: &str, korean: fn(&str) -> Option<&'static str>) -> &str {
    match language {
        Language::English => said,
        Language::Korean => korean(said).unwrap_or(said),
    }
}

#[cfg(test)]
mod tests {
    use madang_terminal::is_korean;

    use super::*;
    use crate::messages::word;

    #[test]
    fn english_words_are_those_of_the_contract_and_korean_ones_are_korean() {
        use {DeviceState as D, MessageState as M, RelayState as R};
        let (english, korean) = (Language::English, Language::Korean);
        for state in [M::Sending, M::Relayed, M::Delivered, M::Read, M::Failed] {
            assert_eq!(message(english, state), word(&state));
            assert!(is_korean(message(korean, state)), "{state:?}");
        }
        for state in [D::Queued, D::Relayed, D::Delivered, D::Read] {
            assert_eq!(device(english, state), word(&state));
            assert!(is_korean(device(korean, state)), "{state:?}");
        }
        for state in [R::Connected, R::Connecting, R::Failed] {
            assert_eq!(relay(english, state), word(&state));
            assert!(is_korean(relay(korean, state)), "{state:?}");
        }
    }

    #[test]
    fn every_word_of_the_node_has_a_korean_one_and_a_newer_one_stays() {
        type Say = fn(Language, &str) -> &str;
        let all: [(Say, &[&str]); 4] = [
            (path, &["gossip", "stream", "relay", "direct", "relayed", "none"]),
            (role, &["owner", "admin", "moderator", "member", "reader"]),
            (mark, &["favourite", "hidden", "blocked"]),
            (slot, &["passphrase", "recovery phrase", "keyring", "key file"]),
        ];
        for (say, words) in all {
            for word in words {
                assert_eq!(say(Language::English, word), *word);
                assert!(is_korean(say(Language::Korean, word)), "{word}");
            }
            assert_eq!(say(Language::Korean, "moon"), "moon");
        }
        for said in ["all", "now", "none", "days:7"] {
            assert_eq!(history(Language::English, said), said);
            assert!(is_korean(&history(Language::Korean, said)), "{said}");
        }
        assert_eq!(history(Language::Korean, "moon"), "moon");
    }
}
