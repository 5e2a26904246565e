//! Mistakes in a configuration.
//!
//! Owns what can be wrong and its English words. It must not know how a configuration is read. Invariant: a mistake
//! names the option, and the place where it was made when one is known.

use std::fmt;
use std::path::PathBuf;

/// Why a configuration was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    #[error("Cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file of invite codes could not be read.
    #[error("Cannot read {path}: {source}")]
    Codes {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not valid TOML: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line and column, both from 1, when the parser knows them.
        at: Option<(usize, usize)>,
        /// What is wrong there.
        problem: String,
        /// Everything the parser says, with the line itself.
        message: String,
    },
    /// No option has this name.
    #[error("Unknown option {name} in {place}{}", meant(near.as_deref()))]
    Unknown {
        /// The name as written.
        name: String,
        /// Where.
        place: Place,
        /// What was probably meant.
        near: Option<String>,
    },
    /// A variable of the environment begins like an option and does not go on like one.
    #[error("Unknown option {name} in the environment; the form is RELAY__SECTION__KEY")]
    Variable {
        /// Name of the variable.
        name: String,
    },
    /// A section was given a value.
    #[error("Wrong value in {place}: {name} is a section, not a value")]
    Section {
        /// Name of the section.
        name: String,
        /// Where.
        place: Place,
    },
    /// A value has the wrong type.
    #[error("Wrong value of {name} in {place}: {value} is not {expected}")]
    Value {
        /// The option.
        name: String,
        /// Where.
        place: Place,
        /// The value as it would stand in the file; codes are hidden.
        value: String,
        /// What the option takes.
        expected: Expected,
    },
    /// A value is of the right type and makes no sense.
    #[error("{name} must be {rule}")]
    Range {
        /// The option.
        name: &'static str,
        /// What it must be.
        rule: Rule,
    },
    /// An entry of `access.allow_peers` is no peer id.
    #[error("access.allow_peers: {text:?} is not a peer id")]
    Peer {
        /// The entry.
        text: String,
    },
    /// `log.level` is no filter.
    #[error("log.level: {level:?} is not a filter: {problem}")]
    Filter {
        /// The value.
        level: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The options cannot be turned into TOML or back, which no file causes.
    #[error("The configuration cannot be converted: {0}")]
    Conversion(String),
}

/// Where an option was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the configuration file.
    File(PathBuf),
    /// In a variable of the environment.
    Environment,
    /// On the command line.
    Flags,
}

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whole numbers from 0.
    Number,
    /// `true` or `false`.
    Switch,
    /// Several texts.
    List,
    /// An IP address with a port.
    Address,
    /// Any text.
    Text,
}

/// What a value must be in order to make sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// 1 to this many hours, a multiple of 24.
    HoursUpTo(u32),
    /// One hour or more.
    AnHour,
    /// One second or more.
    ASecond,
    /// 1 to 100.
    Percentage,
    /// One or more.
    One,
    /// The name of a machine, or nothing.
    Machine,
    /// Codes of at least one character.
    FilledCodes,
}

fn meant(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean {near}?")).unwrap_or_default()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment => f.write_str("the environment"),
            Self::Flags => f.write_str("the command line"),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Number => "a whole number from 0 that this option can hold",
            Self::Switch => "true or false",
            Self::List => "a list of texts",
            Self::Address => "an address with a port",
            Self::Text => "a text",
        })
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HoursUpTo(hours) => {
                let days = hours.checked_div(24).unwrap_or(0);
                write!(f, "between 1 and {hours} hours ({days} days)")
            }
            Self::AnHour => f.write_str("at least 1 hour"),
            Self::ASecond => f.write_str("at least 1 second"),
            Self::Percentage => f.write_str("between 1 and 100"),
            Self::One => f.write_str("at least 1"),
            Self::Machine => f.write_str(
                "the name of a machine: letters, digits, hyphens and dots, such as relay.example.org",
            ),
            Self::FilledCodes => f.write_str("a list of codes that are not empty"),
        }
    }
}
