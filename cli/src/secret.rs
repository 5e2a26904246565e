//! Reading what must never be an argument: passphrases, recovery phrases; and long texts from pipes.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

use madang_api::{Code, Error};
use zeroize::Zeroizing;

/// Longest passphrase or phrase that is read, in bytes; 24 words have at most 215.
const SECRET_CAP: u64 = 4096;
/// Longest text that is read from a pipe, in bytes. The limit of a message is below it and is checked by the
/// node, which says so.
const TEXT_CAP: u64 = 512 * 1024;
/// A passphrase was given that is none.
const EMPTY_PASSPHRASE: &str = "empty_passphrase";

/// The passphrase that was given, if any.
#[derive(Debug, Default)]
pub(crate) struct Given(Option<Zeroizing<String>>);

impl Given {
    /// From the file before the variable `MADANG_PASSPHRASE`.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn of(file: Option<&Path>) -> Result<Self, Error> {
        Ok(Self(match file {
            Some(file) => Some(from_file(file, "passphrase")?),
            None => std::env::var("MADANG_PASSPHRASE").ok().map(Zeroizing::new),
        }))
    }

    /// One that can open something; an empty one never does.
    pub(crate) fn passphrase(&self) -> Option<&str> {
        self.0.as_ref().map(|given| given.as_str()).filter(|given| !given.is_empty())
    }

    /// The passphrase of a new home. Whoever names one wants one: an empty one is a mistake, and without this a key
    /// file would take its place.
    ///
    /// # Errors
    /// `usage` when it is empty.
    pub(crate) fn for_new(&self) -> Result<Option<&str>, Error> {
        if self.is_empty() {
            return Err(Error::new(Code::Usage, "The passphrase given is empty").because(EMPTY_PASSPHRASE));
        }
        Ok(self.passphrase())
    }

    /// The error of opening a home; when an empty passphrase was given, with that as its cause.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let is_cause = error.code == Code::Locked && error.reason.is_none() && self.is_empty();
        if is_cause {
            return Error::new(Code::Locked, "This home is locked, and the passphrase given is empty")
                .because(EMPTY_PASSPHRASE);
        }
        error
    }

    fn is_empty(&self) -> bool {
        self.0.as_ref().is_some_and(|given| given.is_empty())
    }
}

/// A secret from a file; `-` is standard input. One line feed at its end does not belong to it.
///
/// # Errors
/// When the file cannot be read, is too long, or is no text.
pub(crate) fn from_file(file: &Path, what: &str) -> Result<Zeroizing<String>, Error> {
    let wrong = |reason: &dyn std::fmt::Display| {
        Error::new(Code::Usage, format!("Cannot read the {what} from {}: {reason}", file.display()))
            .because("file")
    };
    let mut bytes = Zeroizing::new(Vec::new());
    let read = if file.as_os_str() == "-" {
        io::stdin().lock().take(SECRET_CAP).read_to_end(&mut bytes)
    } else {
        File::open(file).and_then(|file| file.take(SECRET_CAP).read_to_end(&mut bytes))
    };
    let length = read.map_err(|error| wrong(&error))?;
    if u64::try_from(length).unwrap_or(u64::MAX) >= SECRET_CAP {
        return Err(wrong(&"it is longer than 4 KiB"));
    }
    let secret = std::str::from_utf8(&bytes).map_err(|_| wrong(&"it is no text in UTF-8"))?;
    Ok(Zeroizing::new(without_end(secret).to_owned()))
}

/// The argument itself, or standard input when it is `-`.
///
/// # Errors
/// `too_large` above 512 KiB, `usage` when it is no text.
pub(crate) fn or_stdin(argument: String) -> Result<String, Error> {
    if argument != "-" {
        return Ok(argument);
    }
    text_from(io::stdin().lock())
}

/// The length counts before the characters: a text that is cut at the bound is too large, not broken.
fn text_from(read: impl Read) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let wrong = |reason: &dyn std::fmt::Display| {
        Error::new(Code::Usage, format!("Cannot read standard input: {reason}"))
    };
    read.take(TEXT_CAP).read_to_end(&mut bytes).map_err(|error| wrong(&error))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) >= TEXT_CAP {
        return Err(Error::new(Code::TooLarge, "Standard input has more than 512 KiB"));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong(&"it is no text in UTF-8"))?;
    Ok(without_end(&text).to_owned())
}

fn without_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_end_is_not_part_of_a_secret() {
        assert_eq!(without_end("correct horse \n"), "correct horse ");
        assert_eq!(without_end("two\n\n"), "two\n");
        assert_eq!(without_end("dos\r\n"), "dos");
    }

    #[test]
    fn a_text_above_the_bound_is_too_large_wherever_it_is_cut() {
        let cap = usize::try_from(TEXT_CAP).unwrap();
        for before in 0..3 {
            let text = format!("{}{}", "x".repeat(before), "가".repeat(cap / 3 + 1));
            assert_eq!(text_from(text.as_bytes()).unwrap_err().code, Code::TooLarge, "{before}");
        }
        assert_eq!(text_from(&b"\xff"[..]).unwrap_err().code, Code::Usage);
        assert_eq!(text_from("가\n".as_bytes()).unwrap(), "가");
    }

    #[test]
    fn an_empty_passphrase_is_a_mistake_and_none_is_not() {
        let given = |text: &str| Given(Some(Zeroizing::new(text.to_owned())));
        assert_eq!(given("").for_new().unwrap_err().code, Code::Usage);
        assert_eq!(Given::default().for_new(), Ok(None));
        assert_eq!(given("x").for_new(), Ok(Some("x")));
        let locked = || Error::new(Code::Locked, "words");
        assert_eq!(given("").explain(locked()).reason.as_deref(), Some(EMPTY_PASSPHRASE));
        assert_eq!(Given::default().explain(locked()), locked());
        let other = locked().because("key");
        assert_eq!(given("").explain(other.clone()), other);
    }

    #[test]
    fn an_endless_file_is_refused() {
        let error = from_file(Path::new("/dev/zero"), "passphrase").unwrap_err();
        assert_eq!(error.code, Code::Usage);
        assert!(error.message.contains("4 KiB"), "{}", error.message);
    }
}
