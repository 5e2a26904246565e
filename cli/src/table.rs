//! Text for people: tables on a terminal, the same cells separated by tabs in a pipe.

use std::fmt::Write as _;

use crate::words::{Language, keys::Key};

/// Space between two columns.
const GAP: usize = 2;
/// Bold.
const HEAD: &str = "\u{1b}[1m";
/// Back to ordinary text.
const PLAIN: &str = "\u{1b}[0m";

/// What is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    /// Nothing: there is nothing to say.
    Nothing,
    /// One line or several.
    Lines(String),
    /// Names and values, one pair per line.
    Fields(Vec<(Key, String)>),
    /// Rows under a head.
    Table(&'static [Key], Vec<Vec<String>>),
}

/// Renders text; only a terminal gets heads, aligned columns and, with `color`, a bold head.
pub(crate) fn render(text: &Text, language: Language, terminal: bool, color: bool) -> String {
    match text {
        Text::Nothing => String::new(),
        Text::Lines(lines) => lines.lines().map(|line| format!("{}\n", printable(line))).collect(),
        Text::Fields(fields) => {
            let row = |(key, value): &(Key, String)| vec![key.say(language).to_owned(), value.clone()];
            let rows = fields.iter().map(row).collect();
            rows_of(rows, terminal, None)
        }
        Text::Table(_, rows) if rows.is_empty() => String::new(),
        Text::Table(head, rows) => {
            let head: Vec<String> = head.iter().map(|key| key.say(language).to_owned()).collect();
            if terminal {
                let mut all = vec![head];
                all.extend(rows.iter().cloned());
                rows_of(all, true, color.then_some(0))
            } else {
                rows_of(rows.clone(), false, None)
            }
        }
    }
}

fn rows_of(rows: Vec<Vec<String>>, aligned: bool, bold: Option<usize>) -> String {
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter().filter_map(|row| row.get(column)).map(|cell| width(cell)).max().unwrap_or(0)
        })
        .collect();
    let mut out = String::new();
    for (number, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            line.push_str(cell);
            if column + 1 == row.len() {
                break;
            }
            if aligned {
                let wide = widths.get(column).copied().unwrap_or(0);
                line.extend(std::iter::repeat_n(' ', wide.saturating_sub(width(cell)) + GAP));
            } else {
                line.push('\t');
            }
        }
        // Writing to a string cannot fail.
        let _ =
            if bold == Some(number) { writeln!(out, "{HEAD}{line}{PLAIN}") } else { writeln!(out, "{line}") };
    }
    out
}

/// Without what could steer a terminal or break a row: names and texts come from other people.
fn printable(cell: &str) -> String {
    cell.chars()
        .map(|c| match c {
            '\n' | '\r' | '\t' => ' ',
            c if c.is_control() => '\u{fffd}',
            // Marks that turn the direction of what follows, beyond the cell.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// Columns that a terminal gives a text: two for a Hangul syllable, a Han or Kana sign, an emoji.
fn width(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' => 0,
            '\u{1100}'..='\u{115f}'
            | '\u{2e80}'..='\u{a4cf}'
            | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}'
            | '\u{fe30}'..='\u{fe6f}'
            | '\u{ff00}'..='\u{ff60}'
            | '\u{1f300}'..='\u{1faff}'
            | '\u{20000}'..='\u{3fffd}' => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn friends() -> Text {
        Text::Table(
            &[Key::Name, Key::Account],
            vec![vec!["김철수".into(), "aa".into()], vec!["Bo".into(), "bb".into()]],
        )
    }

    #[test]
    fn a_terminal_gets_aligned_columns_under_a_head() {
        let shown = |language, color| render(&friends(), language, true, color);
        assert_eq!(shown(Language::English, false), "name    account\n김철수  aa\nBo      bb\n");
        assert!(shown(Language::English, true).starts_with("\u{1b}[1mname"));
        assert_eq!(shown(Language::Korean, false), "이름    계정\n김철수  aa\nBo      bb\n");
    }

    #[test]
    fn a_pipe_gets_tabs_and_no_head() {
        assert_eq!(render(&friends(), Language::English, false, false), "김철수\taa\nBo\tbb\n");
    }

    #[test]
    fn an_empty_table_says_nothing() {
        assert_eq!(render(&Text::Table(&[Key::Name], vec![]), Language::English, true, true), "");
    }

    #[test]
    fn what_could_steer_the_terminal_is_replaced() {
        let text = Text::Lines("a\u{1b}[2Jb\u{202e}c".into());
        assert_eq!(render(&text, Language::English, true, false), "a\u{fffd}[2Jb\u{fffd}c\n");
        let row = Text::Table(&[Key::Name], vec![vec!["two\nlines\tor".into(), "x".into()]]);
        assert_eq!(render(&row, Language::English, false, false), "two lines or\tx\n");
    }
}
