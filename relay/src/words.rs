//! What the relay says to its operator, in English and in Korean.
//!
//! Owns the choice of the language and, below, every text in Korean. It must not know how a relay works. Invariant:
//! only what people read at the terminal is translated; log lines, JSON and the configuration are the same everywhere.

mod config;
mod data;
pub(crate) mod failures;
pub(crate) mod help;
pub(crate) mod notices;
mod system;
pub(crate) mod usage;

#[cfg(test)]
mod failures_tests;

/// A language of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// English.
    English,
    /// Korean.
    Korean,
}

impl Language {
    /// The language of the environment: the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set.
    pub(crate) fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        match set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG")) {
            Some(locale) if locale == "ko" || locale.starts_with("ko_") || locale.starts_with("ko.") => {
                Self::Korean
            }
            _ => Self::English,
        }
    }

    /// The language of this process.
    pub(crate) fn of_process() -> Self {
        Self::of_environment(|name| std::env::var(name).ok())
    }

    /// The one of an English and a Korean text that is in this language.
    pub(crate) fn of<T>(self, (english, korean): (T, T)) -> T {
        match self {
            Self::English => english,
            Self::Korean => korean,
        }
    }
}

/// An English and a Korean text that say the same.
type Both = (String, String);

fn both(english: impl Into<String>, korean: impl Into<String>) -> Both {
    (english.into(), korean.into())
}

/// Whether a text has Korean letters, for tests.
#[cfg(test)]
fn is_korean(text: &str) -> bool {
    text.chars().any(|c| ('가'..='힣').contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(variables: &[(&str, &str)]) -> Language {
        Language::of_environment(|name| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_chooses_the_language() {
        assert_eq!(language(&[]), Language::English);
        assert_eq!(language(&[("LANG", "ko_KR.UTF-8")]), Language::Korean);
        assert_eq!(language(&[("LANG", "ko_KR.UTF-8"), ("LC_ALL", "C")]), Language::English);
        assert_eq!(language(&[("LANG", "C"), ("LC_ALL", ""), ("LC_MESSAGES", "ko")]), Language::Korean);
        assert_eq!(language(&[("LANG", "kok_IN")]), Language::English);
    }
}
