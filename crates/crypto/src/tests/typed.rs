//! Signed ops become typed ops only with everything inside them verified.

use super::seeded;
use crate::*;
use madang_model::control::{Change, Control};
use madang_model::{AccountChange, Body, DeviceId, Kind};
use madang_wire::typed::{ControlExtra, TypedError, control_bytes};
use madang_wire::{Message, OpHeader, RemoveDevice, SignedOp, Text};

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
    for (kind, content) in [(Kind::Text, &b"\xff"[..]), (Kind::Delete, b""), (Kind::Role, b"")] {
        let opened = open_op(&op(kind, vec![], content)).unwrap();
        assert_eq!(opened.op.body, Some(Body::Unknown));
        assert!(opened.refused.is_some(), "{kind:?}");
    }
    let later = open_op(&op(Kind::Unknown(39), vec![], b"\xff")).unwrap();
    assert_eq!((later.op.body, later.refused), (Some(Body::Unknown), None));
    let twice = open_op(&op(Kind::Text, vec![vec![4; 32]], b""));
    assert!(matches!(twice, Err(OpenOpError::Header(_))), "prev named again as a dep");
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
