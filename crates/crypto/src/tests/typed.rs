//! Signed ops become typed ops only with everything inside them verified.

use super::seeded;
use crate::*;
use madang_model::control::{Change, Control};
use madang_model::{
    AccountChange, AccountId, AccountOp, Body, ControlLog, ControlOp, ConvId, Conversation, DeviceId, Kind,
    OpId,
};
use madang_wire::typed::{ControlExtra, TypedError, control_bytes};
use madang_wire::{ControlBody, DeviceAdded, DeviceRemoved, Message, OpHeader, RemoveDevice, SignedOp, Text};

fn alice() -> SignKey {
    SignKey::from_seed(&[1; 32])
}
fn bob() -> SignKey {
    SignKey::from_seed(&[2; 32])
}

fn op(kind: Kind, deps: Vec<Vec<u8>>, content: &[u8]) -> SignedOp {
    let header = OpHeader {
        v: 1,
        conv: vec![3; 32],
        seq: 2,
        prev: vec![4; 32],
        deps,
        hlc: 1 << 16,
        ctl: vec![5; 32],
        kind: kind.number(),
        ..OpHeader::default()
    };
    sign_op(header, payload(content, &mut seeded(1)).unwrap(), &alice()).unwrap().op
}

#[test]
fn a_message_is_read() {
    let text = Text { text: "안녕".into(), ..Text::default() };
    let signed = op(Kind::Text, vec![], &text.encode_to_vec());
    let opened = open_op(&signed).unwrap();
    let Some(Body::Content(madang_model::content::Content::Text(read))) = &opened.op.body else {
        panic!("{opened:?}");
    };
    assert_eq!(read.text, "안녕");
    assert_eq!(opened.op.header.author, DeviceId::from_bytes(alice().public()));
    let purged = open_op(&SignedOp { payload: None, ..signed }).unwrap();
    assert_eq!((purged.op.body, purged.op.id), (None, opened.op.id));
}

#[test]
fn bodies_that_do_not_read_are_kept_without_effect() {
    for (kind, content) in [(Kind::Text, &b"\xff"[..]), (Kind::Delete, b""), (Kind::Role, b"\xff")] {
        let opened = open_op(&op(kind, vec![], content)).unwrap();
        assert_eq!(opened.op.body, Some(Body::Unknown));
        assert!(opened.refused.is_some(), "{kind:?}");
    }
    for kind in [Kind::Unknown(39), Kind::Unknown(70), Kind::Unknown(128)] {
        let later = open_op(&op(kind, vec![], b"\xff")).unwrap();
        assert_eq!((later.op.body, later.refused), (Some(Body::Unknown), None));
    }
    let twice = open_op(&op(Kind::Text, vec![vec![4; 32]], b""));
    assert!(matches!(twice, Err(OpenOpError::Header(_))), "prev named again as a dep");
}

#[test]
fn ops_of_a_later_version_keep_their_place_in_their_log() {
    let deps = |n: usize| madang_wire::Control { ctl_deps: vec![vec![6; 32]; n], body: None };
    let past = Control { ctl_deps: vec![OpId::from_bytes([6; 32])], change: Change::Unknown };
    // Field 16 is the body of kind 15.
    let later = [deps(1).encode_to_vec(), vec![0x82, 1, 2, 8, 1]].concat();
    for (kind, refused) in [(Kind::Unknown(15), false), (Kind::Unknown(31), false), (Kind::Role, true)] {
        let opened = open_op(&op(kind, vec![], &later)).unwrap();
        assert_eq!(opened.op.body, Some(Body::Control(past.clone())), "{kind:?}");
        assert_eq!(opened.refused.is_some(), refused, "{kind:?}");
    }
    let many = open_op(&op(Kind::Unknown(15), vec![], &deps(65).encode_to_vec())).unwrap();
    assert_eq!(many.op.body, Some(Body::Unknown), "more heads than there may be");
    for (kind, refused) in [(Kind::Unknown(100), false), (Kind::Unknown(127), false), (Kind::AddDevice, true)]
    {
        let opened = open_op(&op(kind, vec![], b"\xff")).unwrap();
        assert_eq!(opened.op.body, Some(Body::Account(AccountChange::Unknown)), "{kind:?}");
        assert_eq!(opened.refused.is_some(), refused, "{kind:?}");
        let typed = AccountOp::from_op(&opened.op).unwrap();
        assert_eq!(typed.parents, [OpId::from_bytes([4; 32])]);
    }
    let genesis = open_op(&op(Kind::AccountGenesis, vec![], b"\xff")).unwrap();
    assert_eq!(AccountOp::from_op(&genesis.op), None, "what does not read founds no account");
}

/// Signs ops of one log, each on the one before.
struct Line {
    key: SignKey,
    conv: Vec<u8>,
    prev: Vec<u8>,
    seq: u64,
}

impl Line {
    fn write(&mut self, kind: u32, deps: Vec<Vec<u8>>, content: &[u8]) -> NewOp {
        self.seq += 1;
        let header = OpHeader {
            v: 1,
            conv: self.conv.clone(),
            seq: self.seq,
            prev: std::mem::take(&mut self.prev),
            deps,
            hlc: (100 + self.seq) << 16,
            ctl: vec![5; 32],
            kind,
            ..OpHeader::default()
        };
        let new = sign_op(header, payload(content, &mut seeded(1)).unwrap(), &self.key).unwrap();
        self.prev = new.id.to_vec();
        new
    }
}

#[test]
fn a_removal_that_follows_ops_of_a_later_version_takes_effect() {
    let seed = Phrase::from_entropy(&[1; 32]).seed();
    let first = genesis(&seed.root(), &alice().public(), "laptop", 77, &mut seeded(3)).unwrap();
    let account = AccountId::from_bytes(first.id);
    let mut log = Line { key: alice(), conv: first.id.to_vec(), prev: vec![], seq: 0 };
    let tablet = bob().public().to_vec();
    let add = madang_wire::AddDevice { device: tablet.clone(), label: "tablet".into() }.encode_to_vec();
    let add = log.write(97, vec![first.id.to_vec()], &add);
    let later = log.write(100, vec![], b"of a later version");
    let unread = log.write(97, vec![], b"\xff");
    let remove = RemoveDevice { device: tablet, cut: 0, cosig: vec![] }.encode_to_vec();
    let remove = log.write(98, vec![], &remove);

    let conv = self_conv(account.as_bytes());
    let mut room = Line { key: alice(), conv: conv.to_vec(), prev: vec![], seq: 0 };
    let mut control = ControlLog::new(Conversation::Own(account), ConvId::from_bytes(conv));
    let mut heads: Vec<Vec<u8>> = vec![];
    let mut post = |kind: u32, body: Option<ControlBody>| {
        let content = madang_wire::Control { ctl_deps: std::mem::take(&mut heads), body };
        let posted = room.write(kind, vec![], &content.encode_to_vec());
        heads = vec![posted.id.to_vec()];
        let opened = open_op(&posted.op).unwrap();
        ControlOp::from_op(&opened.op).unwrap()
    };
    let added = |op: &NewOp| ControlBody::DeviceAdded(DeviceAdded { account_op: Some(op.op.clone()) });
    let removed = ControlBody::DeviceRemoved(DeviceRemoved { account_op: Some(remove.op.clone()) });
    let ops = [
        post(4, Some(added(&first))),
        post(4, Some(added(&add))),
        post(15, None),
        post(4, Some(added(&later))),
        post(4, Some(added(&unread))),
        post(10, None),
        post(5, Some(removed)),
    ];
    for op in &ops[..5] {
        control.insert(op.clone()).unwrap();
    }
    assert_eq!(control.view().devices().len(), 2);
    for op in &ops[5..] {
        control.insert(op.clone()).unwrap();
    }
    let view = control.view();
    assert_eq!(view.devices().keys().collect::<Vec<_>>(), [&DeviceId::from_bytes(alice().public())]);
    assert_eq!((view.heads(), control.len()), (&[ops[6].id][..], 7));
}

#[test]
fn only_cosigners_of_this_removal_are_believed() {
    let deps = vec![vec![7; 32]];
    let mut remove = RemoveDevice { device: vec![9; 32], cut: 3, cosig: vec![] };
    let good = cosign(&deps, &remove, &bob());
    let elsewhere = cosign(&[], &remove, &SignKey::from_seed(&[8; 32]));
    remove.cosig = vec![elsewhere, good];
    let opened = open_op(&op(Kind::RemoveDevice, deps, &remove.encode_to_vec())).unwrap();
    let Some(Body::Account(AccountChange::RemoveDevice(cut))) = opened.op.body else { panic!() };
    assert_eq!(cut.cosigners, [DeviceId::from_bytes(bob().public())].into());
}

fn mirror(account_op: SignedOp) -> OpenedOp {
    let inner = crate::open_account_op(&account_op);
    let typed = inner.ok().and_then(|opened| madang_model::AccountOp::from_op(&opened.op));
    // The typed value is needed to write a mirror; for a bad op any will do.
    let typed = typed.unwrap_or_else(|| madang_model::AccountOp {
        id: madang_model::OpId::from_bytes([0; 32]),
        account: madang_model::AccountId::from_bytes([0; 32]),
        author: DeviceId::from_bytes([0; 32]),
        seq: 1,
        parents: vec![],
        hlc: madang_model::Hlc::from_millis(1),
        change: AccountChange::AddDevice { device: DeviceId::from_bytes([0; 32]), label: String::new() },
    });
    let control = Control { ctl_deps: vec![], change: Change::DeviceAdded(typed) };
    let extra = ControlExtra { account_op: Some(account_op), ..ControlExtra::default() };
    open_op(&op(Kind::DeviceAdded, vec![], &control_bytes(&control, extra).unwrap())).unwrap()
}

#[test]
fn a_mirror_is_believed_by_the_signature_inside_it() {
    let seed = Phrase::from_entropy(&[1; 32]).seed();
    let genesis = genesis(&seed.root(), &bob().public(), "laptop", 77, &mut seeded(3)).unwrap();
    let opened = mirror(genesis.op.clone());
    assert_eq!(opened.refused, None);
    let Some(Body::Control(control)) = &opened.op.body else { panic!() };
    let Change::DeviceAdded(inner) = &control.change else { panic!() };
    assert_eq!(inner.account.to_bytes(), genesis.id, "the account id is the id of the genesis");

    let mut forged = genesis.op.clone();
    forged.sig[5] ^= 1;
    assert_eq!(mirror(forged).refused, Some(TypedError::Proof));
    let purged = SignedOp { payload: None, ..genesis.op };
    assert_eq!(mirror(purged).refused, Some(TypedError::Proof), "account ops are never purged");
    let text = op(Kind::Text, vec![], &Text { text: "no".into(), ..Text::default() }.encode_to_vec());
    assert_eq!(mirror(text).refused, Some(TypedError::Proof), "an op of another log");
}

#[test]
fn a_genesis_is_believed_by_its_root_alone() {
    let body = madang_wire::AccountGenesis {
        v: 1,
        root_pub: bob().public().to_vec(),
        salt: vec![1; 16],
        first_device: vec![2; 32],
        label: String::new(),
    };
    let header = OpHeader {
        v: 1,
        conv: vec![0; 32],
        seq: 1,
        hlc: 1,
        kind: Kind::AccountGenesis.number(),
        ..OpHeader::default()
    };
    let content = payload(&body.encode_to_vec(), &mut seeded(1)).unwrap();
    let by = |key: &SignKey, conv: u8| {
        let header = OpHeader { conv: vec![conv; 32], ..header.clone() };
        open_op(&sign_op(header, content.clone(), key).unwrap().op).unwrap().refused
    };
    assert_eq!(by(&bob(), 0), None);
    assert_eq!(by(&alice(), 0), Some(TypedError::Proof));
    assert_eq!(by(&bob(), 1), Some(TypedError::Proof));
}
