//! Telling code from comments and literals, well enough for the rules.
//!
//! Must not know any rule. Invariant: every view has exactly the lines of the text, so that line numbers
//! agree.

/// The languages that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    /// Rust.
    Rust,
    /// TypeScript, JavaScript and Svelte.
    Script,
    /// Style sheets.
    Style,
    /// Anything else: all of it is taken for code.
    Text,
}

/// What a character belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// Three views of one text; what does not belong to a view is blank.
#[derive(Clone, Debug)]
pub(crate) struct Views {
    /// Without comments and literals.
    pub(crate) code: String,
    /// Literals only.
    pub(crate) literals: String,
    /// Code and literals, without comments.
    pub(crate) uncommented: String,
}

impl Views {
    /// Splits `text`.
    pub(crate) fn of(text: &str, language: Language) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let kinds = Lexer { chars: &chars, kinds: Vec::with_capacity(chars.len()), language }.run();
        let view = |keep: &dyn Fn(Kind) -> bool| {
            let pick = |(c, kind): (&char, &Kind)| if *c == '\n' || keep(*kind) { *c } else { ' ' };
            chars.iter().zip(&kinds).map(pick).collect::<String>()
        };
        Self {
            code: view(&|kind| kind == Kind::Code),
            literals: view(&|kind| kind == Kind::Literal),
            uncommented: view(&|kind| kind != Kind::Comment),
        }
    }
}

struct Lexer<'a> {
    chars: &'a [char],
    kinds: Vec<Kind>,
    language: Language,
}

impl Lexer<'_> {
    fn run(mut self) -> Vec<Kind> {
        while self.kinds.len() < self.chars.len() {
            match self.language {
                Language::Rust => self.rust(),
                Language::Script => self.script(),
                Language::Style => self.style(),
                Language::Text => self.take(Kind::Code, 1),
            }
        }
        self.kinds
    }

    fn rust(&mut self) {
        if self.sees("//") {
            self.until(Kind::Comment, "\n", 0);
        } else if self.sees("/*") {
            self.nested_comment();
        } else if let Some(hashes) = self.raw_string() {
            self.until(Kind::Literal, &format!("\"{}", "#".repeat(hashes)), hashes + 2);
        } else if self.sees("\"") {
            self.quoted('"', true);
        } else if self.sees("'\\") || (self.sees("'") && self.peek(2) == Some('\'')) {
            // A character; any other quote begins a lifetime.
            self.quoted('\'', false);
        } else {
            self.word();
        }
    }

    fn script(&mut self) {
        if self.sees("//") && !self.after_colon() {
            self.until(Kind::Comment, "\n", 0);
        } else if self.sees("/*") {
            self.until(Kind::Comment, "*/", 2);
        } else if self.sees("<!--") {
            self.until(Kind::Comment, "-->", 4);
        } else if self.sees("`") {
            self.quoted('`', true);
        } else if self.sees("\"") {
            self.quoted('"', false);
        } else if self.sees("'") {
            self.quoted('\'', false);
        } else {
            self.take(Kind::Code, 1);
        }
    }

    fn style(&mut self) {
        if self.sees("/*") {
            self.until(Kind::Comment, "*/", 2);
        } else {
            self.take(Kind::Code, 1);
        }
    }

    /// Takes a whole word, so that the `r` of `for"` never begins a raw string.
    fn word(&mut self) {
        let is_word = |c: &char| c.is_alphanumeric() || *c == '_';
        let length =
            self.chars.get(self.kinds.len()..).unwrap_or_default().iter().take_while(|c| is_word(c)).count();
        self.take(Kind::Code, length.max(1));
    }

    /// The number of hashes when a raw string begins here; the prefix is taken as code.
    fn raw_string(&mut self) -> Option<usize> {
        let prefix = ["r", "br", "cr"].iter().find(|prefix| {
            let next = self.peek(prefix.len());
            self.sees(prefix) && (next == Some('"') || next == Some('#'))
        })?;
        let mut hashes = 0;
        while self.peek(prefix.len() + hashes) == Some('#') {
            hashes += 1;
        }
        if self.peek(prefix.len() + hashes) != Some('"') {
            return None;
        }
        self.take(Kind::Code, prefix.len());
        Some(hashes)
    }

    fn nested_comment(&mut self) {
        let mut depth = 0_usize;
        while self.kinds.len() < self.chars.len() {
            if self.sees("/*") {
                depth += 1;
                self.take(Kind::Comment, 2);
            } else if self.sees("*/") {
                depth = depth.saturating_sub(1);
                self.take(Kind::Comment, 2);
                if depth == 0 {
                    return;
                }
            } else {
                self.take(Kind::Comment, 1);
            }
        }
    }

    /// Takes everything up to and with `end`, looking for it only after `skip` characters.
    fn until(&mut self, kind: Kind, end: &str, skip: usize) {
        self.take(kind, skip);
        while self.kinds.len() < self.chars.len() && !self.sees(end) {
            self.take(kind, 1);
        }
        self.take(kind, end.chars().count());
    }

    fn quoted(&mut self, quote: char, many_lines: bool) {
        self.take(Kind::Literal, 1);
        while let Some(c) = self.peek(0) {
            if c == '\\' {
                self.take(Kind::Literal, 2);
                continue;
            }
            self.take(Kind::Literal, 1);
            // An apostrophe in prose never swallows more than its line.
            if c == quote || (c == '\n' && !many_lines) {
                return;
            }
        }
    }

    /// Whether the slashes follow a colon, as in an address.
    fn after_colon(&self) -> bool {
        self.kinds.len().checked_sub(1).and_then(|i| self.chars.get(i)) == Some(&':')
    }

    fn sees(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(i, c)| self.peek(i) == Some(c))
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.kinds.len() + ahead).copied()
    }

    fn take(&mut self, kind: Kind, count: usize) {
        let left = self.chars.len() - self.kinds.len();
        self.kinds.extend(std::iter::repeat_n(kind, count.min(left)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_comments_and_literals_are_told_from_code() {
        let text =
            "let a = \"lit\\\"eral\"; // remark\n/* outer /* inner */ still */ let b = r#\"raw \" text\"#;\n";
        let views = Views::of(text, Language::Rust);
        assert!(views.code.contains("let a =") && views.code.contains("let b ="));
        for hidden in ["lit", "remark", "still", "raw"] {
            assert!(!views.code.contains(hidden), "{hidden}");
        }
        assert!(views.literals.contains("lit\\\"eral") && views.literals.contains("raw \" text"));
        assert!(!views.literals.contains("remark"));
        assert!(views.uncommented.contains("raw") && !views.uncommented.contains("inner"));
        assert_eq!(views.code.lines().count(), text.lines().count());
    }

    #[test]
    fn lifetimes_and_characters_are_told_apart() {
        let views = Views::of("fn f<'a>(x: &'a str) { g('\"', '\\'', 'x'); h(\"hidden\") }", Language::Rust);
        assert!(views.code.contains("<'a>(x: &'a str)"));
        assert!(views.code.contains("h("));
        assert!(!views.code.contains("hidden"));
    }

    #[test]
    fn scripts_keep_addresses_and_lose_comments() {
        let text = "const a = 'x'; // one\n<p>don't</p>\n<!-- two -->\nfetch(`three\nfour`); let five;\n";
        let views = Views::of(text, Language::Script);
        for hidden in ["one", "two", "three", "four"] {
            assert!(!views.code.contains(hidden), "{hidden}");
        }
        assert!(views.code.contains("let five"));
        assert!(Views::of("http://x", Language::Script).code.contains("//x"));
    }

    #[test]
    fn unfinished_literals_end_with_the_text() {
        assert_eq!(Views::of("let a = \"open", Language::Rust).code, "let a =      ");
        assert_eq!(Views::of("/* open", Language::Style).code.trim(), "");
    }
}
