//! Words that the shell says by itself, outside of the page: those of notifications.
//!
//! It must not know when they are said. Invariant: they stand in the catalogues of the page and nowhere else,
//! so that there is one place for words.

use std::{collections::BTreeMap, sync::OnceLock};

use serde_json::Value;

/// A language that we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// English.
    English,
    /// Korean.
    Korean,
}

/// Something that the shell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// Name of the product.
    Product,
    /// The action of a notification that shows its message.
    Open,
}

/// Texts by key; the ones with plural forms are for the page alone.
type Catalogue = BTreeMap<String, String>;

impl Language {
    /// The language that was chosen in the settings (`ko`, `en`, anything else means the system's), else the one of
    /// the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set.
    pub(crate) fn of(chosen: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let system = || set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG"));
        let locale = match chosen {
            Some("ko") => return Self::Korean,
            Some("en") => return Self::English,
            _ => system().unwrap_or_default(),
        };
        match locale.split(['_', '.', '@']).next() {
            Some("ko") => Self::Korean,
            _ => Self::English,
        }
    }

    fn catalogue(self) -> &'static Catalogue {
        static ENGLISH: OnceLock<Catalogue> = OnceLock::new();
        static KOREAN: OnceLock<Catalogue> = OnceLock::new();
        match self {
            Self::English => ENGLISH.get_or_init(|| read(include_str!("../../ui/messages/en.json"))),
            Self::Korean => KOREAN.get_or_init(|| read(include_str!("../../ui/messages/ko.json"))),
        }
    }
}

impl Word {
    fn key(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Open => "notice_open",
        }
    }

    /// The word in a language. A test sees to it that every catalogue has every one.
    pub(crate) fn say(self, language: Language) -> &'static str {
        language.catalogue().get(self.key()).map_or(self.key(), String::as_str)
    }
}

fn read(catalogue: &str) -> Catalogue {
    let entries: BTreeMap<String, Value> = serde_json::from_str(catalogue).unwrap_or_else(|error| {
        tracing::error!(%error, "a catalogue of the page cannot be read");
        BTreeMap::new()
    });
    entries.into_iter().filter_map(|(key, text)| Some((key, text.as_str()?.to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(chosen: Option<&str>, variables: &[(&str, &str)]) -> Language {
        Language::of(chosen, |name| {
            variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_was_chosen_counts_before_the_system() {
        let korean = [("LANG", "ko_KR.UTF-8")];
        assert_eq!(language(None, &korean), Language::Korean);
        assert_eq!(language(Some("system"), &korean), Language::Korean);
        assert_eq!(language(Some("en"), &korean), Language::English);
        assert_eq!(language(Some("ko"), &[]), Language::Korean);
        assert_eq!(language(None, &[("LANG", "ko_KR.UTF-8"), ("LC_ALL", "C")]), Language::English);
        assert_eq!(language(None, &[("LANG", "C"), ("LC_ALL", ""), ("LC_MESSAGES", "ko")]), Language::Korean);
        assert_eq!(language(None, &[("LANG", "kok_IN")]), Language::English);
        assert_eq!(language(None, &[]), Language::English);
    }

    #[test]
    fn every_word_is_in_both_catalogues() {
        let said = |word: Word| [Language::English, Language::Korean].map(|language| word.say(language));
        assert_eq!(said(Word::Product), ["Madang", "마당"]);
        assert_eq!(said(Word::Open), ["Open", "열기"]);
    }
}
