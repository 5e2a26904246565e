use std::collections::BTreeMap;
use std::path::PathBuf;

use super::*;

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn file(dir: &tempfile::TempDir, text: &str) -> PathBuf {
    let path = dir.path().join("relay.toml");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn flags_win_over_environment_and_environment_over_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "[network]\nlisten = \"0.0.0.0:1\"\n[limits]\nknocks = 3\ninbox_items = 7\n");
    let env =
        env(&[("RELAY__NETWORK__LISTEN", "0.0.0.0:2"), ("RELAY__LIMITS__KNOCKS", "4"), ("PATH", "/bin")]);
    let flags = Flags { listen: Some("127.0.0.1:3".parse().unwrap()), ..Flags::default() };
    let config = load(Some(&path), &env, &flags).unwrap();
    assert_eq!(config.network.listen.port(), 3);
    assert_eq!(config.limits.knocks, 4);
    assert_eq!(config.limits.inbox_items, 7);
    assert_eq!(config.limits.log_ttl_h, 336);
}

#[test]
fn dev_is_open_and_local_and_a_code_closes_it() {
    let dev = Flags { dev: true, ..Flags::default() };
    let config = load(None, &env(&[]), &dev).unwrap();
    assert!(config.access.open && config.network.listen.ip().is_loopback());
    assert_eq!(config.rates.ip_requests, 0);
    let coded = Flags { admission: Some("acorn".into()), ..dev };
    let config = load(None, &env(&[]), &coded).unwrap();
    assert!(!config.access.open);
    assert_eq!(config.access.codes, ["acorn"]);
}

#[test]
fn unknown_names_are_refused_with_a_suggestion() {
    let dir = tempfile::tempdir().unwrap();
    for (text, expected) in [
        ("[netwrok]\n", "Unknown option [netwrok] in"),
        ("[netwrok]\n", "did you mean [network]?"),
        ("[network]\nlisten_adr = 1\n", "Unknown option network.listen_adr in"),
        ("[limits]\ninbox_item = 1\n", "did you mean limits.inbox_items?"),
        ("[limits]\nlisten = \"x\"\n", "did you mean network.listen?"),
    ] {
        let error = load(Some(&file(&dir, text)), &env(&[]), &Flags::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{text:?} gave {error}");
    }
    let error =
        load(None, &env(&[("RELAY__LIMITS__KNOKS", "1")]), &Flags::default()).unwrap_err().to_string();
    assert!(error.contains("in the environment; did you mean limits.knocks?"), "{error}");
    let error = load(None, &env(&[("RELAY__LIMITS", "1")]), &Flags::default()).unwrap_err().to_string();
    assert!(error.contains("RELAY__SECTION__KEY"), "{error}");
}

#[test]
fn wrong_types_and_senseless_values_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for text in [
        "[limits]\nknocks = \"many\"\n",
        "[limits]\ninbox_ttl_h = 1081\n",
        "[limits]\nwriter_percent = 0\n",
        "[storage]\nsweep_s = 0\n",
        "limits = 3\n",
        "not toml",
    ] {
        assert!(load(Some(&file(&dir, text)), &env(&[]), &Flags::default()).is_err(), "{text:?} was taken");
    }
    assert!(load(None, &env(&[("RELAY__ACCESS__OPEN", "perhaps")]), &Flags::default()).is_err());
}

#[test]
fn a_wrong_value_is_named_with_the_place_that_set_it_last() {
    let dir = tempfile::tempdir().unwrap();
    let path = file(&dir, "[limits]\nknocks = \"many\"\n[network]\nlisten = \"here\"\n");
    let told = |env_pairs: &[(&str, &str)], path: Option<&std::path::Path>| {
        load(path, &env(env_pairs), &Flags::default()).unwrap_err().to_string()
    };
    let in_file = path.display();
    assert_eq!(
        told(&[], Some(&path)),
        format!("Wrong value of network.listen in {in_file}: \"here\" is not an address with a port")
    );
    let right = ("RELAY__NETWORK__LISTEN", "127.0.0.1:1");
    let number = "a whole number from 0 that this option can hold";
    assert_eq!(
        told(&[right], Some(&path)),
        format!("Wrong value of limits.knocks in {in_file}: \"many\" is not {number}")
    );
    assert_eq!(
        told(&[right, ("RELAY__LIMITS__KNOCKS", "-1")], Some(&path)),
        format!("Wrong value of limits.knocks in the environment: -1 is not {number}")
    );
    for (text, expected) in [
        ("[access]\nopen = 1\n", "Wrong value of access.open in"),
        ("[access]\nopen = 1\n", "1 is not true or false"),
        ("[access]\nallow_peers = 1\n", "1 is not a list of texts"),
        ("[network]\ndomain = 1\n", "1 is not a text"),
        ("limits = 3\n", "limits is a section, not a value"),
    ] {
        let said = told(&[], Some(&file(&dir, text)));
        assert!(said.contains(expected), "{text:?} gave {said}");
    }
    let said = told(&[], Some(&file(&dir, "[access]\ncodes = \"acorn\"\n")));
    assert!(said.contains("access.codes") && !said.contains("acorn"), "{said}");
}

#[test]
fn a_file_that_is_not_toml_is_told_with_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    for text in ["not toml", "[limits]\nknocks = 3\n\nwrong\n", "[limits]\n# 주석\nknocks = \"", "[limits\n"]
    {
        let error = load(Some(&file(&dir, text)), &env(&[]), &Flags::default()).unwrap_err();
        let ConfigError::Syntax { at: Some((line, column)), problem, message, .. } = error else {
            panic!("{text:?} gave {error}");
        };
        // The parser names the same place.
        assert!(
            message.contains(&format!("at line {line}, column {column}\n")),
            "{line}, {column}: {message}"
        );
        assert!(message.ends_with(&problem), "{message}");
    }
}

#[test]
fn a_value_that_makes_no_sense_is_told_with_its_own_name() {
    for (name, said) in [
        ("RELAY__NETWORK__MAX_CONNECTIONS", "network.max_connections must be at least 1"),
        ("RELAY__NETWORK__MAX_CONNECTIONS_PER_PEER", "network.max_connections_per_peer must be at least 1"),
        ("RELAY__LIMITS__INBOX_TTL_H", "limits.inbox_ttl_h must be between 1 and 1080 hours (45 days)"),
        ("RELAY__LIMITS__LOG_TTL_H", "limits.log_ttl_h must be at least 1 hour"),
        ("RELAY__LIMITS__WRITER_PERCENT", "limits.writer_percent must be between 1 and 100"),
        ("RELAY__STORAGE__SWEEP_S", "storage.sweep_s must be at least 1 second"),
    ] {
        let error = load(None, &env(&[(name, "0")]), &Flags::default()).unwrap_err();
        assert_eq!(error.to_string(), said);
    }
}

#[test]
fn a_text_that_makes_no_sense_is_told_with_its_own_name() {
    let dir = tempfile::tempdir().unwrap();
    for (text, said) in [
        ("[network]\ndomain = \"a b\"\n", "network.domain must be the name of a machine"),
        ("[access]\ncodes = [\"fir\", \" \"]\n", "access.codes must be a list of codes that are not empty"),
    ] {
        let error = load(Some(&file(&dir, text)), &env(&[]), &Flags::default()).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
    let named = env(&[("RELAY__NETWORK__DOMAIN", "relay.example.org")]);
    assert_eq!(load(None, &named, &Flags::default()).unwrap().network.domain, "relay.example.org");
}

#[test]
fn codes_come_from_a_file_too_and_are_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let codes = dir.path().join("codes");
    std::fs::write(&codes, "pine\n\n oak \n").unwrap();
    let env =
        env(&[("RELAY__ACCESS__CODES", "fir, elm"), ("RELAY__ACCESS__CODES_FILE", codes.to_str().unwrap())]);
    let config = load(None, &env, &Flags::default()).unwrap();
    assert_eq!(config.access.codes, ["fir", "elm", "pine", "oak"]);
    let shown = show(&config).unwrap();
    assert!(!shown.contains("oak") && shown.contains("(hidden)"));
}

#[test]
fn the_committed_example_is_the_generated_one_and_valid() {
    let committed =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/relay.example.toml")).unwrap();
    assert_eq!(committed, example(), "write it again with `madang-relay config example`");
    let uncommented: String = committed
        .lines()
        .filter(|line| !line.starts_with("# "))
        .map(|line| format!("{}\n", line.strip_prefix('#').unwrap_or(line)))
        .collect();
    let dir = tempfile::tempdir().unwrap();
    // The codes file is empty and the rest are defaults, so the example as it stands is a configuration.
    let config = load(Some(&file(&dir, &uncommented)), &env(&[]), &Flags::default()).unwrap();
    assert_eq!(show(&config).unwrap(), show(&Config::default()).unwrap());
    assert_eq!(
        uncommented.lines().filter(|line| line.contains(" = ")).count(),
        SECTIONS.iter().map(|section| section.options.len()).sum::<usize>()
    );
}
