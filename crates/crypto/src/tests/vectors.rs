//! Our own vectors: other implementations check themselves against them.

use super::seeded;
use crate::*;
use data_encoding::HEXLOWER;
use madang_wire::{AccountGenesis, Message, OpHeader, Sealed, SlotPut};
use serde_json::{Value, json};
use std::path::Path;

fn hex(bytes: impl AsRef<[u8]>) -> Value {
    Value::String(HEXLOWER.encode(bytes.as_ref()))
}

fn objects() -> Value {
    let seed = Phrase::from_entropy(&[1; 32]).seed();
    let device = SignKey::from_seed(&[2; 32]);
    let ctl = ids_hash(&[]).to_vec();
    let header = OpHeader { v: 1, conv: vec![3; 32], seq: 1, hlc: 4, ctl, kind: 32, ..OpHeader::default() };
    let payload = [[5; 16].as_slice(), b"hello"].concat();
    let op = sign_op(header, payload.clone(), &device).unwrap();
    let register = sign(madang_wire::SignedType::Register, b"body".to_vec(), &device);
    let genesis = AccountGenesis { v: 1, ..AccountGenesis::default() };
    json!({
        "phrase": Phrase::from_entropy(&[1; 32]).words().collect::<Vec<_>>().join(" "),
        "root_pub": hex(seed.root().public()),
        "backup_pub_sha256": hex(sha256(seed.backup().public())),
        "account_slot_pub": hex(seed.account_slot().public()),
        "escrow_slot_1_pub": hex(seed.escrow_slot(1).public()),
        "account_seal": hex(*seed.account_seal()),
        "device_seed": hex([2; 32]),
        "payload": hex(&payload),
        "payload_hash": hex(payload_hash(&payload)),
        "op_header": hex(&op.op.header),
        "op_id": hex(op.id),
        "op_sig": hex(&op.op.sig),
        "ids_hash_of_01_and_02": hex(ids_hash(&[[2; 32], [1; 32]])),
        "signed_type_1_body": hex(&register.body),
        "signed_type_1_sig": hex(&register.sig),
        "bare_account_genesis": hex(genesis.encode_to_vec()),
    })
}

fn conversation() -> Value {
    let new = NewKey {
        conv: [1; 32],
        epoch: 2,
        basis: &[[3; 32]],
        creator: [4; 32],
        created_hlc: 5,
        recipients: &[[4; 32], [6; 32]],
        route: Some([7; 32]),
    };
    let bytes = new_key(&new, &mut seeded(1));
    let key = SealKey::new(&bytes).unwrap();
    let inner = madang_wire::Inner { body: None };
    let frame = key.seal(&inner, &mut seeded(2)).unwrap();
    let sealed: Sealed = madang_wire::decode(&frame).unwrap();
    json!({
        "key": hex(bytes.as_slice()),
        "key_id": hex(key.id()),
        "route": hex([7; 32]),
        "topic": key.route().topic(),
        "log_pub": hex(key.route().log_key().public()),
        "log_id": hex(key.route().log_id()),
        "tag_for_nonces_01_and_02": hex(key.route().tag(&[1; 16], &[2; 16])),
        "register_slot_of_author_04_read": hex(key.route().register_slot(&[4; 32], "read")),
        "frame_of_an_empty_inner": hex(&frame),
        "frame_id": hex(frame_id(&frame)),
        "rmac": hex(&sealed.rmac),
        "self_conv_of_01": hex(self_conv(&[1; 32])),
        "direct_conv_of_01_and_02": hex(direct_conv(&[1; 32], &[2; 32])),
        "safety_emoji_of_01_and_02": safety_emoji(&[1; 32], &[2; 32]).concat(),
    })
}

fn relay() -> Value {
    let key = SignKey::from_seed(&[1; 32]);
    let put = SlotPut { version: 2, body: b"body".to_vec(), ..SlotPut::default() };
    json!({
        "key_seed": hex([1; 32]),
        "relay_key": hex([2; 32]),
        "challenge": hex([3; 32]),
        "box_id": hex(box_id(&key.public())),
        "auth_sig": hex(sign_auth(&key, &[2; 32], &[3; 32]).sig),
        "slot_put_version_2_sig": hex(sign_slot_put(put, &key, &[2; 32]).unwrap().sig),
        "slot_delete_version_3_sig": hex(sign_slot_delete(&key, &[2; 32], 3).sig),
        "token_slot_17_expiry_500000": hex(issue_token(&[4; 32], 17, 500_000)),
        "k_token": hex([4; 32]),
        "del_secret_of_key_05_body": hex(del_secret(&[5; 32], b"body")),
        "del_hash": hex(del_hash(&del_secret(&[5; 32], b"body"))),
        "invite_secret": hex([6; 16]),
        "invite_id": hex(invite_id(&[6; 16])),
    })
}

#[test]
fn the_committed_vectors_are_current() {
    let value = json!({ "objects": objects(), "conversation": conversation(), "relay": relay() });
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol/vectors/crypto.json");
    let text = format!("{}\n", serde_json::to_string_pretty(&value).unwrap());
    if std::env::var_os("MADANG_WRITE_VECTORS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    assert!(committed == text, "crypto.json does not match; MADANG_WRITE_VECTORS=1 writes it anew");
}
