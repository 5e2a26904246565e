//! Lengths of what people type (protocol sections 1.2, 6.1 and 6.4).
//!
//! Owns the counting of characters as a person sees them. Must not know languages or rendering. Invariant: an
//! accepted text fits the payload of an op.

use unicode_segmentation::UnicodeSegmentation;

use crate::invisible;
use crate::limits::{
    ALIAS_MAX, BYTES_PER_CHARACTER_MAX, DEVICE_LABEL_MAX, NAME_MAX, OP_PAYLOAD_MAX, PAYLOAD_SALT_LEN,
    STATUS_MAX, TEXT_GRAPHEMES_MAX, TITLE_MAX,
};

/// Why a text is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing but white space where something must stand.
    #[error("the text is empty")]
    Empty,
    /// Longer than allowed.
    #[error("the text has more than {max} characters")]
    TooLong {
        /// Longest allowed text in grapheme clusters.
        max: usize,
    },
    /// Within the number of characters, but too many bytes.
    #[error("the text has more than {max} bytes")]
    TooManyBytes {
        /// Longest allowed text in bytes.
        max: usize,
    },
    /// A control character in a single-line text.
    #[error("the text holds a control character")]
    Control,
    /// A character that nobody sees, or that turns the direction of what follows, in a name.
    #[error("the text holds an invisible character")]
    Invisible,
}

/// Number of grapheme clusters, counted no further than `max + 1`.
fn exceeds(text: &str, max: usize) -> bool {
    text.graphemes(true).nth(max).is_some()
}

/// A message text: not empty unless it comes with files, at most 10,000 grapheme clusters, and not more bytes
/// than a payload holds. The rest of the message (mentions, preview) is checked after encoding.
pub fn check_message(text: &str, has_files: bool) -> Result<(), TextError> {
    let max = OP_PAYLOAD_MAX.saturating_sub(PAYLOAD_SALT_LEN);
    if text.len() > max {
        return Err(TextError::TooManyBytes { max });
    }
    if text.trim().is_empty() && !has_files {
        return Err(TextError::Empty);
    }
    if exceeds(text, TEXT_GRAPHEMES_MAX) {
        return Err(TextError::TooLong { max: TEXT_GRAPHEMES_MAX });
    }
    Ok(())
}

fn check_line(text: &str, max: usize, may_be_empty: bool) -> Result<(), TextError> {
    let bytes = max.saturating_mul(BYTES_PER_CHARACTER_MAX);
    if text.len() > bytes {
        return Err(TextError::TooManyBytes { max: bytes });
    }
    if !may_be_empty && text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    if text.chars().any(char::is_control) {
        return Err(TextError::Control);
    }
    if exceeds(text, max) {
        return Err(TextError::TooLong { max });
    }
    Ok(())
}

/// The name of a person or persona: 1 to 20 characters on one line, all of which can be seen. Whoever could hide
/// characters in a name could have none, or look like somebody else.
pub fn check_name(text: &str) -> Result<(), TextError> {
    check_line(text, NAME_MAX, false)?;
    visible(text)
}

/// The name that somebody else bears, without what [`check_name`] refuses for its characters alone: whoever was made
/// friends with under an older version is not lost for it.
///
/// # Errors
/// As [`check_name`] for a name that is empty before that, or too long, or holds a control character. A name of which
/// nothing is left is empty, and no error.
pub fn name_of_other(text: &str) -> Result<String, TextError> {
    check_line(text, NAME_MAX, false)?;
    Ok(invisible::without(text))
}

/// The own name for a friend: at most 40 characters that can be seen, may be empty.
pub fn check_alias(text: &str) -> Result<(), TextError> {
    check_line(text, ALIAS_MAX, true)?;
    visible(text)
}

fn visible(text: &str) -> Result<(), TextError> {
    invisible::find(text).map_or(Ok(()), |_| Err(TextError::Invisible))
}

/// A status line: at most 60 characters, may be empty.
pub fn check_status(text: &str) -> Result<(), TextError> {
    check_line(text, STATUS_MAX, true)
}

/// The label of a device: at most 32 characters, may be empty.
pub fn check_device_label(text: &str) -> Result<(), TextError> {
    check_line(text, DEVICE_LABEL_MAX, true)
}

/// The title of a room: at most 60 characters, may be empty.
pub fn check_title(text: &str) -> Result<(), TextError> {
    check_line(text, TITLE_MAX, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_emoji_and_a_decomposed_syllable_count_once() {
        assert_eq!(check_name(&"👨‍👩‍👧".repeat(12)), Ok(()));
        assert_eq!(check_name(&"각".repeat(20)), Ok(()));
        assert_eq!(check_name(&"한".repeat(21)), Err(TextError::TooLong { max: 20 }));
    }

    #[test]
    fn ten_thousand_characters_pass_and_one_more_does_not() {
        assert_eq!(check_message(&"가".repeat(10_000), false), Ok(()));
        assert_eq!(check_message(&"가".repeat(10_001), false), Err(TextError::TooLong { max: 10_000 }));
        assert_eq!(
            check_message(&"a\u{301}".repeat(30_000), false),
            Err(TextError::TooManyBytes { max: 59_984 })
        );
    }

    #[test]
    fn empty_texts_need_files_and_lines_have_no_breaks() {
        assert_eq!(check_message(" \n", false), Err(TextError::Empty));
        assert_eq!(check_message("", true), Ok(()));
        assert_eq!(check_name(" "), Err(TextError::Empty));
        assert_eq!(check_status("a\nb"), Err(TextError::Control));
        assert_eq!(check_status(""), Ok(()));
        assert_eq!(check_device_label(&"x".repeat(33)), Err(TextError::TooLong { max: 32 }));
        assert_eq!(check_title(&"x".repeat(61)), Err(TextError::TooLong { max: 60 }));
    }

    #[test]
    fn a_name_has_nothing_that_nobody_sees() {
        for name in ["\u{200b}", "\u{200d}", "\u{3164}", "\u{feff}", "Bob\u{202e}", "a\u{2028}b", "\u{2800}"]
        {
            assert_eq!(check_name(name), Err(TextError::Invisible), "{name:?}");
            assert_eq!(check_alias(name), Err(TextError::Invisible), "{name:?}");
        }
        assert_eq!(check_name("❤️ 김철수 👨‍👩‍👧"), Ok(()));
        assert_eq!(check_alias("a\nb"), Err(TextError::Control));
        assert_eq!(check_alias(""), Ok(()));
        assert_eq!(check_alias(&"각".repeat(40)), Ok(()));
        assert_eq!(check_alias(&"x".repeat(41)), Err(TextError::TooLong { max: 40 }));
    }

    #[test]
    fn the_name_of_somebody_else_loses_only_what_nobody_sees() {
        assert_eq!(name_of_other(" B\u{202e}ob\u{200b}").as_deref(), Ok("Bob"));
        assert_eq!(name_of_other("\u{200b}").as_deref(), Ok(""));
        assert_eq!(name_of_other(" "), Err(TextError::Empty));
        assert_eq!(name_of_other("a\nb"), Err(TextError::Control));
    }

    #[test]
    fn a_tower_of_combining_marks_is_refused() {
        let tower = format!("a{}", "\u{301}".repeat(500));
        assert_eq!(check_name(&tower), Err(TextError::TooManyBytes { max: 320 }));
    }
}
