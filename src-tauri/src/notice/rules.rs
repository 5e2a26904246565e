//! What a person wants to be told by the system, and how much of it.
//!
//! Must not know how a notification is shown. Invariant: a setting that cannot be read counts as never set.

use madang_terminal::Language;

use crate::words::Word;

/// The setting with how much a notification says: `full`, `name` or `none`.
pub(crate) const PRIVACY: &str = "notify.privacy";
/// The setting until when nothing is shown: ms since 1970, or `always`.
pub(crate) const QUIET: &str = "notify.quiet_until";
/// What stands before the room in the setting until when it is muted.
pub(crate) const MUTE: &str = "notify.mute.";

/// How much a notification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privacy {
    /// Who wrote, and what.
    Full,
    /// Who wrote.
    Name,
    /// That somebody wrote.
    Nothing,
}

impl Privacy {
    /// The choice that is kept in the setting.
    pub(crate) fn read(value: Option<&str>) -> Self {
        match value {
            Some("name") => Self::Name,
            Some("none") => Self::Nothing,
            _ => Self::Full,
        }
    }

    /// The two lines of a notification.
    pub(crate) fn lines(self, sender: &str, text: &str, language: Language) -> (String, String) {
        let hidden = || Word::NewMessage.say(language).to_owned();
        match self {
            Self::Full => (sender.to_owned(), text.to_owned()),
            Self::Name => (sender.to_owned(), hidden()),
            Self::Nothing => (Word::Product.say(language).to_owned(), hidden()),
        }
    }
}

/// Whether what was kept in a setting still holds at `now_ms`.
pub(crate) fn holds(until: Option<&str>, now_ms: u64) -> bool {
    match until {
        Some("always") => true,
        Some(until) => until.parse().is_ok_and(|until: u64| until > now_ms),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_ends_by_itself_or_never() {
        for (until, expected) in [
            (None, false),
            (Some("always"), true),
            (Some("1001"), true),
            (Some("1000"), false),
            (Some("-1"), false),
            (Some("soon"), false),
            (Some(""), false),
        ] {
            assert_eq!(holds(until, 1_000), expected, "{until:?}");
        }
    }

    #[test]
    fn each_level_says_less() {
        let lines = |value| Privacy::read(value).lines("민수", "비밀", Language::Korean);
        let both = |summary: &str, body: &str| (summary.to_owned(), body.to_owned());
        assert_eq!(lines(None), both("민수", "비밀"));
        assert_eq!(lines(Some("what?")), both("민수", "비밀"));
        assert_eq!(lines(Some("name")), both("민수", "새 메시지"));
        assert_eq!(lines(Some("none")), both("마당", "새 메시지"));
        let (summary, body) = Privacy::Nothing.lines("민수", "비밀", Language::English);
        assert_eq!((summary.as_str(), body.as_str()), ("Madang", "New message"));
    }
}
