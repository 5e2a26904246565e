//! What operators see: web server, commands, files.

use std::io::{BufRead, BufReader};
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use madang_wire::*;
use serde_json::Value;

use crate::client::*;
use crate::relay::{Relay, command, output};

const ALICE: u8 = 1;

#[tokio::test(flavor = "multi_thread")]
async fn the_web_server_answers_and_the_first_line_keeps_its_form() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let expected =
        format!("{{\"event\":\"ready\",\"addr\":\"{}\",\"http\":\"{}\"}}\n", relay.addr, relay.http);
    assert_eq!(relay.first_line, expected);
    assert!(relay.addr.starts_with("/ip4/127.0.0.1/tcp/") && relay.addr.contains("/p2p/"));
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_inbox(ALICE).await;
    alice.put(inbox_put(ALICE, b"hello")).await;
    assert_eq!(relay.get("/healthz"), (200, "ok\n".into()));
    assert_eq!(relay.get("/readyz"), (200, "ready\n".into()));
    let json = |path: &str| serde_json::from_str::<Value>(&relay.get(path).1).unwrap();
    assert_eq!(json("/version")["name"], "madang-relay");
    assert!(json("/time")["now"].as_u64().unwrap().abs_diff(now()) < 60_000);
    let status = json("/status");
    assert_eq!(
        (&status["inboxes"], &status["inbox_items"], &status["connections"]),
        (&1.into(), &1.into(), &1.into())
    );
    let (code, text) = relay.get("/metrics");
    assert_eq!(code, 200);
    assert!(text.contains("madang_relay_items_stored_total 1\n"), "{text}");
    assert!(text.contains("madang_relay_frames_received_total{frame=\"put\"} 1\n"), "{text}");
    let (code, page) = relay.get("/");
    assert!(code == 200 && page.contains("cannot see") && page.contains(&relay.addr));
    assert_eq!(relay.get("/elsewhere").0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn status_and_healthcheck_ask_the_running_relay() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().to_str().unwrap();
    let relay = Relay::start(dir.path());
    assert_eq!(output(&["healthcheck", "--data", data]).status.code(), Some(0));
    let status = output(&["status", "--data", data]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["addr"], relay.addr.as_str());
    assert_eq!(relay.stop(), Some(0));
    let health = output(&["healthcheck", "--data", data]);
    assert_eq!(health.status.code(), Some(1));
    assert!(String::from_utf8(health.stderr).unwrap().contains("No relay runs on"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trace_holds_every_frame_and_is_refused_without_dev() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("trace");
    let refused =
        output(&["run", "--trace-frames", file.to_str().unwrap(), "--data", dir.path().to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(refused.stdout.is_empty() && !file.exists());
    let relay = Relay::start_with(&dir.path().join("data"), &["--trace-frames", file.to_str().unwrap()], &[]);
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_inbox(ALICE).await;
    alice.put(inbox_put(ALICE, b"a needle in the trace")).await;
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> =
        lines.iter().map(|line| format!("{} {}", line["dir"], line["frame"]).replace('"', "")).collect();
    let expected = [
        "in hello",
        "out hello_ok",
        "in auth",
        "out ok",
        "in inbox_create",
        "out created",
        "in put",
        "out stored",
    ];
    assert_eq!(kinds, expected);
    assert!(lines.iter().all(|line| line["conn"] == 1 && line["at"].as_u64().unwrap() > 0));
    let bytes = data_encoding::BASE64.decode(lines[6]["bytes"].as_str().unwrap().as_bytes()).unwrap();
    let frame: RelayFrame = decode(&bytes).unwrap();
    assert!(matches!(frame.body, Some(RelayBody::Put(put)) if put.body == b"a needle in the trace"));
}

#[test]
fn init_writes_a_configuration_that_is_in_order_and_overwrites_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("etc");
    let made = output(&["init", "--domain", "relay.example.org", "--dir", place.to_str().unwrap()]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let told = String::from_utf8(made.stdout).unwrap();
    assert!(told.contains("/dns/relay.example.org/tcp/4510/p2p/12D3"), "{told}");
    for file in ["relay.toml", "relay.key"] {
        let mode = std::fs::metadata(place.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let config = place.join("relay.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    assert!(text.lines().filter(|line| line.starts_with('#')).count() > 60, "fully commented");
    let check = output(&["config", "check", "--config", config.to_str().unwrap()]);
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stderr));
    let shown = output(&["config", "show", "--config", config.to_str().unwrap()]);
    assert!(String::from_utf8(shown.stdout).unwrap().contains("domain = \"relay.example.org\""));
    let again = output(&["init", "--domain", "other.example.org", "--dir", place.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&config).unwrap(), text);
}

#[test]
fn a_wrong_configuration_stops_the_start_with_a_suggestion() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("relay.toml");
    std::fs::write(&config, "[limits]\ninbox_item = 3\n").unwrap();
    let args = ["run", "--dev", "--data", dir.path().to_str().unwrap(), "--config", config.to_str().unwrap()];
    let started = output(&args);
    assert_eq!(started.status.code(), Some(1));
    assert!(String::from_utf8(started.stderr).unwrap().contains("did you mean limits.inbox_items?"));
    std::fs::write(&config, "").unwrap();
    let started = command(&args).env("RELAY__STORAGE__SWEEP_S", "0").output().unwrap();
    assert!(String::from_utf8(started.stderr).unwrap().contains("storage.sweep_s must be at least 1 second"));
}

#[test]
fn data_of_a_newer_relay_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("version"), "99\n").unwrap();
    let started = output(&["run", "--dev", "--data", dir.path().to_str().unwrap()]);
    assert_eq!(started.status.code(), Some(1));
    assert!(String::from_utf8(started.stderr).unwrap().contains("written by a newer relay"));
}

#[test]
fn a_relay_for_tests_that_others_reach_is_warned_about_and_names_an_address_that_they_reach() {
    let dir = tempfile::tempdir().unwrap();
    let start = |listen: &str, env: &[(&str, &str)]| {
        let data = dir.path().join("data");
        let mut child = command(&["run", "--dev", "--listen", listen, "--data", data.to_str().unwrap()])
            .envs(env.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut ready).unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
        assert!(!said.contains('\u{1b}'), "colours in a file: {said}");
        (serde_json::from_str::<Value>(&ready).unwrap()["addr"].as_str().unwrap().to_owned(), said)
    };
    let (addr, said) = start("127.0.0.1:0", &[]);
    assert!(addr.starts_with("/ip4/127.0.0.1/tcp/") && !said.contains("Warning"), "{said}");
    let (addr, said) = start("0.0.0.0:0", &[]);
    assert!(said.contains("Warning: this relay runs with --dev"), "{said}");
    // The way to others, if this machine has one.
    let way = UdpSocket::bind("0.0.0.0:0").unwrap();
    let own = way.connect("192.0.2.1:9").and_then(|()| way.local_addr()).map(|own| own.ip().to_string());
    let own = own.unwrap_or_else(|_| "127.0.0.1".to_owned());
    assert!(addr.starts_with(&format!("/ip4/{own}/tcp/")), "{addr}");
    let (_, said) = start("0.0.0.0:0", &[("LANG", "ko_KR.UTF-8")]);
    assert!(said.contains("주의: "), "{said}");
}
