//! Words that the shell says by itself, outside of the page: those of notifications.
//!
//! It must not know when they are said. Invariant: they stand in the catalogues of the page and nowhere else,
//! so that there is one place for words.

use std::{collections::BTreeMap, sync::OnceLock};

use madang_terminal::Language;
use serde_json::Value;

/// Something that the shell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// Name of the product.
    Product,
    /// The action of a notification that shows its message.
    Open,
    /// In place of a text that the person does not want to be shown.
    NewMessage,
}

/// Texts by key; the ones with plural forms are for the page alone.
type Catalogue = BTreeMap<String, String>;

/// The language that was chosen in the settings (`ko`, `en`, anything else means the system's).
pub(crate) fn language(chosen: Option<&str>) -> Language {
    match chosen {
        Some("ko") => Language::Korean,
        Some("en") => Language::English,
        _ => Language::of_process(),
    }
}

fn catalogue(language: Language) -> &'static Catalogue {
    static ENGLISH: OnceLock<Catalogue> = OnceLock::new();
    static KOREAN: OnceLock<Catalogue> = OnceLock::new();
    match language {
        Language::English => ENGLISH.get_or_init(|| read(include_str!("../../ui/messages/en.json"))),
        Language::Korean => KOREAN.get_or_init(|| read(include_str!("../../ui/messages/ko.json"))),
    }
}

impl Word {
    fn key(self) -> &'static str {
        match self {
            Self::Product => "product",
            Self::Open => "notice_open",
            Self::NewMessage => "notice_new",
        }
    }

    /// The word in a language. A test sees to it that every catalogue has every one.
    pub(crate) fn say(self, language: Language) -> &'static str {
        catalogue(language).get(self.key()).map_or(self.key(), String::as_str)
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

    #[test]
    fn what_was_chosen_counts_before_the_system() {
        let system = Language::of_process();
        assert_eq!(
            [Some("en"), Some("ko"), Some("system"), None].map(language),
            [Language::English, Language::Korean, system, system]
        );
    }

    #[test]
    fn every_word_is_in_both_catalogues() {
        let said = |word: Word| [Language::English, Language::Korean].map(|language| word.say(language));
        assert_eq!(said(Word::Product), ["Madang", "마당"]);
        assert_eq!(said(Word::Open), ["Open", "열기"]);
        assert_eq!(said(Word::NewMessage), ["New message", "새 메시지"]);
    }
}
