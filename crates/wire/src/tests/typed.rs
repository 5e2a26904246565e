//! Translation to the values of the model and back.

use super::samples::sample;
use crate::typed::*;
use crate::{self as wire, Message, OpHeader, SignedOp};
use madang_model::content::{Content, ContentError};
use madang_model::control::{Change, Control, Cut, Entry, Genesis, History, JoinRule, Policy, RoomKind};
use madang_model::{AccountChange, AccountId, AccountOp, DeviceId, Header, Hlc, Kind, OpId, Role};

fn op_id(n: u8) -> OpId {
    OpId::from_bytes([n; 32])
}
fn account(n: u8) -> AccountId {
    AccountId::from_bytes([n; 32])
}
fn device(n: u8) -> DeviceId {
    DeviceId::from_bytes([n; 32])
}

#[test]
fn a_header_comes_back() {
    let wire = OpHeader {
        v: 1,
        conv: vec![1; 32],
        author: vec![2; 32],
        seq: 5,
        prev: vec![3; 32],
        deps: vec![vec![4; 32], vec![5; 32]],
        hlc: 99 << 16,
        ctl: vec![6; 32],
        kind: 32,
        payload_hash: vec![7; 32],
        payload_len: 20,
        ttl_s: 60,
    };
    let header = Header::try_from(&wire).unwrap();
    assert_eq!((header.hlc, header.prev, header.kind), (Hlc::from_millis(99), Some(op_id(3)), Kind::Text));
    assert_eq!(OpHeader::from(&header), wire);
    let short = OpHeader { deps: vec![vec![4; 31]], ..wire.clone() };
    assert!(matches!(Header::try_from(&short), Err(TypedError::Id(_))));
    let no_hash = OpHeader { payload_hash: vec![], ..wire };
    assert_eq!(Header::try_from(&no_hash), Err(TypedError::Hash("payload_hash")));
}

fn mirror() -> AccountOp {
    AccountOp {
        id: op_id(9),
        account: account(1),
        author: device(2),
        seq: 1,
        parents: vec![],
        hlc: Hlc::from_millis(1),
        change: AccountChange::AddDevice { device: device(3), label: "phone".into() },
    }
}

fn genesis() -> Genesis {
    Genesis {
        kind: RoomKind::Open,
        suite: 1,
        owner: account(1),
        owner_heads: vec![op_id(2)],
        title: "회의".into(),
        history: History::Days(3),
        direct: true,
        relays: vec!["/ip4/1.2.3.4".into()],
        join: JoinRule::Approve,
        member_limit: 50,
    }
}

fn changes() -> Vec<Change> {
    let entry = Entry { account: account(1), role: Role::Moderator, account_heads: vec![op_id(3)] };
    let policy = Policy {
        join: JoinRule::Open,
        slow_mode_s: 5,
        member_limit: 9,
        direct: true,
        basic_profile_only: true,
    };
    vec![
        Change::Genesis(genesis()),
        Change::AddMany(vec![entry.clone()]),
        Change::Remove { account: account(1), cuts: vec![Cut { device: device(4), seq: 8 }] },
        Change::DeviceAdded(mirror()),
        Change::DeviceRemoved(mirror()),
        Change::Role { account: account(2), role: Role::Reader },
        Change::Transfer { account: account(2) },
        Change::Leave { quiet: true },
        Change::Title { title: "t".into(), picture: vec![1] },
        Change::Relays(vec!["r".into()]),
        Change::Join(entry),
        Change::Policy(policy),
        Change::Greet { generation: 4, greet_id: vec![1; 16], greeters: vec!["g".into()] },
        Change::Timer { ttl_s: 60 },
    ]
}

fn extra() -> ControlExtra {
    ControlExtra { salt: vec![1; 16], account_op: Some(sample()), join_sig: vec![2; 64] }
}

fn accept(op: &SignedOp) -> Option<AccountOp> {
    (*op == sample()).then(mirror)
}

#[test]
fn every_control_op_comes_back_under_its_kind() {
    for (change, number) in changes().into_iter().zip(1..) {
        let kind = control_kind(&change).unwrap();
        assert_eq!(kind.number(), number, "the kind is the tag minus one");
        let control = Control { ctl_deps: vec![op_id(1), op_id(2)], change };
        let bytes = control_bytes(&control, extra()).unwrap();
        assert_eq!(read_control(kind, &bytes, accept, |_| true), Ok(control.clone()));
        let other = Kind::from(number % 14 + 1);
        let found = read_control(other, &bytes, accept, |_| true);
        assert_eq!(found, Err(TypedError::Kind(other.number())), "a kind with the body of another");
    }
}

#[test]
fn what_is_not_proven_does_not_become_typed() {
    for (change, kind) in
        [(Change::DeviceAdded(mirror()), Kind::DeviceAdded), (changes()[10].clone(), Kind::Join)]
    {
        let control = Control { ctl_deps: vec![], change };
        let bytes = control_bytes(&control, extra()).unwrap();
        assert_eq!(read_control(kind, &bytes, |_| None, |_| false), Err(TypedError::Proof));
        let missing = control_bytes(&control, ControlExtra::default());
        assert!(matches!(missing, Err(TypedError::Missing(_))), "{missing:?}");
    }
}

#[test]
fn numbers_without_meaning_are_refused() {
    let read = |body| {
        let control = wire::Control { ctl_deps: vec![], body: Some(body) };
        read_control(Kind::Role, &control.encode_to_vec(), accept, |_| true)
    };
    let role = wire::ControlBody::Role(wire::Role { account: vec![1; 32], role: 6 });
    assert_eq!(read(role), Err(TypedError::Number { field: "role", value: 6 }));
    let policy = wire::ControlBody::Policy(wire::Policy { join: 0, ..Default::default() });
    assert_eq!(read(policy), Err(TypedError::Number { field: "join", value: 0 }));
    assert_eq!(read_control(Kind::Role, &[], accept, |_| true), Err(TypedError::Missing("body")));
}

#[test]
fn every_history_policy_comes_back() {
    for history in [History::All, History::Days(30), History::Now, History::None] {
        let change = Change::Genesis(Genesis { history, kind: RoomKind::Group, ..genesis() });
        let control = Control { ctl_deps: vec![], change };
        let bytes = control_bytes(&control, extra()).unwrap();
        assert_eq!(read_control(Kind::Genesis, &bytes, accept, |_| true), Ok(control));
    }
}

#[test]
fn content_comes_back_under_its_kind() {
    // A sample of each message with ids in their length and texts within their limits.
    let target = vec![8; 32];
    let mention = wire::Mention { pos: 0, len: 2, account: vec![1; 32] };
    let text = wire::Text { mentions: vec![mention.clone()], reply: target.clone(), ..sample() };
    let bodies: Vec<(Kind, Vec<u8>)> = vec![
        (Kind::Text, text.encode_to_vec()),
        (
            Kind::Edit,
            wire::Edit { target: target.clone(), text: "new".into(), mentions: vec![mention] }
                .encode_to_vec(),
        ),
        (Kind::Delete, wire::Delete { target: target.clone() }.encode_to_vec()),
        (Kind::React, wire::React { target: target.clone(), emoji: "👍".into() }.encode_to_vec()),
        (Kind::Purge, wire::Purge { target: target.clone() }.encode_to_vec()),
        (Kind::Pin, wire::Pin { target, on: true }.encode_to_vec()),
        (Kind::Introduce, wire::Introduce { account: vec![1; 32], ..sample() }.encode_to_vec()),
    ];
    for (kind, bytes) in bodies {
        let content = read_content(kind, &bytes).unwrap();
        assert_eq!(content_kind(&content), kind);
        assert_eq!(content_bytes(&content).unwrap(), bytes, "{kind:?}");
        assert!(read_content(Kind::Genesis, &bytes).is_err());
    }
    let plain =
        read_content(Kind::Text, &wire::Text { text: "hi".into(), ..Default::default() }.encode_to_vec());
    assert!(matches!(plain, Ok(Content::Text(text)) if text.reply.is_none()));
}

#[test]
fn content_above_a_limit_is_refused() {
    let wire = wire::React { target: vec![1; 32], emoji: "x".repeat(65) };
    assert!(matches!(read_content(Kind::React, &wire.encode_to_vec()), Err(TypedError::Decode(_))));
    let outside = wire::Mention { pos: 90, len: 5, account: vec![1; 32] };
    let text = wire::Text { text: "hi".into(), mentions: vec![outside], ..Default::default() };
    assert_eq!(
        read_content(Kind::Text, &text.encode_to_vec()),
        Err(TypedError::Content(ContentError::MentionRange))
    );
}

#[test]
fn ops_in_self_come_back_under_their_kind() {
    let bodies: Vec<(Kind, Vec<u8>)> = vec![
        (Kind::FriendSet, wire::FriendSet { account: vec![1; 32], ..sample() }.encode_to_vec()),
        (Kind::RoomSet, wire::RoomSet { conv: vec![1; 32], ..sample() }.encode_to_vec()),
        (Kind::PersonaSet, sample::<wire::PersonaSet>().encode_to_vec()),
        (Kind::ProfileSet, sample::<wire::ProfileSet>().encode_to_vec()),
        (Kind::Hide, wire::Hide { conv: vec![1; 32], target: vec![2; 32] }.encode_to_vec()),
    ];
    for (kind, bytes) in bodies {
        let own = read_own(kind, &bytes).unwrap();
        assert_eq!((own_kind(&own), own_bytes(&own)), (kind, bytes));
    }
    assert_eq!(read_own(Kind::Text, &[]), Err(TypedError::Kind(32)));
}

#[test]
fn a_room_of_an_unknown_suite_is_not_read() {
    let of_suite = |suite: u32| {
        let control = Control { ctl_deps: vec![], change: Change::Genesis(Genesis { suite, ..genesis() }) };
        let bytes = control_bytes(&control, ControlExtra { salt: vec![1; 16], ..ControlExtra::default() });
        read_control(Kind::Genesis, &bytes.unwrap(), |_| None, |_| false)
    };
    assert!(of_suite(1).is_ok());
    for value in [0, 2, 65_537] {
        assert_eq!(of_suite(value), Err(TypedError::Number { field: "suite", value }));
    }
}

#[test]
fn account_ops_come_back_and_only_valid_cosigners_count() {
    let add = AccountChange::AddDevice { device: device(1), label: "tablet".into() };
    let bytes = account_bytes(&add).unwrap();
    assert_eq!(read_account(Kind::AddDevice, &bytes, |_, _| true), Ok(add));

    let cosig = |n: u8| wire::Cosig { device: vec![n; 32], sig: vec![n; 64] };
    let remove = wire::RemoveDevice { device: vec![1; 32], cut: 7, cosig: vec![cosig(2), cosig(3)] };
    let read = read_account(Kind::RemoveDevice, &remove.encode_to_vec(), |found, cosig| {
        *found == remove && cosig.device[0] == 3
    });
    let Ok(AccountChange::RemoveDevice(cut)) = read else { panic!("{read:?}") };
    assert_eq!((cut.device, cut.cut), (device(1), 7));
    assert_eq!(cut.cosigners, [device(3)].into());

    let rotate = AccountChange::RotateRoot {
        root: device(5),
        remove: vec![madang_model::DeviceCut { cosigners: [].into(), ..cut }],
    };
    let bytes = account_bytes(&rotate).unwrap();
    assert_eq!(read_account(Kind::RotateRoot, &bytes, |_, _| true), Ok(rotate));
    let genesis = wire::AccountGenesis { v: 1, root_pub: vec![1; 32], first_device: vec![2; 32], ..sample() };
    let typed = read_account(Kind::AccountGenesis, &genesis.encode_to_vec(), |_, _| true).unwrap();
    assert!(matches!(typed, AccountChange::Genesis { root, .. } if root == device(1)));
    assert_eq!(account_bytes(&typed), Err(TypedError::Missing("salt")));
}

#[test]
fn a_frontier_has_one_form_and_at_most_64_ids() {
    let ids = [op_id(2), op_id(1), op_id(2)];
    let bytes = frontier_bytes(ids);
    assert_eq!(bytes, frontier_bytes([op_id(1), op_id(2)]));
    assert_eq!(read_frontier(&bytes), Ok(ids.into()));
    let long = frontier_bytes((0..65).map(op_id));
    assert!(matches!(read_frontier(&long), Err(TypedError::Decode(_))));
}
