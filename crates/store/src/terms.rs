//! Terms: how a text is cut for the full-text index, and how a half-typed Korean syllable is compared.
//!
//! Must not know the index. Invariant: a text and a query are cut by the same function, so what is typed as it was
//! written is found.
//!
//! Korean, Chinese and Japanese put no spaces where a search begins, so runs of them become overlapping pairs of
//! characters; a run of one stays as it is. Words of other scripts stay whole.

use unicode_normalization::UnicodeNormalization;

/// A stretch of text that is indexed as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// Characters that are paired.
    Pairs(Vec<char>),
    /// A word that stays whole.
    Word(String),
}

/// NFC and lower case: the form in which texts are compared.
pub fn normalize(text: &str) -> String {
    text.nfc().collect::<String>().to_lowercase()
}

/// The terms of a text, in order, repeated as they occur.
pub fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    for run in runs(text) {
        match run {
            Run::Pairs(chars) => tokens.extend(pairs(&chars)),
            Run::Word(word) => tokens.push(word),
        }
    }
    tokens
}

/// Cuts a text into runs.
pub(crate) fn runs(text: &str) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut joined = false;
    for c in normalize(text).chars() {
        if is_paired(c) {
            match runs.last_mut() {
                Some(Run::Pairs(chars)) if joined => chars.push(c),
                _ => runs.push(Run::Pairs(vec![c])),
            }
            joined = true;
        } else if c.is_alphanumeric() {
            match runs.last_mut() {
                Some(Run::Word(word)) if joined => word.push(c),
                _ => runs.push(Run::Word(c.to_string())),
            }
            joined = true;
        } else {
            joined = false;
        }
    }
    runs
}

/// The overlapping pairs of a run, or its only character.
pub(crate) fn pairs(chars: &[char]) -> Vec<String> {
    match chars {
        [] => Vec::new(),
        [one] => vec![one.to_string()],
        many => many.windows(2).map(|pair| pair.iter().collect()).collect(),
    }
}

fn is_paired(c: char) -> bool {
    matches!(c,
        '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}'
        | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}'
        | '\u{3005}'..='\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Whether a character is Hangul that further keys may still change: a syllable or a lone letter.
pub(crate) fn is_hangul(c: char) -> bool {
    matches!(c, '\u{3131}'..='\u{318e}' | '\u{ac00}'..='\u{d7a3}')
}

const FIRST_SYLLABLE: u32 = 0xac00;
const INITIALS: [&str; 19] = [
    "ㄱ", "ㄲ", "ㄴ", "ㄷ", "ㄸ", "ㄹ", "ㅁ", "ㅂ", "ㅃ", "ㅅ", "ㅆ", "ㅇ", "ㅈ", "ㅉ", "ㅊ", "ㅋ", "ㅌ",
    "ㅍ", "ㅎ",
];
const VOWELS: [&str; 21] = [
    "ㅏ", "ㅐ", "ㅑ", "ㅒ", "ㅓ", "ㅔ", "ㅕ", "ㅖ", "ㅗ", "ㅗㅏ", "ㅗㅐ", "ㅗㅣ", "ㅛ", "ㅜ", "ㅜㅓ", "ㅜㅔ",
    "ㅜㅣ", "ㅠ", "ㅡ", "ㅡㅣ", "ㅣ",
];
const FINALS: [&str; 28] = [
    "", "ㄱ", "ㄲ", "ㄱㅅ", "ㄴ", "ㄴㅈ", "ㄴㅎ", "ㄷ", "ㄹ", "ㄹㄱ", "ㄹㅁ", "ㄹㅂ", "ㄹㅅ", "ㄹㅌ", "ㄹㅍ",
    "ㄹㅎ", "ㅁ", "ㅂ", "ㅂㅅ", "ㅅ", "ㅆ", "ㅇ", "ㅈ", "ㅊ", "ㅋ", "ㅌ", "ㅍ", "ㅎ",
];

/// The keys by which a text is typed on a Korean keyboard. A half-typed text is a prefix of the whole one in this form,
/// also where the last consonant moves to the next syllable (`간` on the way to `가나`).
pub fn strokes(text: &str) -> String {
    let mut keys = String::new();
    for c in normalize(text).chars() {
        match syllable(c) {
            Some((initial, vowel, last)) => keys.extend([initial, vowel, last]),
            None => letter(c, &mut keys),
        }
    }
    keys
}

fn syllable(c: char) -> Option<(&'static str, &'static str, &'static str)> {
    if !('\u{ac00}'..='\u{d7a3}').contains(&c) {
        return None;
    }
    let index = usize::try_from(u32::from(c).checked_sub(FIRST_SYLLABLE)?).ok()?;
    let initial = INITIALS.get(index.checked_div(21 * 28)?)?;
    let vowel = VOWELS.get(index.checked_div(28)?.checked_rem(21)?)?;
    let last = FINALS.get(index.checked_rem(28)?)?;
    Some((initial, vowel, last))
}

/// A lone letter: compound ones fall into their keys, everything else stays.
fn letter(c: char, keys: &mut String) {
    let parts = match c {
        'ㄳ' => "ㄱㅅ",
        'ㄵ' => "ㄴㅈ",
        'ㄶ' => "ㄴㅎ",
        'ㄺ' => "ㄹㄱ",
        'ㄻ' => "ㄹㅁ",
        'ㄼ' => "ㄹㅂ",
        'ㄽ' => "ㄹㅅ",
        'ㄾ' => "ㄹㅌ",
        'ㄿ' => "ㄹㅍ",
        'ㅀ' => "ㄹㅎ",
        'ㅄ' => "ㅂㅅ",
        'ㅘ' => "ㅗㅏ",
        'ㅙ' => "ㅗㅐ",
        'ㅚ' => "ㅗㅣ",
        'ㅝ' => "ㅜㅓ",
        'ㅞ' => "ㅜㅔ",
        'ㅟ' => "ㅜㅣ",
        'ㅢ' => "ㅡㅣ",
        other => {
            keys.push(other);
            return;
        }
    };
    keys.push_str(parts);
}

#[cfg(test)]
#[path = "terms_tests.rs"]
mod tests;
