//! Where results and failures are written: JSON lines, or text for people.
//!
//! Invariant: data goes to standard output, everything else to standard error.

use std::io::{self, IsTerminal as _, Write as _};

use madang_api::Error;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{
    failure::Failure,
    table::{self, Text},
    words::{self, Language, notices::Notice},
};

/// How results are shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// One JSON value per line.
    pub(crate) json: bool,
    /// Language of what people read.
    pub(crate) language: Language,
    terminal: bool,
    color: bool,
}

/// Whether a terminal may be coloured: neither `--no-color` nor the variable NO_COLOR say otherwise.
pub(crate) fn may_color(no_color: bool) -> bool {
    !no_color && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

impl Output {
    /// The output of this process.
    pub(crate) fn of_process(json: bool, no_color: bool) -> Self {
        let terminal = io::stdout().is_terminal();
        let color = terminal && may_color(no_color);
        Self { json, language: Language::of_process(), terminal, color }
    }

    /// Shows the answer of a call: as it came with `--json`, else as `text` makes it readable.
    pub(crate) fn answer<T: DeserializeOwned>(
        self,
        answer: &Value,
        text: impl FnOnce(T) -> Text,
    ) -> Result<(), Failure> {
        if self.json {
            return self.line(&answer.to_string());
        }
        let typed = T::deserialize(answer).map_err(|error| {
            let text = format!("The node answered in a way that this version does not know: {error}");
            Error::new(madang_api::Code::Internal, text)
        })?;
        self.text(&text(typed))
    }

    /// Shows a list that the node answered; beside an empty one, people are told what to do about that.
    pub(crate) fn list<T: DeserializeOwned>(
        self,
        answer: &Value,
        when_empty: Notice,
        text: impl FnOnce(T) -> Text,
    ) -> Result<(), Failure> {
        self.answer(answer, text)?;
        if !self.json && answer.as_array().is_some_and(Vec::is_empty) {
            self.notice(when_empty.say(self.language));
        }
        Ok(())
    }

    /// Shows a value that this program made.
    pub(crate) fn value<T: Serialize>(self, value: &T, text: impl FnOnce(&T) -> Text) -> Result<(), Failure> {
        if self.json { self.line(&json!(value).to_string()) } else { self.text(&text(value)) }
    }

    /// Shows text for people.
    pub(crate) fn text(self, text: &Text) -> Result<(), Failure> {
        let rendered = table::render(text, self.language, self.terminal, self.color);
        if rendered.is_empty() { Ok(()) } else { self.line(rendered.trim_end_matches('\n')) }
    }

    /// Writes one line at once, so that a reader of a pipe sees it when it happens.
    pub(crate) fn line(self, line: &str) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        out.write_all(line.as_bytes())?;
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(())
    }

    /// Says something beside the data. A closed standard error is nobody's loss.
    pub(crate) fn notice(self, line: &str) {
        let mut err = io::stderr().lock();
        drop(err.write_all(line.as_bytes()).and_then(|()| err.write_all(b"\n")));
    }

    /// Reports a failure.
    pub(crate) fn failure(self, failure: &Failure) {
        let (error, notice) = match failure {
            Failure::Api(error) => (error, None),
            Failure::Worded(error, notice) => (error, Some(*notice)),
            Failure::Closed | Failure::Interrupted | Failure::Unwell => return,
        };
        if self.json {
            let mut fields = Map::from_iter([
                ("code".to_owned(), json!(error.code)),
                ("message".to_owned(), json!(error.message)),
            ]);
            fields.extend(error.reason.as_ref().map(|reason| ("reason".to_owned(), json!(reason))));
            self.notice(&json!({ "error": fields }).to_string());
            return;
        }
        if let Some(notice) = notice {
            // The code is the nearest one that scripts know; its sentence would not be true.
            self.notice(notice.say(self.language));
            return;
        }
        self.notice(words::sentence(self.language, error));
        if let Some(detail) = words::beyond(self.language, error) {
            self.notice(&format!("  {detail}"));
        }
    }
}
