//! A room of 3,000 people: resolution stays within what a start of the program can afford.

use std::time::Instant;

use crate::account::{AccountChange, AccountOp};
use crate::hlc::Hlc;
use crate::ids::{AccountId, ConvId, DeviceId, OpId};

use super::*;

const PEOPLE: u32 = 3_000;

fn bytes(kind: u8, n: u32) -> [u8; 32] {
    let mut out = [kind; 32];
    out[1..5].copy_from_slice(&n.to_be_bytes());
    out
}

fn account(n: u32) -> AccountId {
    AccountId::from_bytes(bytes(1, n))
}

fn machine(n: u32, k: u8) -> DeviceId {
    DeviceId::from_bytes(bytes(2 + k, n))
}

fn founding(n: u32) -> AccountOp {
    let root = DeviceId::from_bytes(bytes(9, n));
    AccountOp {
        id: OpId::from_bytes(bytes(1, n)),
        account: account(n),
        author: root,
        seq: 1,
        parents: vec![],
        hlc: Hlc::from_millis(1_000),
        change: AccountChange::Genesis { root, first_device: machine(n, 0), label: String::new() },
    }
}

fn second(n: u32) -> AccountOp {
    AccountOp {
        id: OpId::from_bytes(bytes(8, n)),
        account: account(n),
        author: machine(n, 0),
        seq: 1,
        parents: vec![OpId::from_bytes(bytes(1, n))],
        hlc: Hlc::from_millis(2_000),
        change: AccountChange::AddDevice { device: machine(n, 1), label: String::new() },
    }
}

struct Room {
    ops: Vec<ControlOp>,
}

impl Room {
    fn write(&mut self, author: u32, change: Change) {
        let n = self.ops.len() as u32;
        let conv = ConvId::from_bytes(bytes(7, 0));
        let seq = self.ops.iter().filter(|op| op.author == machine(author, 0)).count() as u64 + 1;
        self.ops.push(ControlOp {
            id: OpId::from_bytes(bytes(7, n)),
            conv,
            author: machine(author, 0),
            seq,
            hlc: Hlc::from_millis(10_000 + u64::from(n)),
            ctl_deps: self.ops.last().map(|op| op.id).into_iter().collect(),
            change,
        });
    }
}

fn entry(n: u32) -> Entry {
    Entry { account: account(n), role: Role::Member, account_heads: vec![OpId::from_bytes(bytes(1, n))] }
}

fn room() -> Room {
    let mut room = Room { ops: Vec::new() };
    room.write(
        0,
        Change::Genesis(Genesis {
            kind: RoomKind::Group,
            suite: 1,
            owner: account(0),
            owner_heads: vec![OpId::from_bytes(bytes(1, 0))],
            title: String::new(),
            history: History::Now,
            direct: false,
            relays: vec![],
            join: JoinRule::Invite,
            member_limit: 0,
        }),
    );
    for first in (1..PEOPLE).step_by(750) {
        room.write(0, Change::AddMany((first..(first + 750).min(PEOPLE)).map(entry).collect()));
    }
    for n in 1..PEOPLE {
        room.write(n, Change::DeviceAdded(second(n)));
    }
    for n in 1..100 {
        let cuts = vec![Cut { device: machine(n, 0), seq: 1 }];
        room.write(0, Change::Remove { account: account(n), cuts });
    }
    room
}

#[test]
fn three_thousand_people_are_resolved_in_time() {
    let room = room();
    let mut log = ControlLog::new(Conversation::Room, ConvId::from_bytes(bytes(7, 0)));
    for n in 0..PEOPLE {
        log.insert_account_op(founding(n)).unwrap();
    }
    let start = Instant::now();
    for op in &room.ops {
        log.insert(op.clone()).unwrap();
    }
    let loaded = start.elapsed();
    let start = Instant::now();
    let view = log.view();
    let viewed = start.elapsed();
    println!("{} control ops loaded in {loaded:.1?}, one view in {viewed:.1?}", room.ops.len());
    assert_eq!(view.members().len(), 3_000 - 99);
    assert_eq!(view.devices().len(), 2 * (3_000 - 99) - 1);
    assert!(loaded.as_secs() < 20, "loading took {loaded:?}");
}
