//! One broken rule at one place.

use std::fmt;

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// File or package.
    pub(crate) place: String,
    /// Line, from 1; 0 for the whole file.
    pub(crate) line: usize,
    /// What is wrong and what to do instead.
    pub(crate) text: String,
}

impl Finding {
    /// A finding about a whole file or package.
    pub(crate) fn whole(place: impl Into<String>, text: impl Into<String>) -> Self {
        Self { place: place.into(), line: 0, text: text.into() }
    }

    /// A finding at a line.
    pub(crate) fn at(place: impl Into<String>, line: usize, text: impl Into<String>) -> Self {
        Self { place: place.into(), line, text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            write!(f, "{}: {}", self.place, self.text)
        } else {
            write!(f, "{}:{}: {}", self.place, self.line, self.text)
        }
    }
}
