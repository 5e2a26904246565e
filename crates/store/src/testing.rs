//! Fixtures of the tests: a store in a temporary directory, named people, and ops of theirs.

use crate::devices;
use crate::ops::{self, NewOp, Origin};
use crate::rooms::{self, NewRoom, RoomKind};
use crate::{Conn, DeviceRow, OpRow, RoomRow, Store};
use madang_model::{AccountId, ConvId, DeviceId, OpId};
use tempfile::TempDir;

/// The key of every store in the tests.
pub(crate) const KEY: [u8; 32] = [7; 32];

/// Offsets of named people.
pub(crate) const ALICE: u8 = 1;
pub(crate) const BOB: u8 = 2;
pub(crate) const CAROL: u8 = 3;

/// A fresh store; the directory goes with the first value.
pub(crate) fn store() -> (TempDir, Store) {
    let dir = TempDir::new().unwrap();
    let store = Store::create(&dir.path().join("store.db"), &KEY).unwrap();
    (dir, store)
}

/// Runs `test` inside a transaction of a fresh store.
pub(crate) fn with_store(test: impl FnOnce(&Conn)) {
    let (_dir, mut store) = store();
    let tx = store.writer.begin().unwrap();
    test(&tx);
    tx.commit().unwrap();
}

pub(crate) fn account(person: u8) -> AccountId {
    AccountId::from_bytes([person; 32])
}

/// The first device of a person.
pub(crate) fn device(person: u8) -> DeviceId {
    DeviceId::from_bytes([0x10 | person; 32])
}

pub(crate) fn device_row(c: &Conn, person: u8) -> DeviceRow {
    devices::intern(c, &device(person), Some(&account(person))).unwrap()
}

pub(crate) fn room(c: &Conn, number: u8) -> RoomRow {
    let room = NewRoom {
        conv: ConvId::from_bytes([number; 32]),
        kind: RoomKind::Group,
        title: format!("room {number}"),
        peer: None,
        history: 3,
        days: 0,
        created_at: 1_000,
    };
    rooms::insert(c, &room).unwrap()
}

/// The id of the op that [`say`] makes.
pub(crate) fn op_id(person: u8, seq: u64) -> OpId {
    let mut id = [person; 32];
    id[..8].copy_from_slice(&seq.to_be_bytes());
    OpId::from_bytes(id)
}

/// A text op of a person whose payload is the text itself.
pub(crate) fn say(c: &Conn, room: RoomRow, person: u8, seq: u64, hlc: u64, text: &str) -> OpRow {
    insert(c, room, person, seq, hlc, 32, Some(text.as_bytes()))
}

pub(crate) fn insert(
    c: &Conn,
    room: RoomRow,
    person: u8,
    seq: u64,
    hlc: u64,
    kind: u32,
    payload: Option<&[u8]>,
) -> OpRow {
    ops::insert(c, &new_op(room, device_row(c, person), person, seq, hlc, kind, payload, &op_id(person, seq)))
        .unwrap()
        .row()
}

#[allow(clippy::too_many_arguments)] // One argument per property under test reads better than a builder.
pub(crate) fn new_op<'a>(
    room: RoomRow,
    author_row: DeviceRow,
    person: u8,
    seq: u64,
    hlc: u64,
    kind: u32,
    payload: Option<&'a [u8]>,
    id: &'a OpId,
) -> NewOp<'a> {
    // The row keeps ids by value; a leaked id per test op keeps the callers short.
    NewOp {
        id,
        room,
        author_row,
        author: Box::leak(Box::new(device(person))),
        account: Box::leak(Box::new(account(person))),
        seq,
        hlc,
        kind,
        header: b"header",
        sig: &[9; 64],
        payload,
        arrived_at: 5_000,
        origin: Origin::Gossip,
        late: false,
        due_at: 0,
    }
}

/// The text of a payload made by [`say`].
pub(crate) fn decode(payload: &[u8]) -> Option<String> {
    String::from_utf8(payload.to_vec()).ok()
}

/// How many ops the index of the search does not hold yet.
pub(crate) fn tail_length(c: &Conn) -> u64 {
    c.query_row("SELECT COUNT(*) FROM op WHERE row > (SELECT op FROM search_upto)", [], |row| {
        row.get::<_, i64>(0)
    })
    .unwrap()
    .cast_unsigned()
}
