//! `madang doctor`: what can be wrong, checked one by one, to be pasted into a report. It shows no secret, no name
//! and no text.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use madang_api::{Error, network};
use madang_node::home;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{attach::Attached, failure::Failure, messages::word, output::Output, table::Text};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    /// What was looked at.
    check: &'static str,
    /// Whether it is as it should be.
    ok: bool,
    /// What was found.
    detail: String,
}

impl Check {
    fn new(check: &'static str, ok: bool, detail: impl Into<String>) -> Self {
        Self { check, ok, detail: detail.into() }
    }
}

/// Looks at the files of a home that no node holds.
pub(crate) fn offline(home: &Path, out: Output, passphrase: Option<&String>) -> Result<(), Failure> {
    let mut checks = files(home);
    match home::hold(home).map_err(Error::from) {
        Ok(held) => match home::inspect(&held, passphrase.map(String::as_str)).map_err(Error::from) {
            Ok(findings) if findings.is_empty() => {
                checks.push(Check::new("store", true, "opens, and every page and index is sound"));
            }
            Ok(findings) => checks.push(Check::new("store", false, findings.join("; "))),
            Err(error) => checks.push(Check::new("store", false, told(&error))),
        },
        Err(error) => checks.push(Check::new("lock", false, told(&error))),
    }
    show(out, checks)
}

/// Asks the running node.
pub(crate) async fn online(home: &Path, node: &Attached, out: Output) -> Result<(), Failure> {
    let mut checks = files(home);
    let status: network::Status = typed(node.call("status", &json!({})).await?)?;
    checks.push(Check::new("addresses", !status.addrs.is_empty(), status.addrs.join(" ")));
    if status.relays.is_empty() {
        checks.push(Check::new("relays", true, "none: nobody keeps messages while a friend is away"));
    }
    for relay in &status.relays {
        let reason = relay.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
        let detail = format!("{} {}{reason}", relay.addr, word(&relay.state));
        checks.push(Check::new("relay", relay.state == network::RelayState::Connected, detail));
    }
    let direct = status.peers.iter().filter(|peer| peer.path == "direct").count();
    let detail = format!("{} connected, {direct} of them directly", status.peers.len());
    checks.push(Check::new("peers", true, detail));
    let clock = match status.clock_offset_ms {
        None => Check::new("clock", true, "agrees with relays and friends"),
        Some(ms) => {
            Check::new("clock", false, format!("corrected by {ms} ms: set the clock of this machine"))
        }
    };
    checks.push(clock);
    checks.push(Check::new("outbox", true, format!("{} messages wait for somebody", status.outbox)));
    let paths: Vec<network::DevicePath> = typed(node.call("net_why", &json!({})).await?)?;
    for path in paths {
        let detail = format!("{} by {}: {}", short(&path.device), path.path, path.reason);
        checks.push(Check::new("path", true, detail));
    }
    show(out, checks)
}

fn files(home: &Path) -> Vec<Check> {
    let version = format!(
        "madang {} on {} {}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    let mut checks = vec![Check::new("version", true, version)];
    let mode = fs::metadata(home).map(|found| found.permissions().mode() & 0o777);
    checks.push(match mode {
        Ok(0o700) => Check::new("home", true, format!("{} belongs to its owner alone", home.display())),
        Ok(mode) => Check::new("home", false, format!("{} has mode {mode:o}, not 700", home.display())),
        Err(error) => Check::new("home", false, format!("{}: {error}", home.display())),
    });
    match home::slot_kinds(home).map_err(Error::from) {
        Ok(kinds) => checks.push(Check::new("unlocking", !kinds.is_empty(), kinds.join(", "))),
        Err(error) => checks.push(Check::new("unlocking", false, told(&error))),
    }
    checks
}

fn show(out: Output, checks: Vec<Check>) -> Result<(), Failure> {
    let well = checks.iter().all(|check| check.ok);
    out.value(&json!({ "ok": well, "checks": checks }), |_| {
        let row = |check: &Check| {
            let mark = if check.ok { "ok" } else { "look" };
            vec![mark.to_owned(), check.check.to_owned(), check.detail.clone()]
        };
        Text::Table(&["", "check", "found"], checks.iter().map(row).collect())
    })?;
    if well { Ok(()) } else { Err(Failure::Unwell) }
}

fn told(error: &Error) -> String {
    format!("{}: {}", word(&error.code), error.message)
}

/// Enough of an id to tell machines apart, too little to find one.
fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn typed<T: serde::de::DeserializeOwned>(answer: Value) -> Result<T, Error> {
    serde_json::from_value(answer).map_err(|error| {
        Error::new(madang_api::Code::Internal, format!("The node answered in an unknown way: {error}"))
    })
}
