use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hmac::{Hmac, KeyInit, Mac};
use madang_wire::{Pow, Put, PutAuth};
use sha2::Sha256;

use crate::answer::{Code, Refusal};
use crate::bare::{self, OFF, peer};
use crate::config::RatesConfig;
use crate::deposit::{Answer, Deposit, deposit};
use crate::peers::Peer;
use crate::state::State;
use crate::storage::{BoxId, NewInbox, NewLog, SqliteStorage, Storage};

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const NOW: u64 = 20_000 * DAY;

const ALICE: [u8; 32] = [1; 32];
const LOG: [u8; 32] = [3; 32];
const K_TOKEN: [u8; 32] = [9; 32];

/// An inbox of alice and a log.
struct World {
    state: State,
    storage: SqliteStorage,
    now: Arc<AtomicU64>,
}

impl World {
    fn new(dev: bool, rates: &RatesConfig) -> Self {
        let now = Arc::new(AtomicU64::new(NOW));
        let state = bare::state(dev, rates, &now);
        let mut storage = SqliteStorage::in_memory().unwrap();
        storage.create_inbox(&NewInbox { owner_pub: ALICE, k_token: K_TOKEN }, NOW).unwrap();
        storage.create_log(&NewLog { log_pub: LOG, ttl_h: 336, prev: None }, NOW).unwrap();
        Self { state, storage, now }
    }

    fn put(&mut self, peer: &Peer, put: Put) -> Result<(u64, bool), Refusal> {
        let put = Deposit::parse(put, |_| true)?;
        match deposit(&mut self.storage, &self.state, peer, &put).unwrap() {
            Answer::Stored { seq, dup, .. } => Ok((seq, dup)),
            Answer::Refused(refusal) => Err(refusal),
        }
    }

    fn items(&mut self, id: BoxId, at: u64) -> usize {
        self.storage.page(id, 0, 1_000, 1 << 30, at).unwrap().unwrap().items.len()
    }
}

/// A connection that has authenticated its inbox.
fn member(n: u8) -> Arc<Peer> {
    let peer = peer(n);
    peer.admit([n; 32]);
    peer
}

fn token(key: &[u8; 32], slot: u32) -> Option<PutAuth> {
    let expiry_h = u32::try_from(NOW / HOUR).unwrap() + 10_000;
    let head = [slot.to_be_bytes(), expiry_h.to_be_bytes()].concat();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(&head);
    Some(PutAuth::Token([&head[..], &mac.finalize().into_bytes()[..16]].concat()))
}

fn to(key: &[u8; 32], auth: Option<PutAuth>, body: u32) -> Put {
    Put { box_id: BoxId::of(key).0.to_vec(), auth, body: body.to_be_bytes().to_vec(), ..Put::default() }
}

fn code(outcome: Result<(u64, bool), Refusal>) -> Code {
    outcome.unwrap_err().code
}

#[tokio::test]
async fn no_item_outlives_the_cap_of_its_lane() {
    let days = |n: u64| n * DAY;
    let lanes = [
        (ALICE, token(&K_TOKEN, 17), u32::MAX, days(45)),
        (ALICE, token(&K_TOKEN, 17), 45 * 24 + 1, days(45)),
        (ALICE, token(&K_TOKEN, 17), 0, days(30)),
        (ALICE, token(&K_TOKEN, 17), 5, 5 * HOUR),
        (ALICE, None, u32::MAX, days(3)),
        (ALICE, None, 0, days(3)),
        (ALICE, None, 2, 2 * HOUR),
        (LOG, None, u32::MAX, days(14)),
        (LOG, None, 0, days(14)),
    ];
    for (key, auth, ttl_h, life) in lanes {
        let mut world = World::new(true, &OFF);
        let bob = member(2);
        world.put(&bob, Put { ttl_h, ..to(&key, auth, 1) }).unwrap();
        let id = BoxId::of(&key);
        assert_eq!(world.items(id, NOW + life - 1), 1, "{ttl_h} hours asked");
        assert_eq!(world.items(id, NOW + life), 0, "{ttl_h} hours asked");
        world.storage.sweep(NOW + life, 10).unwrap();
        assert_eq!(world.items(id, NOW), 0, "and it is deleted");
    }
}

#[tokio::test]
async fn junk_tokens_and_invented_boxes_cost_nobody_anything() {
    let mut world = World::new(false, &RatesConfig { box_requests: 1, token_requests: 1, ..OFF });
    let mallory = peer(66);
    for n in 0..200 {
        assert_eq!(code(world.put(&mallory, to(&ALICE, token(&[7; 32], n), n))), Code::Token);
        assert_eq!(code(world.put(&mallory, to(&[n as u8 + 50; 32], token(&K_TOKEN, n), n))), Code::NotFound);
        assert_eq!(code(world.put(&mallory, to(&ALICE, None, n))), Code::Pow);
    }
    assert_eq!(world.state.terms().rates.keys(), 0, "nothing is remembered of them");
    let bob = peer(2);
    for n in 0..10 {
        world.put(&bob, to(&ALICE, token(&K_TOKEN, n), n)).unwrap();
    }
    let busy = world.put(&bob, to(&ALICE, token(&K_TOKEN, 10), 10)).unwrap_err();
    assert!(busy.code == Code::Busy && busy.retry_ms > 0, "{busy:?}: the rate is there");
}

#[tokio::test]
async fn knocks_leave_the_rate_of_the_inbox_to_its_friends() {
    let mut world = World::new(true, &RatesConfig { box_requests: 1, ..OFF });
    let mallory = peer(66);
    for n in 0..20 {
        world.put(&mallory, to(&ALICE, None, n)).unwrap();
    }
    assert_eq!(code(world.put(&mallory, to(&ALICE, None, 20))), Code::Quota);
    let bob = peer(2);
    for n in 100..110 {
        world.put(&bob, to(&ALICE, token(&K_TOKEN, n), n)).unwrap();
    }
}

#[tokio::test]
async fn one_token_cannot_make_the_inbox_busy_for_the_others() {
    let mut world = World::new(false, &RatesConfig { box_requests: 2, token_requests: 1, ..OFF });
    let (mallory, bob) = (peer(66), peer(2));
    let taken = (0..200).filter(|n| world.put(&mallory, to(&ALICE, token(&K_TOKEN, 66), *n)).is_ok()).count();
    assert!((10..=12).contains(&taken), "{taken}");
    for n in 200..208 {
        world.put(&bob, to(&ALICE, token(&K_TOKEN, 2), n)).unwrap();
    }
}

#[tokio::test]
async fn one_writer_cannot_make_the_log_busy_for_the_others() {
    let mut world = World::new(false, &RatesConfig { box_requests: 4, writer_requests: 1, ..OFF });
    let (mallory, stranger, bob) = (member(66), peer(3), member(2));
    for flooder in [&mallory, &stranger] {
        let taken = (0..200).filter(|n| world.put(flooder, to(&LOG, None, *n)).is_ok()).count();
        assert!((10..=12).contains(&taken), "{taken}");
        let busy = world.put(flooder, to(&LOG, None, 200)).unwrap_err();
        assert!(busy.code == Code::Busy && (1..=1_000).contains(&busy.retry_ms), "{busy:?}");
    }
    for n in 300..310 {
        world.put(&bob, to(&LOG, None, n)).unwrap();
    }
}

#[tokio::test]
async fn a_log_takes_neither_token_nor_proof_of_work() {
    let mut world = World::new(true, &OFF);
    let bob = member(2);
    let pow = PutAuth::Pow(Pow { nonce: vec![1], at: NOW });
    for auth in [token(&K_TOKEN, 17).unwrap(), PutAuth::Token(vec![0; 23]), PutAuth::Token(Vec::new()), pow] {
        assert_eq!(code(world.put(&bob, to(&LOG, Some(auth), 1))), Code::BadFrame);
    }
    world.put(&bob, to(&LOG, None, 1)).unwrap();
    assert_eq!(code(world.put(&bob, to(&ALICE, Some(PutAuth::Token(vec![0; 23])), 1))), Code::Token);
}

#[tokio::test]
async fn a_silently_revoked_writer_hears_what_an_unread_one_hears() {
    let mut world = World::new(false, &OFF);
    let (inbox, bob) = (BoxId::of(&ALICE), peer(2));
    let mut heard = Vec::new();
    for slot in [17, 18] {
        // Before the block, then again and again.
        for (n, revoked) in [(0, false), (0, true), (1, true), (1, true), (2, true), (1, true)] {
            if revoked && slot == 18 {
                world.storage.revoke_token(inbox, slot, true).unwrap();
            }
            let (seq, dup) = world.put(&bob, to(&ALICE, token(&K_TOKEN, slot), slot * 100 + n)).unwrap();
            heard.push((seq, dup));
        }
    }
    assert_eq!(heard[..6], [(1, false), (1, true), (2, false), (2, true), (3, false), (2, true)]);
    assert_eq!(heard[6..], [(4, false), (4, true), (5, false), (5, true), (6, false), (5, true)]);
    assert_eq!(world.items(inbox, NOW), 4, "one of the blocked writer, from before");
    world.now.store(NOW + 31 * DAY, Ordering::SeqCst);
    for slot in [17, 18] {
        assert!(!world.put(&bob, to(&ALICE, token(&K_TOKEN, slot), slot * 100 + 1)).unwrap().1, "expired");
    }
}
