//! Characters that nobody sees, and with which a name looks empty or like that of somebody else (protocol section 1.2).
//!
//! Owns the list of them and where emoji need some of them. Must not know languages or rendering. Invariant: what
//! [`find`] lets pass has a shape on the screen, or belongs to the emoji beside it.

/// Joins two emoji into one.
const JOINER: char = '\u{200d}';
/// Ends the letters of a flag of a region.
const FLAG_END: char = '\u{e007f}';
/// The flag on which the letters of a region stand.
const BLACK_FLAG: char = '\u{1f3f4}';
/// What keycap emoji such as 1️⃣ end with.
const KEYCAP: char = '\u{20e3}';
/// Most letters of the region of a flag; every flag in use has 5.
const FLAG_LETTERS: usize = 6;

/// Where the first character is that cannot be seen and that no emoji needs: its index in bytes.
pub(crate) fn find(text: &str) -> Option<usize> {
    let mut before = Before::default();
    for (at, c) in text.char_indices() {
        let after = text.get(at.saturating_add(c.len_utf8())..).unwrap_or_default();
        if is_invisible(c) && !before.needs(c, after) {
            return Some(at);
        }
        before.pass(c);
    }
    None
}

/// The text without control characters and what [`find`] would find, and without white space around it.
pub(crate) fn without(text: &str) -> String {
    let mut rest: String = text.chars().filter(|c| !c.is_control()).collect();
    while let Some(at) = find(&rest) {
        rest.remove(at);
    }
    rest.trim().to_owned()
}

/// What stands before a character, as far as emoji go.
#[derive(Debug, Default)]
struct Before {
    /// The last character, signs of presentation and of skin aside.
    base: Option<char>,
    /// The last character of all.
    last: Option<char>,
    /// Letters of the flag that is open.
    letters: Option<usize>,
}

impl Before {
    /// Whether an invisible character belongs to the emoji before and after it.
    fn needs(&self, c: char, after: &str) -> bool {
        let next = after.chars().next();
        match c {
            JOINER => self.base.is_some_and(is_emoji) && next.is_some_and(is_emoji),
            '\u{fe0e}' | '\u{fe0f}' => {
                let keycap =
                    next == Some(KEYCAP) && self.last.is_some_and(|c| matches!(c, '0'..='9' | '#' | '*'));
                keycap || self.last.is_some_and(is_emoji)
            }
            '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}' => {
                self.letters.is_some_and(|letters| letters < FLAG_LETTERS) && flag_ends(after)
            }
            FLAG_END => self.letters.is_some_and(|letters| letters > 0),
            _ => false,
        }
    }

    fn pass(&mut self, c: char) {
        self.letters = match (c, self.letters) {
            (BLACK_FLAG, _) => Some(0),
            ('\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}', Some(letters)) => {
                Some(letters.saturating_add(1))
            }
            _ => None,
        };
        if !matches!(c, '\u{fe0e}' | '\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}') {
            self.base = Some(c);
        }
        self.last = Some(c);
    }
}

/// Whether the letters of a flag come to their end: without it they would hide after the flag.
fn flag_ends(after: &str) -> bool {
    let letter = |c: &char| matches!(c, '\u{e0030}'..='\u{e0039}' | '\u{e0061}'..='\u{e007a}');
    after.chars().find(|c| !letter(c)) == Some(FLAG_END)
}

/// Signs that emoji are made of. A sign more than there are does no harm: only what stands beside it may be invisible.
fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{24c2}' | '\u{25a0}'..='\u{27bf}'
        | '\u{2934}' | '\u{2935}' | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

/// Format characters (category Cf), separators of lines and paragraphs, and what else has no shape of its own: fillers,
/// selectors of variants, tags, and the blank Braille cell.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_sees_is_found() {
        for c in [
            '\u{ad}',
            '\u{61c}',
            '\u{115f}',
            '\u{1160}',
            '\u{180e}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            assert_eq!(find(&format!("김{c}수")), Some(3), "{c:?}");
            assert_eq!(find(&c.to_string()), Some(0), "{c:?}");
            assert_eq!(without(&format!(" 김{c}수 ")), "김수", "{c:?}");
        }
    }

    #[test]
    fn emoji_keep_what_joins_and_colours_them() {
        for text in [
            "👨‍👩‍👧",
            "❤️",
            "🏳️‍🌈",
            "👩🏽‍🚀",
            "❤️‍🔥",
            "1️⃣",
            "#️⃣",
            "🏴\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}",
            "☺︎",
            "🇰🇷",
            "©️",
            "김철수",
            "e\u{301}",
            "각",
            "नमस्ते",
            "عمر",
            "O'Brien",
        ] {
            assert_eq!(find(text), None, "{text}");
            assert_eq!(without(text), text);
        }
    }

    #[test]
    fn an_emoji_is_no_hiding_place() {
        for text in [
            "🙂\u{200d}",
            "\u{200d}🙂",
            "🙂\u{200d}\u{200d}🙂",
            "a\u{fe0f}",
            "❤\u{fe0f}\u{fe0f}",
            "1\u{fe0f}",
            "🏴\u{e0067}\u{e0062}",
            "🏴\u{e007f}",
            "🙂\u{e0067}\u{e007f}",
        ] {
            assert!(find(text).is_some(), "{text:?}");
            assert_eq!(find(&without(text)), None, "{text:?}");
        }
    }
}
