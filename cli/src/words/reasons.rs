//! Why a message waits, why a path was taken, why a relay does not answer: sentences for the codes of the node, each
//! with what to do.

use super::Language;

type Both = (&'static str, &'static str);

/// Longest code that is shown, in characters: a relay can answer whatever it likes.
const CODE_MAX: usize = 120;

/// Why a machine does not have a message yet.
pub(crate) fn message(language: Language, said: &str) -> String {
    let both = match said {
        "not_reached" => Some((
            "not reached yet; it comes by itself once both of you are on, or through a relay",
            "아직 닿지 않음. 둘 다 켜지면, 또는 릴레이로 저절로 전해집니다",
        )),
        "at_other_relay" => Some((
            "waits sealed at your relay; this machine looks there as soon as it is on",
            "내 릴레이에서 봉인된 채 기다립니다. 이 기기가 켜지면 거기에서 받아 갑니다",
        )),
        "waits_at_relay" => Some((
            "waits sealed at a relay until this machine is on; nothing needs to be done",
            "이 기기가 켜질 때까지 릴레이에서 봉인된 채 기다립니다. 그대로 두면 됩니다",
        )),
        "not_member" => Some((
            "this room does not carry it any more: you have left it, or the 1:1 is closed",
            "이 방에서는 더 전해지지 않습니다. 방을 나갔거나 1:1 대화가 닫혔습니다",
        )),
        "relay_expired" => Some((
            "the relay no longer keeps it; it goes on by itself when a machine of the friend is on",
            "릴레이 보관 기간이 지났습니다. 친구의 기기가 켜지면 저절로 다시 보냅니다",
        )),
        _ => None,
    };
    told(language, both, said)
}

/// Why the last message took its path.
pub(crate) fn path(language: Language, said: &str) -> String {
    let both = match said {
        "gossip" => Some((
            "the last message went to the whole room at once",
            "마지막 메시지는 방 전체에 한꺼번에 갔습니다",
        )),
        "stream" => Some((
            "the last message went straight to this machine",
            "마지막 메시지는 이 기기로 곧장 갔습니다",
        )),
        "repair" => Some((
            "the last message came when both compared what they have",
            "마지막 메시지는 서로 가진 것을 견주어 보고 갔습니다",
        )),
        "log" => Some((
            "the last message was fetched from a relay, because no direct connection carried it",
            "마지막 메시지는 직접 가는 길이 없어 릴레이에서 받아 갔습니다",
        )),
        "nothing_sent" => Some((
            "no message has arrived there since the node was started; send one to see its path",
            "노드를 켠 뒤로 도착한 메시지가 없습니다. 메시지를 보내면 길이 보입니다",
        )),
        _ => None,
    };
    told(language, both, said)
}

/// Why a relay is not connected: a code of protocol section 10.2, or what the network library says.
pub(crate) fn relay(language: Language, said: &str) -> String {
    told(language, refusal(said).or_else(|| connection(said)), said)
}

fn refusal(said: &str) -> Option<Both> {
    Some(match said {
        "admission" => (
            "it wants an admission code: ask its operator, then `madang relay add ADDR --code CODE`",
            "참가 코드가 필요합니다. 운영자에게 받아 `madang relay add 주소 --code 코드`로 넣으세요",
        ),
        "quota" => (
            "it has no room left for this account: ask its operator, or add another relay",
            "이 계정에 남은 공간이 없습니다. 운영자에게 부탁하거나 다른 릴레이를 넣으세요",
        ),
        "token" => (
            "it does not take our permit to write, which is renewed by itself; if this stays, remove it and add it again",
            "쓰기 허가를 받아 주지 않습니다. 저절로 새로 받으며, 계속되면 뺐다가 다시 넣으세요",
        ),
        "pow" => (
            "it asks for a proof of work, which this version cannot give: update Madang, or add another relay",
            "이 버전에 없는 작업 증명을 요구합니다. 마당을 업데이트하거나 다른 릴레이를 넣으세요",
        ),
        "auth" => (
            "it does not accept the key of this account: remove it and add it again",
            "이 계정의 열쇠를 받아 주지 않습니다. 뺐다가 다시 넣으세요",
        ),
        "not_found" => (
            "it no longer knows this account, and is told anew by itself; if this stays, remove it and add it again",
            "이 계정을 더는 모릅니다. 저절로 다시 알리며, 계속되면 뺐다가 다시 넣으세요",
        ),
        "version" => (
            "it speaks another version: update Madang, or ask its operator to update the relay",
            "버전이 다릅니다. 마당을 업데이트하거나 운영자에게 릴레이의 업데이트를 부탁하세요",
        ),
        "busy" => {
            ("it has too much to do; tried again by itself", "릴레이가 바쁩니다. 저절로 다시 시도합니다")
        }
        "too_large" => (
            "it does not take pieces of this size: ask its operator, or add another relay",
            "이만한 크기를 받지 않습니다. 운영자에게 묻거나 다른 릴레이를 넣으세요",
        ),
        "bad_frame" => (
            "it and this version do not understand each other: update Madang, or ask its operator to update the relay",
            "서로 알아듣지 못합니다. 마당을 업데이트하거나 운영자에게 릴레이의 업데이트를 부탁하세요",
        ),
        _ => return None,
    })
}

/// Failures of a connection come as text; the first that fits counts.
fn connection(said: &str) -> Option<Both> {
    let said = said.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| said.contains(part));
    Some(match () {
        () if has(&["unexpected peer id"]) => (
            "something else answers at this address: ask its operator for the right one",
            "이 주소에서는 다른 기기가 응답합니다. 운영자에게 올바른 주소를 물어보세요",
        ),
        () if has(&["protocol refused"]) => (
            "what answers at this address is no relay: check the address",
            "이 주소에서 응답하는 것은 릴레이가 아닙니다. 주소를 확인하세요",
        ),
        () if has(&["no addresses"]) => (
            "the name in this address leads nowhere: check the address and the network",
            "주소에 적힌 이름을 찾을 수 없습니다. 주소와 네트워크를 확인하세요",
        ),
        () if has(&["timed out", "timeout"]) => (
            "it did not answer in time: check the network; tried again by itself",
            "제때 응답하지 않았습니다. 네트워크를 확인하세요. 저절로 다시 시도합니다",
        ),
        () if has(&["cannot be reached", "connection refused", "failed to negotiate", "dial error"]) => (
            "it cannot be reached: check the network and the address; tried again by itself",
            "닿지 않습니다. 네트워크와 주소를 확인하세요. 저절로 다시 시도합니다",
        ),
        () if has(&["closed", "stream failed", "above the cap", "owner has gone"]) => (
            "it ended the connection; tried again by itself",
            "릴레이가 연결을 끊었습니다. 저절로 다시 시도합니다",
        ),
        () if has(&["too many pending streams", "swarm has stopped"]) => (
            "too many connections are being opened; tried again by itself",
            "지금 여는 연결이 너무 많습니다. 저절로 다시 시도합니다",
        ),
        () => return None,
    })
}

/// The sentence, or a general one with what was said.
fn told(language: Language, both: Option<Both>, said: &str) -> String {
    if let Some(both) = both {
        return language.of(both).to_owned();
    }
    let mut code: String = said.chars().take(CODE_MAX).collect();
    if code.len() < said.len() {
        code.push('…');
    }
    match language {
        Language::English => format!("a reason that this version has no words for; update Madang ({code})"),
        Language::Korean => format!("이 버전이 모르는 이유입니다. 마당을 업데이트하세요 ({code})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: [&str; 5] =
        ["at_other_relay", "not_reached", "waits_at_relay", "relay_expired", "not_member"];
    const PATH: [&str; 5] = ["gossip", "stream", "repair", "log", "nothing_sent"];
    const RELAY: [&str; 10] = [
        "quota",
        "token",
        "pow",
        "auth",
        "admission",
        "not_found",
        "version",
        "busy",
        "too_large",
        "bad_frame",
    ];
    const CONNECTION: [&str; 9] = [
        "timed out",
        "stream closed",
        "connection closed",
        "protocol refused",
        "too many pending streams",
        "stream failed",
        "peer cannot be reached: Dial error: no addresses for peer.",
        "peer cannot be reached: Dial error: Unexpected peer ID 12D3KooWx at Dialer.",
        "peer cannot be reached: /ip4/127.0.0.1/tcp/1: Connection refused (os error 111)",
    ];

    #[test]
    fn everything_that_the_node_says_has_an_english_and_a_korean_sentence() {
        let all = [
            (&MESSAGE[..], message as fn(Language, &str) -> String),
            (&PATH, path),
            (&RELAY, relay),
            (&CONNECTION, relay),
        ];
        for (said, words) in all.iter().flat_map(|(list, words)| list.iter().map(move |said| (*said, words)))
        {
            let (english, korean) = (words(Language::English, said), words(Language::Korean, said));
            assert!(english.is_ascii() && !english.contains("no words for"), "{said}: {english}");
            assert!(!korean.contains("모르는 이유"), "{said}: {korean}");
            assert!(korean.chars().any(|c| ('가'..='힣').contains(&c)), "{said}: {korean}");
        }
    }

    #[test]
    fn failures_of_a_connection_are_told_apart() {
        let said: std::collections::BTreeSet<String> =
            CONNECTION.iter().map(|said| relay(Language::English, said)).collect();
        // Three of the nine are one stream that ended.
        assert_eq!(said.len(), CONNECTION.len() - 2, "{said:#?}");
    }

    #[test]
    fn what_has_no_words_is_shown_at_the_end_of_a_general_sentence() {
        assert_eq!(
            path(Language::English, "moon_phase"),
            "a reason that this version has no words for; update Madang (moon_phase)"
        );
        assert!(relay(Language::Korean, &"x".repeat(10_000)).chars().count() < 200);
    }
}
