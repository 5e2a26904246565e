//! What is not to be found on the disk of a relay.

use std::net::Ipv4Addr;
use std::path::Path;

use rustix::process::Signal;

use crate::client::*;
use crate::proxy::Proxy;
use crate::relay::Relay;

const ALICE: u8 = 1;
const BOB: u8 = 2;
const LOG: u8 = 3;

/// The files below a directory that hold these bytes.
fn holding(dir: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, needle));
        } else if std::fs::read(&path).unwrap().windows(needle.len()).any(|window| window == needle) {
            found.push(path.display().to_string());
        }
    }
    found
}

/// Everybody does everything that is written down; then neither peer ids nor addresses are in any file (protocol
/// section 10.1).
#[tokio::test(flavor = "multi_thread")]
async fn neither_peer_ids_nor_addresses_are_written_to_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut relay = Relay::start_with(dir.path(), &[], &[("RELAY__STORAGE__SWEEP_S", "1")]);
    let (here, there) = (Ipv4Addr::new(127, 77, 1, 201), Ipv4Addr::new(127, 77, 2, 202));
    let (near, far) = (Proxy::start(&relay.addr, here).await, Proxy::start(&relay.addr, there).await);
    let mut alice = Client::connect(&near.addr).await;
    alice.make_inbox(ALICE).await;
    alice.make_log(LOG).await;
    // Bob has no inbox here: the relay counts his items on his address.
    let mut bob = Client::connect(&far.addr).await;
    bob.auth(LOG).await;
    bob.auth(BOB).await;
    bob.put(log_put(LOG, b"needle of bob in the log")).await;
    bob.put(inbox_put(ALICE, b"needle of bob in the inbox")).await;
    alice.put(log_put(LOG, b"needle of alice in the log")).await;
    alice.fetch_all(LOG).await;
    let mut secrets = Vec::new();
    for (client, address) in [(&alice, here), (&bob, there)] {
        let raw = client.peer.to_bytes();
        // The id holds the key itself, in its last 32 bytes.
        let key = raw[raw.len() - 32..].to_vec();
        secrets.extend([
            client.peer.to_base58().into_bytes(),
            data_encoding::HEXLOWER.encode(&key).into_bytes(),
            data_encoding::BASE64.encode(&raw).into_bytes(),
            key,
            address.to_string().into_bytes(),
            address.octets().to_vec(),
        ]);
    }
    let check = |when: &str| {
        for known in [&b"needle of bob in the log"[..], b"needle of bob in the inbox", &box_id(LOG)] {
            assert!(!holding(dir.path(), known).is_empty(), "{when}: the search finds what is there");
        }
        for secret in &secrets {
            let files = holding(dir.path(), secret);
            assert!(files.is_empty(), "{when}: {} is in {files:?}", secret.escape_ascii());
        }
    };
    check("while it runs");
    relay.signal(Signal::TERM);
    assert_eq!(relay.wait(), Some(0));
    check("after its end");
}
