//! The language of the messages.

/// A language that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Korean.
    Korean,
}

impl Language {
    /// The language of the environment: the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set (POSIX 8.2).
    pub fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG")).unwrap_or_default();
        match locale.split(['_', '.', '@']).next() {
            Some("ko") => Self::Korean,
            _ => Self::English,
        }
    }

    /// The language of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self::of_environment(|name| std::env::var(name).ok())
    }

    /// The one of an English and a Korean text that is in this language.
    pub fn of<T>(self, (english, korean): (T, T)) -> T {
        match self {
            Self::English => english,
            Self::Korean => korean,
        }
    }
}

/// Whether a text has Korean letters: what tests of words ask.
#[must_use]
pub fn is_korean(text: &str) -> bool {
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
        assert_eq!(language(&[("LANG", "ko@euro")]), Language::Korean);
        assert_eq!(language(&[("LANG", "kok_IN")]), Language::English);
    }
}
