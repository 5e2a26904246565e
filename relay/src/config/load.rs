//! Loading: defaults, file, environment, flags, in this order.
//!
//! Owns the layers and the messages for mistakes. It must not know what options do. Invariant: nothing is ignored,
//! an unknown section or key stops the program and names what was probably meant.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::table::{Config, SECTIONS};

/// Prefix of environment variables; sections and keys follow behind two underscores each.
const ENV_PREFIX: &str = "RELAY__";

/// Largest life of an inbox item (protocol section 10.1), hours.
const INBOX_TTL_MAX_H: u32 = 45 * 24;

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
    /// The file is not TOML.
    #[error("{path} is not valid TOML: {message}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What the parser says, with line and column.
        message: String,
    },
    /// No option has this name.
    #[error("Unknown option {name} in {place}{hint}")]
    Unknown {
        /// The name as written.
        name: String,
        /// File or environment.
        place: String,
        /// What was probably meant.
        hint: String,
    },
    /// A value has the wrong type.
    #[error("Wrong value: {0}")]
    Value(String),
    /// A value is of the right type and makes no sense.
    #[error("{name} {problem}")]
    Range {
        /// The option.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

/// Values given on the command line; they win over file and environment.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// Open to everybody, loopback only, free ports, no rates.
    pub dev: bool,
    /// The data directory.
    pub data: Option<PathBuf>,
    /// Address and port for clients.
    pub listen: Option<SocketAddr>,
    /// Creation of boxes needs this code.
    pub admission: Option<String>,
}

/// Loads the configuration from a file (if any), the environment and flags.
///
/// # Errors
/// Any [`ConfigError`]; nothing is ignored.
pub fn load(
    file: Option<&Path>,
    env: &BTreeMap<String, String>,
    flags: &Flags,
) -> Result<Config, ConfigError> {
    let mut table = defaults();
    if flags.dev {
        merge(&mut table, dev());
    }
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let layer: Table = toml::from_str(&text)
            .map_err(|error| ConfigError::Syntax { path: path.to_owned(), message: error.to_string() })?;
        check_names(&layer, &path.display().to_string())?;
        merge(&mut table, layer);
    }
    let layer = from_env(env)?;
    check_names(&layer, "the environment")?;
    merge(&mut table, layer);
    merge(&mut table, from_flags(flags));
    let mut config: Config = Value::Table(table)
        .try_into()
        .map_err(|error: toml::de::Error| ConfigError::Value(error.to_string()))?;
    // A code on the command line means that nobody gets in without it.
    if flags.admission.is_some() {
        config.access.open = false;
    }
    check(&config)?;
    read_codes(&mut config)?;
    Ok(config)
}

/// The configuration as a TOML file, invite codes left out.
///
/// # Errors
/// When it cannot be written as TOML.
pub fn show(config: &Config) -> Result<String, ConfigError> {
    let mut shown = config.clone();
    shown.access.codes = shown.access.codes.iter().map(|_| "(hidden)".to_owned()).collect();
    toml::to_string(&shown).map_err(|error| ConfigError::Value(error.to_string()))
}

pub(super) fn defaults() -> Table {
    // Options are plain values, which TOML can always hold; a test compares the result with the example.
    match Value::try_from(Config::default()) {
        Ok(Value::Table(table)) => table,
        _ => Table::new(),
    }
}

/// What `--dev` changes below file, environment and flags.
fn dev() -> Table {
    let off = || Value::Integer(0);
    let section = |entries: Vec<(&str, Value)>| {
        Value::Table(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    };
    let mut table = Table::new();
    table.insert(
        "network".into(),
        section(vec![("listen", "127.0.0.1:0".into()), ("max_connections_per_peer", Value::Integer(64))]),
    );
    table.insert("http".into(), section(vec![("listen", "127.0.0.1:0".into())]));
    table.insert("storage".into(), section(vec![("data", "madang-relay-dev".into())]));
    table.insert("access".into(), section(vec![("open", true.into())]));
    table.insert(
        "rates".into(),
        section(vec![
            ("ip_requests", off()),
            ("ip_kib", off()),
            ("box_requests", off()),
            ("token_requests", off()),
            ("writer_requests", off()),
            ("writer_kib", off()),
            ("ip_creations", off()),
        ]),
    );
    table
}

fn from_env(env: &BTreeMap<String, String>) -> Result<Table, ConfigError> {
    let mut table = Table::new();
    for (name, text) in env {
        let Some(rest) = name.strip_prefix(ENV_PREFIX) else { continue };
        let Some((section, key)) = rest.split_once("__") else {
            return Err(ConfigError::Unknown {
                name: name.clone(),
                place: "the environment".into(),
                hint: "; the form is RELAY__SECTION__KEY".into(),
            });
        };
        let (section, key) = (section.to_lowercase(), key.to_lowercase());
        let value = parse_value(&section, &key, text);
        let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(options) = entry {
            options.insert(key, value);
        }
    }
    Ok(table)
}

/// A text from the environment becomes a value of the type that the option has; lists are separated by commas.
fn parse_value(section: &str, key: &str, text: &str) -> Value {
    let default = defaults().get(section).and_then(|table| table.get(key)).cloned();
    match default {
        Some(Value::Integer(_)) => text.parse().map_or_else(|_| Value::String(text.into()), Value::Integer),
        Some(Value::Boolean(_)) => text.parse().map_or_else(|_| Value::String(text.into()), Value::Boolean),
        Some(Value::Array(_)) => Value::Array(
            text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(Value::from).collect(),
        ),
        _ => Value::String(text.into()),
    }
}

fn from_flags(flags: &Flags) -> Table {
    let mut table = Table::new();
    let mut set = |section: &str, key: &str, value: Value| {
        let entry = table.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(options) = entry {
            options.insert(key.to_owned(), value);
        }
    };
    if let Some(data) = &flags.data {
        set("storage", "data", Value::String(data.to_string_lossy().into_owned()));
    }
    if let Some(listen) = flags.listen {
        set("network", "listen", Value::String(listen.to_string()));
    }
    if let Some(code) = &flags.admission {
        set("access", "codes", Value::Array(vec![Value::String(code.clone())]));
    }
    table
}

fn merge(base: &mut Table, layer: Table) {
    for (section, value) in layer {
        match (base.get_mut(&section), value) {
            (Some(Value::Table(options)), Value::Table(layer)) => options.extend(layer),
            (_, value) => {
                base.insert(section, value);
            }
        }
    }
}

fn check_names(layer: &Table, place: &str) -> Result<(), ConfigError> {
    let unknown = |name: String, hint: Option<String>| ConfigError::Unknown {
        name,
        place: place.to_owned(),
        hint: hint.map(|hint| format!("; did you mean {hint}?")).unwrap_or_default(),
    };
    for (name, value) in layer {
        let Some(section) = SECTIONS.iter().find(|section| section.name == name) else {
            let hint = nearest(name, SECTIONS.iter().map(|section| section.name));
            return Err(unknown(format!("[{name}]"), hint.map(|hint| format!("[{hint}]"))));
        };
        let Value::Table(options) = value else {
            return Err(ConfigError::Value(format!("{name} is a section, not a value")));
        };
        for key in options.keys() {
            if section.options.iter().any(|option| option.key == key) {
                continue;
            }
            let here = nearest(key, section.options.iter().map(|option| option.key));
            let hint = here.map(|key| format!("{name}.{key}")).or_else(|| elsewhere(key));
            return Err(unknown(format!("{name}.{key}"), hint));
        }
    }
    Ok(())
}

/// The key in another section, for options put under the wrong head.
fn elsewhere(key: &str) -> Option<String> {
    SECTIONS
        .iter()
        .find(|section| section.options.iter().any(|option| option.key == key))
        .map(|section| format!("{}.{key}", section.name))
}

/// The candidate with the fewest edits, if it is near enough to be a misspelling.
fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (edits(word, candidate), candidate))
        .min()
        .filter(|(distance, candidate)| distance.saturating_mul(3) <= candidate.len().max(word.len()))
        .map(|(_, candidate)| candidate)
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i.saturating_add(1)];
        for ((to, above), diagonal) in b.iter().zip(row.iter().skip(1)).zip(&row) {
            let left = next.last().copied().unwrap_or(0);
            let change = diagonal.saturating_add(usize::from(from != *to));
            next.push(change.min(left.saturating_add(1)).min(above.saturating_add(1)));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

fn check(config: &Config) -> Result<(), ConfigError> {
    let limits = &config.limits;
    let wrong = |name, problem: &str| Err(ConfigError::Range { name, problem: problem.to_owned() });
    if limits.inbox_ttl_h == 0 || limits.inbox_ttl_h > INBOX_TTL_MAX_H {
        return wrong("limits.inbox_ttl_h", "must be between 1 and 1080 hours (45 days)");
    }
    if limits.log_ttl_h == 0 {
        return wrong("limits.log_ttl_h", "must be at least 1 hour");
    }
    if limits.writer_percent == 0 || limits.writer_percent > 100 {
        return wrong("limits.writer_percent", "must be between 1 and 100");
    }
    if config.storage.sweep_s == 0 {
        return wrong("storage.sweep_s", "must be at least 1 second");
    }
    if config.network.max_connections == 0 || config.network.max_connections_per_peer == 0 {
        return wrong("network.max_connections", "must be at least 1");
    }
    Ok(())
}

fn read_codes(config: &mut Config) -> Result<(), ConfigError> {
    let path = config.access.codes_file.clone();
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read { path, source })?;
    let codes = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
    config.access.codes.extend(codes);
    Ok(())
}
