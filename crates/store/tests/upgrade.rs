//! A home as the first schema wrote it opens with the current code, and every table of it is read.
//!
//! `tests/fixtures/home-v1` is committed. Until the first release it follows the first migration: after a change to
//! that file, `MADANG_GEN_FIXTURE=1 cargo test -p madang-store --test upgrade` writes it anew. Once released it stays.
//! It is of two migrations and has a table that the first one no longer makes: such homes open as well.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use madang_model::{AccountId, ConvId, DeviceId, InviteId, KeyId, OpId};
use madang_store::history::{Cursor, Kinds};
use madang_store::relays::{BoxKind, NewPut, RelayBox};
use madang_store::rooms::{NewRoom, RoomKind};
use madang_store::{
    Conn, Home, Store, accounts, acks, devices, envelopes, frames, friends, gaps, heads, history, invites,
    keys, lanes, meta, ops, parked, registers, relays, requests, rooms, search, settings, tokens,
};
use std::path::{Path, PathBuf};

const KEY: [u8; 32] = [0x5a; 32];
const ALICE: AccountId = AccountId::from_bytes([1; 32]);
const BOB: AccountId = AccountId::from_bytes([2; 32]);
const ALICE_LAPTOP: DeviceId = DeviceId::from_bytes([0x11; 32]);
const BOB_DESKTOP: DeviceId = DeviceId::from_bytes([0x12; 32]);
const DIRECT: ConvId = ConvId::from_bytes([9; 32]);
const HELLO: OpId = OpId::from_bytes([0x21; 32]);
const EPOCH: KeyId = KeyId::from_bytes([0x31; 16]);
const INVITE: InviteId = InviteId::from_bytes([0x41; 16]);
const TEXT: &str = "주간회의는 10시";

fn fixture() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/home-v1")
}

/// Puts something into every table.
fn fill(c: &Conn) {
    meta::set(c, "device", b"key").unwrap();
    settings::set(c, "language", "ko", 3).unwrap();
    let log = accounts::AccountOp {
        id: OpId::from_bytes([1; 32]),
        account: ALICE,
        header: vec![1],
        sig: vec![2; 64],
        payload: vec![3],
    };
    accounts::insert(c, &log).unwrap();
    let alice = devices::intern(c, &ALICE_LAPTOP, Some(&ALICE)).unwrap();
    let bob = devices::intern(c, &BOB_DESKTOP, Some(&BOB)).unwrap();
    devices::set_bundle(c, bob, b"bundle", 4).unwrap();
    devices::set_addr(c, bob, b"addr", 5, b"peer").unwrap();
    let new = NewRoom {
        conv: DIRECT,
        kind: RoomKind::Direct,
        title: String::new(),
        peer: Some(BOB),
        history: 1,
        days: 0,
        created_at: 7,
    };
    let room = rooms::insert(c, &new).unwrap();
    friends::know(c, &BOB, "Bob", 8).unwrap();
    friends::set_state(c, &BOB, friends::FriendState::Friend).unwrap();
    friends::set_room(c, &BOB, room).unwrap();
    let invite = invites::Invite {
        id: INVITE,
        secret: [5; 16],
        once: true,
        expires: 9,
        created: 8,
        used: 1,
        revoked: false,
        slot_secret: Some(vec![1]),
        slot_version: 2,
        relay: Some("/ip4/10.0.0.1".to_owned()),
        link: "madang://invite/1/x".to_owned(),
        token_slot: 1,
    };
    invites::put(c, &invite).unwrap();
    let incoming = requests::Incoming {
        id: [6; 16],
        account: BOB,
        device: BOB_DESKTOP,
        name: "Bob".to_owned(),
        greeting: "hi".to_owned(),
        at: 1,
        contact: vec![1],
        invite: INVITE,
        state: requests::RequestState::Accepted,
    };
    requests::receive(c, &incoming).unwrap();
    let outgoing = requests::Outgoing {
        account: BOB,
        link: "madang://invite/1/y".to_owned(),
        invite: INVITE,
        greeting: String::new(),
        at: 1,
        state: requests::RequestState::Open,
        reason: String::new(),
        peer: vec![1],
        record: vec![2],
    };
    requests::send(c, &outgoing).unwrap();
    let op = ops::NewOp {
        id: &HELLO,
        room,
        author_row: alice,
        author: &ALICE_LAPTOP,
        account: &ALICE,
        seq: 1,
        hlc: 1_700_000_000_000 << 16,
        kind: 32,
        header: b"header",
        sig: &[7; 64],
        payload: Some(TEXT.as_bytes()),
        arrived_at: 10,
        origin: ops::Origin::Own,
        late: false,
        due_at: 0,
    };
    let row = ops::insert(c, &op).unwrap().row();
    rooms::raise_last(c, room, op.hlc, row).unwrap();
    heads::add(c, room, &HELLO).unwrap();
    search::add(c, row, TEXT).unwrap();
    acks::raise(c, room, bob, alice, 1).unwrap();
    acks::raise_read(c, room, &BOB, alice, 1).unwrap();
    let register =
        registers::Register { author: BOB_DESKTOP, name: "heads".to_owned(), version: 2, body: vec![1] };
    registers::put(c, room, &register).unwrap();
    let key = keys::EpochKey {
        id: EPOCH,
        epoch: 1,
        created_hlc: 2,
        creator: ALICE_LAPTOP,
        body: vec![3],
        received_at: 4,
        superseded_at: None,
    };
    keys::insert(c, room, &key).unwrap();
    keys::shared(c, &EPOCH, bob, 5).unwrap();
    parked::park_frame(c, room, &KeyId::from_bytes([0x32; 16]), b"frame", 7).unwrap();
    parked::park_op(c, room, &DeviceId::from_bytes([0x13; 32]), b"op", 8).unwrap();
    frames::put(c, room, &frames::Frame { op: row, key: EPOCH, body: b"sealed".to_vec() }).unwrap();
    let relay = relays::intern(c, "/ip4/10.0.0.1", b"relay", 1).unwrap();
    frames::stored(c, &frames::Copy { op: row, relay, relay_box: [8; 16], seq: 3, at: 4 }).unwrap();
    lanes::save(c, &lanes::Lane { session: Some(vec![1]), out_next: 2, ..lanes::load(c, bob).unwrap() })
        .unwrap();
    let queued = lanes::queue(c, bob, "keys", b"share", 5).unwrap();
    lanes::keep_early(c, bob, 1, 4, b"packet").unwrap();
    envelopes::first_seen(c, &[9; 16], 77).unwrap();
    envelopes::insert_key(
        c,
        &envelopes::EnvelopeKey {
            id: [1; 8],
            secret: vec![2],
            public: vec![3],
            made_at: 4,
            retired_at: None,
        },
    )
    .unwrap();
    let log = RelayBox {
        relay,
        id: [8; 16],
        kind: BoxKind::Log,
        room: Some(room),
        secret: vec![1],
        epoch: vec![2; 8],
        cursor: 3,
        until: None,
        version: 0,
    };
    relays::put_box(c, &log).unwrap();
    let put = NewPut {
        relay,
        relay_box: [8; 16],
        kind: BoxKind::Inbox,
        op: None,
        lane: Some(queued),
        token: Some(vec![1]),
        slot: None,
        del_hash: None,
        ttl_h: 720,
        body: vec![4],
        at: 5,
        due_at: 6,
    };
    relays::queue(c, &put).unwrap();
    tokens::new_slot(c, tokens::TokenKind::Friend, BOB.as_bytes(), 9).unwrap();
    tokens::put(c, &tokens::Token { device: bob, inbox: [3; 16], room: None, token: vec![4], expires: 99 })
        .unwrap();
    gaps::note(c, room, bob, 1, 2, 3).unwrap();
}

/// Makes the fixture from nothing.
fn write(dir: &Path) {
    let fresh = tempfile::TempDir::new().unwrap();
    let home = Home::open(fresh.path()).unwrap();
    let mut store = Store::create(&home.paths().store(), &KEY).unwrap();
    let tx = store.writer.begin().unwrap();
    fill(&tx);
    tx.commit().unwrap();
    store.writer.close().unwrap();
    drop(store.readers);
    home.write_slots(b"slots as bytes").unwrap();
    home.write_key(&KEY).unwrap();
    std::fs::create_dir_all(dir).unwrap();
    for name in ["store.db", "store.check", "slots", "key"] {
        std::fs::copy(fresh.path().join(name), dir.join(name)).unwrap();
    }
}

/// Reads each module's rows back.
fn read(c: &Conn) {
    assert_eq!(meta::get(c, "device").unwrap().unwrap(), b"key");
    assert_eq!(settings::get(c, "language").unwrap().unwrap().value, "ko");
    assert_eq!(accounts::list(c, &ALICE).unwrap().len(), 1);
    let bob = devices::by_peer(c, b"peer").unwrap().remove(0);
    assert_eq!((bob.id, bob.account, bob.bundle_version), (BOB_DESKTOP, Some(BOB), 4));
    let alice = devices::by_id(c, &ALICE_LAPTOP).unwrap().unwrap().row;
    let room = rooms::list(c).unwrap().remove(0);
    assert_eq!((room.conv, room.kind, room.peer), (DIRECT, RoomKind::Direct, Some(BOB)));
    assert_eq!(friends::list(c, friends::FriendState::Friend).unwrap()[0].room, Some(room.row));
    assert_eq!(invites::get(c, &INVITE).unwrap().unwrap().used, 1);
    assert_eq!(requests::incoming_of(c, &BOB).unwrap().len(), 1);
    assert_eq!(requests::outgoing_open(c).unwrap()[0].account, BOB);
    let page = history::page(c, room.row, Cursor::Newest, &Kinds::MESSAGES, 9).unwrap();
    assert_eq!(page[0].payload.as_deref(), Some(TEXT.as_bytes()));
    assert_eq!(heads::list(c, room.row).unwrap(), vec![HELLO]);
    let ask = search::Query { text: "회의", room: None, account: None, limit: 9 };
    assert_eq!(
        search::query(c, &ask, |_, payload| String::from_utf8(payload.to_vec()).ok()).unwrap(),
        vec![page[0].row]
    );
    assert_eq!(acks::vectors(c, room.row).unwrap()[&bob.row][&alice], 1);
    assert_eq!(acks::read_mark(c, room.row, &BOB, alice).unwrap(), 1);
    assert_eq!(registers::named(c, room.row, "heads").unwrap()[0].version, 2);
    assert_eq!(keys::get(c, &EPOCH).unwrap().unwrap().1.epoch, 1);
    assert_eq!(keys::shared_at(c, &EPOCH, bob.row).unwrap(), Some(5));
    assert_eq!(parked::unknown_keys(c).unwrap().len(), 1);
    assert_eq!(parked::unknown_authors(c).unwrap().len(), 1);
    assert_eq!(frames::get(c, page[0].row).unwrap().unwrap().body, b"sealed");
    assert_eq!(frames::copies(c, page[0].row).unwrap()[0].seq, 3);
    assert_eq!(lanes::load(c, bob.row).unwrap().out_next, 2);
    assert_eq!(lanes::waiting(c, bob.row, 9).unwrap()[0].topic, "keys");
    assert_eq!(lanes::early(c, bob.row).unwrap(), vec![(1, 4)]);
    assert!(envelopes::seen(c, &[9; 16]).unwrap());
    assert_eq!(envelopes::key(c, &[1; 8]).unwrap().unwrap().secret, vec![2]);
    let relay = relays::list(c).unwrap().remove(0);
    assert_eq!(relays::boxes(c, relay.row).unwrap()[0].cursor, 3);
    assert_eq!(relays::due(c, relay.row, 6, 9).unwrap()[0].put.ttl_h, 720);
    assert_eq!(tokens::slots(c).unwrap().len(), 1);
    assert_eq!(tokens::find(c, bob.row, &[3; 16], None, 1).unwrap().unwrap().token, vec![4]);
    assert_eq!(gaps::list(c, room.row).unwrap()[0].to_seq, 2);
}

#[test]
fn a_home_of_the_first_schema_opens_and_every_table_is_read() {
    if std::env::var_os("MADANG_GEN_FIXTURE").is_some() {
        write(&fixture());
    }
    let dir = tempfile::TempDir::new().unwrap();
    for entry in std::fs::read_dir(fixture()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let home = Home::open(dir.path()).unwrap();
    assert_eq!(home.read_slots().unwrap().unwrap(), b"slots as bytes");
    let key = home.read_key().unwrap().unwrap();
    let store = Store::open(&home.paths().store(), &key).unwrap();
    store
        .readers
        .read(|c| {
            read(c);
            Ok::<_, madang_store::Error>(())
        })
        .unwrap();
    assert!(store.writer.inspect().unwrap().is_empty());
    let conn = store.writer.conn();
    let mut tables = conn
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT GLOB 'search_[cdi]*'")
        .unwrap();
    let names: Vec<String> = tables.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert!(names.len() >= 33, "{names:?}");
    for name in names {
        assert!(
            conn.prepare(&format!("SELECT 1 FROM {name} LIMIT 1")).unwrap().exists([]).unwrap(),
            "{name} is empty"
        );
    }
}

#[test]
fn filling_a_fresh_store_reads_back_the_same() {
    let dir = tempfile::TempDir::new().unwrap();
    let mut store = Store::create(&dir.path().join("store.db"), &KEY).unwrap();
    let tx = store.writer.begin().unwrap();
    fill(&tx);
    tx.commit().unwrap();
    read(store.writer.conn());
}
