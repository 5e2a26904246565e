use std::io::Error;

use madang_p2p::transport::TransportError;

use super::Language;
use super::failures::told;
use crate::config::{ConfigError, Expected, Place, Rule};
use crate::data_dir::{Damage, DataDirError};
use crate::failure::Failure;
use crate::init::InitError;
use crate::probe::ProbeError;
use crate::storage::StorageError;
use crate::swarm::ListenError;
use madang_terminal::is_korean;

const FILE: &str = "/etc/madang-relay/relay.toml";
const DATA: &str = "/var/lib/madang-relay";
const DATABASE: &str = "/var/lib/madang-relay/relay.db";
const KEY: &str = "/var/lib/madang-relay.key";
const WEB: &str = "127.0.0.1:4511";

fn os(number: i32) -> Error {
    Error::from_raw_os_error(number)
}

fn in_file() -> Place {
    Place::File(FILE.into())
}

/// What can be wrong with a configuration, and the facts that are told.
fn config() -> Vec<(ConfigError, Vec<&'static str>)> {
    let value = |place, value: &str, expected| ConfigError::Value {
        name: "limits.knocks".into(),
        place,
        value: value.into(),
        expected,
    };
    let unknown = |place, near: Option<&str>| ConfigError::Unknown {
        name: "limits.knoks".into(),
        place,
        near: near.map(Into::into),
    };
    let range = |name, rule| ConfigError::Range { name, rule };
    vec![
        (
            ConfigError::Read { path: FILE.into(), source: os(2) },
            vec![FILE, "os error 2", "--config", "init"],
        ),
        (ConfigError::Read { path: FILE.into(), source: os(13) }, vec![FILE, "os error 13", "chown"]),
        (ConfigError::Codes { path: "/codes".into(), source: os(2) }, vec!["/codes", "access.codes_file"]),
        (
            ConfigError::Syntax {
                path: FILE.into(),
                at: Some((3, 7)),
                problem: "expected `=`".into(),
                message: "TOML parse error at line 3, column 7\nexpected `=`".into(),
            },
            vec![FILE, "3", "7", "expected `=`", "config example"],
        ),
        (
            unknown(in_file(), Some("limits.knocks")),
            vec![FILE, "limits.knoks", "limits.knocks", "config example"],
        ),
        (unknown(Place::Environment, None), vec!["limits.knoks", "config example"]),
        (ConfigError::Variable { name: "RELAY__X".into() }, vec!["RELAY__X", "RELAY__SECTION__KEY"]),
        (ConfigError::Section { name: "limits".into(), place: in_file() }, vec![FILE, "[limits]"]),
        (value(in_file(), "\"many\"", Expected::Number), vec![FILE, "limits.knocks", "\"many\"", "20"]),
        (value(Place::Flags, "7", Expected::Switch), vec!["limits.knocks", "7", "true"]),
        (value(in_file(), "7", Expected::List), vec!["limits.knocks", "7"]),
        (value(in_file(), "7", Expected::Address), vec!["limits.knocks", "7", "127.0.0.1:4510"]),
        (value(in_file(), "7", Expected::Text), vec!["limits.knocks", "7"]),
        (range("limits.inbox_ttl_h", Rule::HoursUpTo(1080)), vec!["limits.inbox_ttl_h", "1080", "45"]),
        (range("limits.log_ttl_h", Rule::AnHour), vec!["limits.log_ttl_h", "RELAY__LIMITS__LOG_TTL_H"]),
        (range("storage.sweep_s", Rule::ASecond), vec!["storage.sweep_s", "RELAY__STORAGE__SWEEP_S"]),
        (range("limits.writer_percent", Rule::Percentage), vec!["limits.writer_percent", "100"]),
        (range("network.domain", Rule::Machine), vec!["network.domain", "relay.example.org"]),
        (range("access.codes", Rule::FilledCodes), vec!["access.codes"]),
        (range("network.max_connections", Rule::One), vec!["network.max_connections"]),
        (ConfigError::Peer { text: "nobody".into() }, vec!["access.allow_peers", "\"nobody\"", "12D3KooW"]),
        (
            ConfigError::Filter { level: "loud!".into(), problem: "invalid filter".into() },
            vec!["log.level", "\"loud!\"", "invalid filter", "debug"],
        ),
        (ConfigError::Conversion("odd".into()), vec!["odd", "--version"]),
    ]
}

/// What can be wrong with the data.
fn data() -> Vec<(Failure, Vec<&'static str>)> {
    let damaged = |path: &str, damage| Failure::Data(DataDirError::Damaged { path: path.into(), damage });
    let cannot =
        |path: &str, number| Failure::Data(DataDirError::Io { path: path.into(), source: os(number) });
    let database = |source| Failure::Storage { path: DATABASE.into(), source };
    vec![
        (DataDirError::InUse { path: DATA.into(), pid: Some(4242) }.into(), vec![DATA, "4242", "--data"]),
        (DataDirError::InUse { path: DATA.into(), pid: None }.into(), vec![DATA, "--data"]),
        (DataDirError::Newer { path: DATA.into(), found: 9, known: 1 }.into(), vec![DATA, "9", "1"]),
        (damaged(DATA, Damage::Version("soon".into())), vec![DATA, "\"soon\"", "--data"]),
        (damaged(KEY, Damage::LongKey), vec![KEY]),
        (damaged(KEY, Damage::Key), vec![KEY, "64"]),
        (damaged(KEY, Damage::Digits), vec![KEY]),
        (cannot(DATA, 13), vec![DATA, "os error 13", "chown"]),
        (cannot(DATA, 28), vec![DATA, "os error 28"]),
        (cannot(DATA, 30), vec![DATA, "os error 30"]),
        (cannot(DATA, 20), vec![DATA, "os error 20", "storage.data", "network.key_file"]),
        (database(StorageError::Full), vec![DATABASE]),
        (database(StorageError::Newer { found: 99, known: 2 }), vec![DATABASE, "99", "2"]),
        (database(StorageError::Migration("no such table".into())), vec![DATABASE, "no such table"]),
        (database(StorageError::Database("locked".into())), vec![DATABASE, "locked"]),
        (database(StorageError::Random("none left".into())), vec![DATABASE, "none left"]),
        (database(StorageError::Closed), vec![DATABASE]),
    ]
}

/// What can be wrong with addresses and with the relay that is asked.
fn reach() -> Vec<(Failure, Vec<&'static str>)> {
    const CLIENTS: &str = "/ip4/127.0.0.1/tcp/4510";
    let clients =
        |number| Failure::Listen(ListenError::Address { address: CLIENTS.into(), source: os(number) });
    vec![
        (clients(98), vec![CLIENTS, "os error 98", "--listen", "network.listen"]),
        (clients(13), vec![CLIENTS, "os error 13", "1024"]),
        (clients(99), vec![CLIENTS, "os error 99", "0.0.0.0"]),
        (clients(22), vec![CLIENTS, "os error 22", "--listen"]),
        (ListenError::Transport("no key".into()).into(), vec!["no key", "--version"]),
        (
            Failure::Web { address: WEB.parse().unwrap(), source: os(98) },
            vec![WEB, "os error 98", "http.listen"],
        ),
        (Failure::NotRunning { data: DATA.into() }, vec![DATA, "madang-relay run", "--data"]),
        (Failure::Starting { data: DATA.into() }, vec![DATA]),
        (ProbeError::Late { address: WEB.into() }.into(), vec![WEB, "journalctl"]),
        (ProbeError::Connect { address: WEB.into(), source: os(111) }.into(), vec![WEB, "os error 111"]),
        (ProbeError::Broken { address: WEB.into(), source: os(104) }.into(), vec![WEB, "os error 104"]),
        (ProbeError::Foreign { address: WEB.into() }.into(), vec![WEB, "HTTP"]),
        (Failure::Status { status: 503 }, vec!["503", "journalctl"]),
        (Failure::NotReady { said: "draining".into() }, vec!["draining"]),
        (
            Failure::NotReady { said: "the database is slow".into() },
            vec!["the database is slow", "journalctl"],
        ),
    ]
}

/// What else can go wrong.
fn rest() -> Vec<(Failure, Vec<&'static str>)> {
    let exists = InitError::Exists { path: FILE.into() };
    let key = |error| Failure::Init(InitError::Key(error));
    vec![
        (Failure::TraceWithoutDev, vec!["--trace-frames", "--dev"]),
        (
            Failure::Trace { path: "/trace".into(), source: os(2) },
            vec!["/trace", "os error 2", "--trace-frames"],
        ),
        (InitError::Domain { domain: "two words".into() }.into(), vec!["\"two words\"", "relay.example.org"]),
        (exists.into(), vec![FILE, "--dir"]),
        (InitError::Make { path: FILE.into(), source: os(13) }.into(), vec![FILE, "os error 13", "chown"]),
        (key(DataDirError::Io { path: KEY.into(), source: os(20) }), vec![KEY, "os error 20", "--dir"]),
        (key(DataDirError::Damaged { path: KEY.into(), damage: Damage::Key }), vec![KEY, "64"]),
        (InitError::Random("none left".into()).into(), vec!["none left"]),
        (InitError::Transport(TransportError::Nothing).into(), vec!["transport"]),
        (Failure::Output(os(28)), vec!["os error 28"]),
        (
            anyhow::Error::new(os(11)).context("Cannot start the runtime").into(),
            vec!["runtime", "os error 11"],
        ),
    ]
}

/// The words match on every kind, or they do not compile; here each is said.
fn all() -> Vec<(Failure, Vec<&'static str>)> {
    let config = config().into_iter().map(|(error, facts)| (Failure::from(error), facts));
    config.chain(data()).chain(reach()).chain(rest()).collect()
}

#[test]
fn every_failure_is_told_in_both_languages_with_the_same_facts_and_with_what_to_do() {
    for (failure, facts) in all() {
        let (english, korean) = (told(Language::English, &failure), told(Language::Korean, &failure));
        assert!(english.is_ascii(), "{english}");
        assert!(english.starts_with(&failure.whole()), "{english}");
        assert!(is_korean(&korean), "{english}: {korean}");
        for said in [&english, &korean] {
            for fact in &facts {
                assert!(said.contains(fact), "{fact} is not in {said}");
            }
            let (what, todo) = said.rsplit_once("\n  ").unwrap();
            assert!(!what.is_empty() && !what.ends_with('.'), "{said}");
            assert!(todo.ends_with('.') && !todo.contains('\n'), "{said}");
        }
    }
}

#[test]
fn a_wrong_use_has_an_exit_code_of_its_own() {
    for (failure, _) in all() {
        let code = if matches!(failure, Failure::TraceWithoutDev) { 2 } else { 1 };
        assert_eq!(failure.exit_code(), code, "{failure}");
    }
}
