//! Start, crash, restart, wiped data, end.

use madang_wire::*;
use rustix::process::Signal;

use crate::client::*;
use crate::relay::{PATIENCE, Relay, output};

const ALICE: u8 = 1;
const BOB: u8 = 2;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_a_kill_and_epochs_stay() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let (addr, port) = (relay.addr.clone(), relay.port());
    let mut alice = Client::connect(&relay.addr).await;
    let epoch = alice.make_inbox(ALICE).await;
    for n in 0..50u8 {
        alice.send(RelayBody::Put(inbox_put(ALICE, &[n; 500]))).await;
    }
    let mut stored = Vec::new();
    while stored.len() < 25 {
        match alice.next().await.unwrap() {
            (_, RelayBody::Stored(item)) => stored.push(item.seq),
            other => panic!("{other:?}"),
        }
    }
    relay.kill();
    let relay = Relay::start_with(dir.path(), &["--listen", &format!("127.0.0.1:{port}")], &[]);
    assert_eq!(relay.addr, addr, "the key and the port stay");
    let mut alice = Client::connect(&relay.addr).await;
    assert_eq!(alice.make_inbox(ALICE).await, epoch);
    let kept: Vec<u64> =
        alice.fetch(fetch(ALICE, &epoch, 0)).await.items.iter().map(|item| item.seq).collect();
    assert!(stored.iter().all(|seq| kept.contains(seq)), "stored {stored:?}, kept {kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn wiped_data_gives_new_epochs_under_the_same_address() {
    let (dir, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = keys.path().join("relay.key");
    let env = [("RELAY__NETWORK__KEY_FILE", key.to_str().unwrap())];
    let relay = Relay::start_with(dir.path(), &[], &env);
    let (addr, port) = (relay.addr.clone(), relay.port());
    let mut alice = Client::connect(&relay.addr).await;
    let epoch = alice.make_inbox(ALICE).await;
    alice.put(inbox_put(ALICE, b"lost")).await;
    relay.kill();
    std::fs::remove_dir_all(dir.path()).unwrap();
    let relay = Relay::start_with(dir.path(), &["--listen", &format!("127.0.0.1:{port}")], &env);
    assert_eq!(relay.addr, addr);
    let mut alice = Client::connect(&relay.addr).await;
    alice.auth(ALICE).await;
    assert_eq!(alice.error(RelayBody::Fetch(fetch(ALICE, &epoch, 1))).await, "not_found");
    assert_ne!(alice.make_inbox(ALICE).await, epoch);
    let items = alice.fetch(fetch(ALICE, &epoch, 1)).await;
    assert_eq!((items.items.len(), items.head), (0, 0));
    assert_ne!(items.epoch, epoch);
}

#[tokio::test(flavor = "multi_thread")]
async fn both_signals_drain_and_end_with_zero() {
    for signal in [Signal::TERM, Signal::INT] {
        let dir = tempfile::tempdir().unwrap();
        let mut relay = Relay::start(dir.path());
        let mut alice = Client::connect(&relay.addr).await;
        alice.make_inbox(ALICE).await;
        for n in 0..100u8 {
            alice.send(RelayBody::Put(inbox_put(ALICE, &[n; 500]))).await;
        }
        let first = alice.next().await.unwrap();
        assert!(matches!(first.1, RelayBody::Stored(_)));
        let start = std::time::Instant::now();
        relay.signal(signal);
        // Everything taken in is answered, then the stream is closed in order.
        while let Some((_, body)) = alice.next().await {
            assert!(matches!(body, RelayBody::Stored(_)), "{body:?}");
        }
        assert_eq!(relay.wait(), Some(0));
        assert!(start.elapsed().as_secs() < 10, "took {:?}", start.elapsed());
    }
}

/// A client that has asked for more than it reads, so that a drain takes as long as it may.
async fn slow_reader(relay: &Relay) -> Client {
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_inbox(ALICE).await;
    for n in 0..5u8 {
        alice.put(inbox_put(ALICE, &[n; 60_000])).await;
    }
    for _ in 0..100 {
        alice.send(RelayBody::Fetch(fetch(ALICE, &[], 0))).await;
    }
    alice
}

/// Waits until the relay says that it drains.
fn wait_for_drain(relay: &Relay) {
    let start = std::time::Instant::now();
    loop {
        match relay.get("/readyz") {
            (200, text) => assert_eq!(text, "ready\n"),
            told => {
                assert_eq!(told, (503, "draining\n".into()));
                return;
            }
        }
        assert!(start.elapsed() < PATIENCE, "it never says that it drains");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_drains_it_lives_and_is_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(dir.path());
    let alice = Box::pin(slow_reader(&relay)).await;
    let start = std::time::Instant::now();
    relay.signal(Signal::TERM);
    wait_for_drain(&relay);
    assert_eq!(relay.get("/healthz"), (200, "ok\n".into()));
    let health = output(&["healthcheck", "--data", dir.path().to_str().unwrap()]);
    assert_eq!(health.status.code(), Some(1));
    assert!(String::from_utf8(health.stderr).unwrap().contains("not ready: draining"));
    assert_eq!(relay.wait(), Some(0));
    assert!(start.elapsed().as_secs() < 10, "took {:?}", start.elapsed());
    drop(alice);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_it_at_once() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let dir = tempfile::tempdir().unwrap();
        let mut relay = Relay::start(dir.path());
        let mut alice = Box::pin(slow_reader(&relay)).await;
        relay.signal(Signal::TERM);
        wait_for_drain(&relay);
        relay.signal(signal);
        // A drain that goes on would end with zero.
        assert_eq!(relay.wait(), Some(code));
        while alice.next().await.is_some() {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_relay_on_the_same_data_is_refused_and_names_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let second = output(&["run", "--dev", "--data", dir.path().to_str().unwrap()]);
    assert_eq!(second.status.code(), Some(1));
    assert!(second.stdout.is_empty());
    let told = String::from_utf8(second.stderr).unwrap();
    let lock = std::fs::read_to_string(dir.path().join("lock")).unwrap();
    let pid = serde_json::from_str::<serde_json::Value>(&lock).unwrap()["pid"].to_string();
    assert!(told.contains("in use by another relay") && told.contains(&pid), "{told}");
    assert_eq!(relay.stop(), Some(0));
    Relay::start(dir.path());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_answered_busy_and_the_relay_lives_on() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_with(dir.path(), &[], &[("RELAY__STORAGE__MAX_BYTES", "600000")]);
    let mut alice = Client::connect(&relay.addr).await;
    let epoch = alice.make_inbox(ALICE).await;
    let (mut stored, mut busy) = (0usize, 0usize);
    for n in 0..40u8 {
        match alice.ask(RelayBody::Put(inbox_put(ALICE, &[n; 30_000]))).await {
            RelayBody::Stored(_) => stored += 1,
            RelayBody::Err(error) => {
                assert_eq!(error.code, "busy");
                assert!(error.retry_ms > 0);
                busy += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(stored > 5 && busy > 5, "{stored} stored, {busy} refused");
    let mut kept = 0;
    let mut after = 0;
    loop {
        let items = alice.fetch(fetch(ALICE, &epoch, after)).await;
        let Some(last) = items.items.last() else { break };
        (kept, after) = (kept + items.items.len(), last.seq);
    }
    assert_eq!(kept, stored);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_reach_it_over_quic_too() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start(dir.path());
    let quic = relay.addr.replace("/tcp/", "/udp/").replace("/p2p/", "/quic-v1/p2p/");
    let mut alice = Client::connect(&quic).await;
    alice.make_inbox(ALICE).await;
    assert_eq!(alice.put(inbox_put(ALICE, b"over QUIC")).await.seq, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_reloads_the_configuration_and_nobody_is_cut_off() {
    let dir = tempfile::tempdir().unwrap();
    let relay = Relay::start_real(dir.path(), "[limits]\ninbox_items = 5\n");
    let file = dir.path().join("relay.toml");
    let before = std::fs::read_to_string(&file).unwrap();
    let mut alice = Client::connect(&relay.addr).await;
    alice.make_inbox_with(ALICE, "acorn").await;
    // One that is not in order changes nothing.
    std::fs::write(&file, format!("{before}[nonsense]\n")).unwrap();
    relay.signal(Signal::HUP);
    std::fs::write(&file, before.replace("acorn", "oak").replace("= 5", "= 7")).unwrap();
    relay.signal(Signal::HUP);
    let start = std::time::Instant::now();
    let told = async || Client::connect(&relay.addr).await.hello.limits.unwrap().inbox_items;
    while told().await != 7 {
        assert!(start.elapsed() < PATIENCE, "the configuration is not reloaded");
        relay.signal(Signal::HUP);
    }
    alice.auth(BOB).await;
    assert_eq!(alice.error(inbox_create(BOB, "acorn")).await, "admission");
    alice.make_inbox_with(BOB, "oak").await;
    assert_eq!(relay.stop(), Some(0));
}
