//! `madang doctor`: what can be wrong, checked one by one, to be pasted into a report. It shows no secret, no name
//! and no text.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use madang_api::{Code, Error, network};
use madang_node::home;
use serde_json::{Value, json};

use crate::{
    attach::Attached,
    failure::Failure,
    output::Output,
    secret::Given,
    table::Text,
    words::doctor::{self, Finding},
};

/// One thing that was looked at.
#[derive(Debug)]
struct Check {
    /// What was looked at.
    check: &'static str,
    /// Whether it is as it should be.
    ok: bool,
    /// What was found.
    found: Finding,
}

impl Check {
    fn new(check: &'static str, ok: bool, found: Finding) -> Self {
        Self { check, ok, found }
    }

    /// Something that is said as it is.
    fn said(check: &'static str, ok: bool, text: impl Into<String>) -> Self {
        Self::new(check, ok, Finding::Said(text.into()))
    }
}

/// Looks at the files of a home that no node holds.
pub(crate) fn offline(home: &Path, out: Output, given: &Given) -> Result<(), Failure> {
    let mut checks = files(home);
    if home.exists() && !home.is_dir() {
        return show(out, checks);
    }
    match home::hold(home).map_err(Error::from) {
        Ok(held) => match home::inspect(&held, given.passphrase()).map_err(Error::from) {
            Ok(findings) if findings.is_empty() => {
                checks.push(Check::new("store", true, Finding::StoreSound));
            }
            Ok(findings) => {
                let error = Error::new(Code::Damaged, findings.join("; "));
                checks.push(Check::new("store", false, Finding::Failed(error)));
            }
            Err(error) => checks.push(Check::new("store", false, Finding::Failed(given.explain(error)))),
        },
        Err(error) => checks.push(Check::new("lock", false, Finding::Failed(error))),
    }
    show(out, checks)
}

/// Asks the running node.
pub(crate) async fn online(home: &Path, node: &Attached, out: Output) -> Result<(), Failure> {
    let mut checks = files(home);
    let status: network::Status = typed(node.call("status", &json!({})).await?)?;
    checks.push(Check::said("addresses", !status.addrs.is_empty(), status.addrs.join(" ")));
    let paths: Vec<network::DevicePath> = typed(node.call("net_why", &json!({})).await?)?;
    checks.extend(reach(status, paths));
    show(out, checks)
}

/// Who is reached now: relays, machines of friends, and what waits for them.
fn reach(status: network::Status, paths: Vec<network::DevicePath>) -> Vec<Check> {
    let mut checks = Vec::new();
    let is_connected = |relay: &network::Relay| relay.state == network::RelayState::Connected;
    let is_reached = status.relays.iter().any(is_connected);
    let lonely = !paths.is_empty() && status.peers.is_empty() && !is_reached;
    if status.relays.is_empty() {
        checks.push(Check::new("relays", true, Finding::NoRelays));
    }
    for relay in status.relays {
        checks.push(Check::new("relay", is_connected(&relay), Finding::Relay(relay)));
    }
    let direct = status.peers.iter().filter(|peer| peer.path == "direct").count();
    let peers = if lonely { Finding::Nobody } else { Finding::Peers(status.peers.len(), direct) };
    checks.push(Check::new("peers", !lonely, peers));
    let alone = status.peers.is_empty() && !is_reached;
    checks.push(match status.clock_offset_ms {
        None if alone => Check::new("clock", true, Finding::ClockAlone),
        None => Check::new("clock", true, Finding::ClockAgrees),
        Some(ms) => Check::new("clock", false, Finding::ClockOff(ms)),
    });
    checks.push(Check::new("outbox", true, Finding::Outbox(status.outbox)));
    // A friend may be away; messages that lie nowhere but here are worth a look.
    let well = |path: &network::DevicePath| path.connection != "none" || path.waiting <= path.at_relay;
    checks.extend(paths.into_iter().map(|path| Check::new("path", well(&path), Finding::Path(path))));
    checks
}

fn files(home: &Path) -> Vec<Check> {
    let version = format!(
        "madang {} on {} {}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    let mut checks = vec![Check::said("version", true, version)];
    if home.exists() && !home.is_dir() {
        let error = Error::from(home::Error::NoDirectory(home.to_owned()));
        checks.push(Check::new("home", false, Finding::Failed(error)));
        return checks;
    }
    let mode = fs::metadata(home).map(|found| found.permissions().mode() & 0o777);
    checks.push(match mode {
        Ok(0o700) => Check::new("home", true, Finding::HomePrivate(home.to_owned())),
        Ok(mode) => Check::new("home", false, Finding::HomeMode(home.to_owned(), mode)),
        Err(error) => Check::said("home", false, format!("{}: {error}", home.display())),
    });
    match home::slot_kinds(home).map_err(Error::from) {
        Ok(kinds) => checks.push(Check::new("unlocking", !kinds.is_empty(), Finding::Slots(kinds))),
        Err(error) => checks.push(Check::new("unlocking", false, Finding::Failed(error))),
    }
    checks
}

fn show(out: Output, checks: Vec<Check>) -> Result<(), Failure> {
    let well = checks.iter().all(|check| check.ok);
    let record =
        |check: &Check| json!({ "check": check.check, "ok": check.ok, "detail": check.found.record() });
    let records: Vec<Value> = checks.iter().map(record).collect();
    out.value(&json!({ "ok": well, "checks": records }), |_| {
        let language = out.language;
        let row = |check: &Check| {
            let (mark, name) = (doctor::mark(language, check.ok), doctor::check(language, check.check));
            vec![mark.to_owned(), name.to_owned(), check.found.text(language)]
        };
        Text::Table(doctor::HEADS, checks.iter().map(row).collect())
    })?;
    if well { Ok(()) } else { Err(Failure::Unwell) }
}

fn typed<T: serde::de::DeserializeOwned>(answer: Value) -> Result<T, Error> {
    serde_json::from_value(answer).map_err(|error| {
        Error::new(madang_api::Code::Internal, format!("The node answered in an unknown way: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use madang_api::network::{DevicePath, Relay, RelayState, Status};

    use super::*;

    fn status(relay: RelayState) -> Status {
        let relay =
            Relay { addr: "/dns4/hanok.example".to_owned(), state: relay, reason: None, since: Some(1) };
        Status {
            account: String::new(),
            device: String::new(),
            addrs: Vec::new(),
            peers: Vec::new(),
            relays: vec![relay],
            outbox: 0,
            repaired: 0,
            clock_offset_ms: None,
        }
    }

    fn away(waiting: u64, at_relay: u64) -> DevicePath {
        DevicePath {
            account: String::new(),
            device: String::new(),
            path: "stream".to_owned(),
            reason: "stream".to_owned(),
            connection: "none".to_owned(),
            since: Some(1),
            waiting,
            at_relay,
        }
    }

    fn trouble(status: Status, paths: Vec<DevicePath>) -> Vec<&'static str> {
        reach(status, paths).iter().filter(|check| !check.ok).map(|check| check.check).collect()
    }

    #[test]
    fn a_path_of_before_does_not_make_all_well() {
        let (up, down) = (RelayState::Connected, RelayState::Failed);
        assert_eq!(trouble(status(up), vec![away(0, 0)]), [""; 0], "a friend may be away");
        assert_eq!(trouble(status(up), vec![away(2, 2)]), [""; 0], "the relay keeps it");
        assert_eq!(trouble(status(up), vec![away(2, 1)]), ["path"]);
        assert_eq!(trouble(status(down), vec![away(0, 0)]), ["relay", "peers"]);
        assert_eq!(trouble(status(down), vec![away(1, 0)]), ["relay", "peers", "path"]);
        assert_eq!(trouble(status(down), Vec::new()), ["relay"], "there is nobody to reach");
    }
}
