//! Loading: defaults, file, environment, flags, in this order.
//!
//! Owns the layers and the search for mistakes. It must not know what options do. Invariant: nothing is ignored,
//! an unknown section or key stops the program and names what was probably meant.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::mistake::{ConfigError, Expected, Place, Rule};
use super::table::{Config, SECTIONS};

/// Prefix of environment variables; sections and keys follow behind two underscores each.
const ENV_PREFIX: &str = "RELAY__";

/// Largest life of an inbox item (protocol section 10.1), hours.
const INBOX_TTL_MAX_H: u32 = 45 * 24;

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
    let mut layers: Vec<(Place, Table)> = Vec::new();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        let layer: Table = toml::from_str(&text).map_err(|error| syntax(path, &text, &error))?;
        layers.push((Place::File(path.to_owned()), layer));
    }
    layers.push((Place::Environment, from_env(env)?));
    for (place, layer) in &layers {
        check_names(layer, place)?;
    }
    layers.push((Place::Flags, from_flags(flags)));
    for (_, layer) in &layers {
        merge(&mut table, layer.clone());
    }
    let mut config: Config =
        Value::Table(table).try_into().map_err(|error: toml::de::Error| wrong_value(&layers, &error))?;
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
    toml::to_string(&shown).map_err(|error| ConfigError::Conversion(error.to_string()))
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
            return Err(ConfigError::Variable { name: name.clone() });
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

fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let at = error.span().and_then(|span| text.get(..span.start)).map(|before| {
        let line = before.split('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count().saturating_add(1);
        (line, column)
    });
    ConfigError::Syntax {
        path: path.to_owned(),
        at,
        problem: error.message().to_owned(),
        message: error.to_string().trim_end().to_owned(),
    }
}

/// Which value it was that could not be taken: the first option that alone cannot be taken either. The last layer that
/// sets an option wins.
fn wrong_value(layers: &[(Place, Table)], error: &toml::de::Error) -> ConfigError {
    let options =
        SECTIONS.iter().flat_map(|section| section.options.iter().map(|option| (section.name, option.key)));
    for (section, key) in options {
        let of = |table: &Table| table.get(section).and_then(|options| options.get(key)).cloned();
        let set = layers.iter().rev().find_map(|(place, layer)| Some((place, of(layer)?)));
        let Some((place, value)) = set.filter(|(_, value)| !is_taken(section, key, value)) else { continue };
        return ConfigError::Value {
            name: format!("{section}.{key}"),
            place: place.clone(),
            // A code of the wrong type is still a code.
            value: if key == "codes" { "(hidden)".to_owned() } else { value.to_string() },
            expected: expected(of(&defaults()).as_ref()),
        };
    }
    ConfigError::Conversion(error.to_string())
}

fn is_taken(section: &str, key: &str, value: &Value) -> bool {
    let options = Table::from_iter([(key.to_owned(), value.clone())]);
    let table = Table::from_iter([(section.to_owned(), Value::Table(options))]);
    Value::Table(table).try_into::<Config>().is_ok()
}

/// What an option with this default takes.
fn expected(default: Option<&Value>) -> Expected {
    match default {
        Some(Value::Integer(_)) => Expected::Number,
        Some(Value::Boolean(_)) => Expected::Switch,
        Some(Value::Array(_)) => Expected::List,
        Some(Value::String(text)) if text.parse::<SocketAddr>().is_ok() => Expected::Address,
        _ => Expected::Text,
    }
}

fn check_names(layer: &Table, place: &Place) -> Result<(), ConfigError> {
    let unknown =
        |name: String, near: Option<String>| ConfigError::Unknown { name, place: place.clone(), near };
    for (name, value) in layer {
        let Some(section) = SECTIONS.iter().find(|section| section.name == name) else {
            let hint = nearest(name, SECTIONS.iter().map(|section| section.name));
            return Err(unknown(format!("[{name}]"), hint.map(|hint| format!("[{hint}]"))));
        };
        let Value::Table(options) = value else {
            return Err(ConfigError::Section { name: name.clone(), place: place.clone() });
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
    let (limits, network) = (&config.limits, &config.network);
    let rules = [
        (
            "limits.inbox_ttl_h",
            (1..=INBOX_TTL_MAX_H).contains(&limits.inbox_ttl_h),
            Rule::HoursUpTo(INBOX_TTL_MAX_H),
        ),
        ("limits.log_ttl_h", limits.log_ttl_h > 0, Rule::AnHour),
        ("limits.writer_percent", (1..=100).contains(&limits.writer_percent), Rule::Percentage),
        ("storage.sweep_s", config.storage.sweep_s > 0, Rule::ASecond),
        ("network.max_connections", network.max_connections > 0, Rule::One),
        ("network.max_connections_per_peer", network.max_connections_per_peer > 0, Rule::One),
        ("network.domain", network.domain.is_empty() || is_domain(&network.domain), Rule::Machine),
        ("access.codes", config.access.codes.iter().all(|code| !code.trim().is_empty()), Rule::FilledCodes),
    ];
    match rules.into_iter().find(|(_, kept, _)| !kept) {
        Some((name, _, rule)) => Err(ConfigError::Range { name, rule }),
        None => Ok(()),
    }
}

/// Whether a text can be the name of a machine.
pub(crate) fn is_domain(text: &str) -> bool {
    let label =
        |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    text.len() <= 253 && text.split('.').all(label)
}

fn read_codes(config: &mut Config) -> Result<(), ConfigError> {
    let path = config.access.codes_file.clone();
    if path.as_os_str().is_empty() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Codes { path, source })?;
    let codes = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
    config.access.codes.extend(codes);
    Ok(())
}
