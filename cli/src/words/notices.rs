//! What the commands say in passing: notes beside the data and the small words in it.

use super::Language;

/// Something that is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Above the words of a new account.
    PhraseShown,
    /// The key of a new home lies in a file.
    KeyInFile,
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
const ALL: [Notice; 13] = [
    Notice::PhraseShown,
    Notice::KeyInFile,
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
            Self::KeyInFile => (
                "Warning: there is neither a passphrase nor a keyring, so the key of this home lies in a file beside it.",
                "주의: 암호도 키링도 없어서 이 홈의 열쇠를 같은 곳의 파일에 두었습니다.",
            ),
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
