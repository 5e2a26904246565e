//! What the commands say in passing: notes beside the data and the small words in it.

use std::path::Path;

use super::Language;

/// Something that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Above the words of a new account.
    PhraseShown,
    /// After a new account.
    RunNext,
    /// No friends yet.
    NoFriends,
    /// No requests.
    NoRequests,
    /// No invites.
    NoInvites,
    /// No relays.
    NoRelays,
    /// No machine of anybody is known.
    NoPaths,
    /// No message fits.
    NothingFound,
    /// A recovery phrase is right, and that is all that can be said of it yet.
    RestoreLater,
    /// No node runs, and what a doctor can do about that.
    DoctorOffline,
    /// A friend who was asked and has not answered.
    Requested,
    /// A friend.
    Friend,
    /// In the place of a text that was deleted.
    Deleted,
    /// Since when a newcomer sees a room without a limit.
    Beginning,
    /// An invite for one person.
    Once,
    /// An invite for many.
    Many,
    /// An invite that was taken back.
    Withdrawn,
    /// Yes.
    Yes,
    /// No.
    No,
}

/// Every notice, for tests.
#[cfg(test)]
const ALL: [Notice; 19] = [
    Notice::PhraseShown,
    Notice::RunNext,
    Notice::NoFriends,
    Notice::NoRequests,
    Notice::NoInvites,
    Notice::NoRelays,
    Notice::NoPaths,
    Notice::NothingFound,
    Notice::RestoreLater,
    Notice::DoctorOffline,
    Notice::Requested,
    Notice::Friend,
    Notice::Deleted,
    Notice::Beginning,
    Notice::Once,
    Notice::Many,
    Notice::Withdrawn,
    Notice::Yes,
    Notice::No,
];

impl Notice {
    /// The words of it.
    pub(crate) fn say(self, language: Language) -> &'static str {
        language.of(self.both())
    }

    fn both(self) -> (&'static str, &'static str) {
        match self {
            Self::PhraseShown => (
                "The recovery phrase of this account. It is shown once and kept nowhere: write it down.",
                "이 계정의 복구 문구입니다. 지금 한 번만 보여 주고 어디에도 두지 않으니 적어 두세요.",
            ),
            Self::RunNext => (
                "Next: `madang run` starts the node of this account.",
                "다음: `madang run`으로 이 계정의 노드를 시작하세요.",
            ),
            Self::NoFriends => (
                "No friends yet: `madang invite create` makes a link to send, `madang friend add LINK` uses one.",
                "아직 친구가 없습니다. `madang invite create`로 보낼 링크를 만들거나 `madang friend add 링크`로 받은 링크를 쓰세요.",
            ),
            Self::NoRequests => ("No request waits for an answer.", "답을 기다리는 요청이 없습니다."),
            Self::NoInvites => (
                "No invites: `madang invite create` makes one.",
                "초대가 없습니다. `madang invite create`로 만드세요.",
            ),
            Self::NoRelays => (
                "No relays: `madang relay add ADDR` adds one, which keeps messages for whoever is away.",
                "릴레이가 없습니다. `madang relay add 주소`로 넣으면 꺼져 있는 사람의 메시지를 맡아 줍니다.",
            ),
            Self::NoPaths => (
                "There is no machine to reach yet: make friends first, with `madang invite create`.",
                "아직 닿을 기기가 없습니다. `madang invite create`로 먼저 친구가 되세요.",
            ),
            Self::NothingFound => ("No message was found.", "찾은 메시지가 없습니다."),
            Self::RestoreLater => (
                "The phrase is right, and nothing was changed. This version cannot bring the account back yet: a later \
                 one does. Keep the words until then.",
                "복구 문구가 맞습니다. 아무것도 바꾸지 않았습니다. 이 버전은 아직 계정을 되찾지 못하며 다음 버전에서 할 \
                 수 있습니다. 그때까지 문구를 간직하세요.",
            ),
            Self::DoctorOffline => (
                "No node runs on this home, so there is nothing to ask. `madang doctor --offline` looks at its files; \
                 `madang run` starts the node.",
                "이 홈에서 실행 중인 노드가 없어 물어볼 수 없습니다. `madang doctor --offline`은 홈의 파일을 살피고, \
                 `madang run`은 노드를 시작합니다.",
            ),
            Self::Requested => ("requested: waits for the other side", "요청함: 상대의 답을 기다립니다"),
            Self::Friend => ("friend", "친구"),
            Self::Deleted => ("(deleted)", "(삭제됨)"),
            Self::Beginning => ("the beginning", "처음부터"),
            Self::Once => ("once", "한 번"),
            Self::Many => ("many", "여러 번"),
            Self::Withdrawn => ("withdrawn", "취소됨"),
            Self::Yes => ("yes", "예"),
            Self::No => ("no", "아니요"),
        }
    }
}

/// The key of a new home lies in the file `key`.
pub(crate) fn key_in_file(language: Language, key: &Path) -> String {
    let key = key.display();
    match language {
        Language::English => format!(
            "Warning: there is neither a passphrase nor a keyring, so the key of this home lies in the file {key}. Whoever \
             can read this file can read everything in the home. To lock it, make the account in a new home with a \
             passphrase in MADANG_PASSPHRASE or --passphrase-file, or while the keyring of the system is unlocked."
        ),
        Language::Korean => format!(
            "주의: 암호도 키링도 없어서 이 홈의 열쇠를 {key} 파일에 두었습니다. 이 파일을 읽을 수 있는 사람은 홈의 모든 것을 \
             읽을 수 있습니다. 잠그려면 MADANG_PASSPHRASE나 --passphrase-file로 암호를 주거나 시스템 키링을 연 채로 새 \
             홈에 계정을 만드세요."
        ),
    }
}

/// How far the clock of this machine is off.
pub(crate) fn clock_corrected(language: Language, ms: i64) -> String {
    match language {
        Language::English => format!("corrected by {ms} ms"),
        Language::Korean => format!("{ms}ms 보정함"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_notice_is_said_in_english_and_in_korean() {
        for notice in ALL {
            assert!(notice.say(Language::English).is_ascii(), "{notice:?}");
            assert!(notice.say(Language::Korean).chars().any(|c| ('가'..='힣').contains(&c)), "{notice:?}");
        }
    }

    #[test]
    fn whoever_wants_an_account_back_is_told_what_is_and_what_is_not_possible() {
        let said = Notice::RestoreLater.say(Language::English);
        for truth in
            ["phrase is right", "nothing was changed", "cannot bring the account back yet", "Keep the words"]
        {
            assert!(said.contains(truth), "{said}");
        }
    }
}
