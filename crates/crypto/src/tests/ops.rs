//! Ops, signed objects, account logs.

use super::seeded;
use crate::*;
use madang_wire::{DeviceBundle, Message, OpHeader, Register, RemoveDevice, SignedOp, SignedType};

fn alice() -> SignKey {
    SignKey::from_seed(&[1; 32])
}
fn bob() -> SignKey {
    SignKey::from_seed(&[2; 32])
}

fn header() -> OpHeader {
    OpHeader {
        v: 1,
        conv: vec![3; 32],
        seq: 2,
        prev: vec![4; 32],
        deps: vec![vec![5; 32], vec![6; 32]],
        hlc: 99,
        ctl: vec![7; 32],
        kind: 32,
        ttl_s: 60,
        ..OpHeader::default()
    }
}

fn op() -> NewOp {
    sign_op(header(), payload(b"hello", &mut seeded(1)).unwrap(), &alice()).unwrap()
}

#[test]
fn an_op_is_read_as_it_was_signed() {
    let new = op();
    let read = verify_op(&new.op).unwrap();
    assert_eq!(read.id, new.id);
    assert_eq!(read.header.value().author, alice().public());
    assert_eq!(read.content(), Some(&b"hello"[..]));
    let purged = verify_op(&SignedOp { payload: None, ..new.op }).unwrap();
    assert_eq!((purged.id, purged.content()), (new.id, None));
}

#[test]
fn every_changed_byte_of_the_header_is_refused() {
    let new = op().op;
    for at in 0..new.header.len() {
        for bit in 0..8 {
            let mut changed = new.clone();
            changed.header[at] ^= 1 << bit;
            assert!(verify_op(&changed).is_err(), "byte {at} bit {bit}");
        }
    }
    let appended = SignedOp { header: [&new.header[..], &[0x78, 1]].concat(), ..new.clone() };
    assert!(verify_op(&appended).is_err(), "a field added by somebody else");
}

#[test]
fn payloads_that_were_not_signed_are_refused() {
    let new = op().op;
    let mut changed = new.clone();
    changed.payload.as_mut().unwrap()[17] ^= 1;
    assert!(matches!(verify_op(&changed), Err(OpError::Payload)));
    let longer = SignedOp { payload: Some([new.payload.unwrap(), vec![0]].concat()), ..changed.clone() };
    assert!(matches!(verify_op(&longer), Err(OpError::Payload)));
    let empty = SignedOp { payload: Some(Vec::new()), ..changed };
    assert!(matches!(verify_op(&empty), Err(OpError::Payload)));
    assert!(matches!(payload(&[0; 60_000], &mut seeded(1)), Err(OpError::TooLong(60_016))));
}

#[test]
fn the_same_text_twice_has_two_hashes() {
    let mut rng = seeded(1);
    let (one, two) = (payload(b"yes", &mut rng).unwrap(), payload(b"yes", &mut rng).unwrap());
    assert_ne!(payload_hash(&one), payload_hash(&two));
}

#[test]
fn headers_nobody_would_accept_are_not_signed() {
    let refused = |change: fn(&mut OpHeader)| {
        let mut header = header();
        change(&mut header);
        sign_op(header, vec![0; 16], &alice()).map(|_| ())
    };
    assert_eq!(refused(|h| h.v = 2), Err(OpError::Field("v")));
    assert_eq!(refused(|h| h.seq = 0), Err(OpError::Field("seq")));
    assert_eq!(refused(|h| h.seq = 1), Err(OpError::Field("prev")));
    assert_eq!(refused(|h| h.prev.clear()), Err(OpError::Field("prev")));
    assert_eq!(refused(|h| h.deps = vec![vec![1; 32]; 9]), Err(OpError::Field("deps")));
    assert_eq!(refused(|h| h.conv = vec![1; 31]), Err(OpError::Field("conv")));
    assert_eq!(
        refused(|h| h.ctl.clear()),
        Err(OpError::Field("ctl")),
        "every conversation has a control log"
    );
    assert_eq!(refused(|h| h.ctl = vec![1; 31]), Err(OpError::Field("ctl")));
    assert_eq!(
        refused(|h| {
            h.ctl.clear();
            h.kind = 97;
        }),
        Ok(()),
        "an account log has none"
    );
    assert_eq!(refused(|_| {}), Ok(()));
}

/// The eight points of small order and some forms of them that are not canonical.
const WEAK_KEYS: [&str; 10] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000080",
];

#[test]
fn keys_of_low_order_sign_nothing() {
    for key in WEAK_KEYS {
        let key = super::hex(key);
        // R = the key itself and S = 0 satisfies the lenient equation for many messages.
        for r in WEAK_KEYS {
            let sig = [super::hex(r), vec![0; 32]].concat();
            for message in 0..8_u8 {
                assert!(verify(&key, &[message], &sig).is_err());
            }
        }
    }
}

#[test]
fn the_second_form_of_a_signature_is_refused() {
    // S + L satisfies the same equation.
    const L: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let mut sig = alice().sign(b"pay 5");
    assert_eq!(verify(&alice().public(), b"pay 5", &sig), Ok(()));
    let mut carry = 0_u16;
    for (byte, add) in sig[32..].iter_mut().zip(super::hex(L)) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert_eq!(verify(&alice().public(), b"pay 5", &sig), Err(SignatureError::Signature));
    let off_curve = (0..32_u8).filter(|y| {
        let mut key = [0; 32];
        key[0] = *y;
        verify(&key, b"", &sig) == Err(SignatureError::Key)
    });
    assert!(off_curve.count() > 8, "about half of all y have no point");
    assert_eq!(verify(&[1; 31], b"", &sig), Err(SignatureError::Key));
    assert_eq!(verify(&alice().public(), b"", &[1; 63]), Err(SignatureError::Signature));
}

#[test]
fn a_signed_object_counts_only_as_its_type_and_by_its_signer() {
    let register = Register {
        conv: vec![1; 32],
        author: alice().public().to_vec(),
        name: "read".into(),
        version: 5,
        payload: vec![],
    };
    let signed = sign_body(&register, &alice());
    let open = open_signed::<Register>(&signed).unwrap();
    assert_eq!((open.body.value(), open.signer), (&register, alice().public()));
    assert_eq!(open.body.bytes(), signed.body);

    let expected = SignatureError::Type { expected: 3, found: 1 };
    assert_eq!(open_signed::<DeviceBundle>(&signed).map(|_| ()), Err(expected));
    let mut relabelled = signed.clone();
    relabelled.r#type = SignedType::DeviceBundle.number();
    assert_eq!(open_signed::<DeviceBundle>(&relabelled).map(|_| ()), Err(SignatureError::Signature));

    let by_bob = sign_body(&register, &bob());
    assert_eq!(open_signed::<Register>(&by_bob).map(|_| ()), Err(SignatureError::Signer));
    let mut changed = signed;
    changed.body.push(0);
    assert_eq!(open_signed::<Register>(&changed).map(|_| ()), Err(SignatureError::Signature));
}

#[test]
fn an_account_begins_with_its_root_key() {
    let seed = Phrase::from_entropy(&[9; 32]).seed();
    let genesis = genesis(&seed.root(), &alice().public(), "laptop", 77, &mut seeded(3)).unwrap();
    let read = verify_op(&genesis.op).unwrap();
    assert_eq!(read.header.value().author, seed.root().public());
    assert_eq!(read.header.value().kind, GENESIS_KIND);
    let again = crate::genesis(&seed.root(), &alice().public(), "laptop", 77, &mut seeded(4)).unwrap();
    assert_ne!(again.id, genesis.id, "the salt makes every genesis another account");
}

#[test]
fn a_cosignature_fits_one_removal_with_these_deps() {
    let deps = vec![vec![1; 32], vec![2; 32]];
    let remove = RemoveDevice { device: vec![3; 32], cut: 9, cosig: vec![] };
    let cosig = cosign(&deps, &remove, &bob());
    let carried = RemoveDevice { cosig: vec![cosig.clone()], ..remove.clone() };
    assert_eq!(verify_cosig(&deps, &carried, &cosig), Ok(()));
    let other_cut = RemoveDevice { cut: 8, ..remove.clone() };
    assert!(verify_cosig(&deps, &other_cut, &cosig).is_err());
    assert!(verify_cosig(&deps[..1], &remove, &cosig).is_err());
    let stolen = madang_wire::Cosig { device: alice().public().to_vec(), ..cosig };
    assert!(verify_cosig(&deps, &remove, &stolen).is_err());
}

#[test]
fn keys_of_the_phrase_are_all_different_and_come_back() {
    let phrase = Phrase::from_entropy(&[8; 32]);
    let words: Vec<&str> = phrase.words().collect();
    let (one, two) = (phrase.seed(), Phrase::parse(&words.join(" ")).unwrap().seed());
    let publics = |seed: &Seed| {
        let mut all: Vec<[u8; 32]> = (0..64).map(|i| seed.escrow_slot(i).public()).collect();
        all.extend([seed.root().public(), seed.account_slot().public(), *seed.account_seal()]);
        all.push(sha256(seed.backup().public()));
        all
    };
    assert_eq!(publics(&one), publics(&two));
    let distinct: std::collections::BTreeSet<_> = publics(&one).into_iter().collect();
    assert_eq!(distinct.len(), 68);
}

#[test]
fn debug_output_shows_no_secret() {
    let keys = DeviceKeys::generate(&mut seeded(1));
    let phrase = Phrase::from_entropy(&[0x5a; 32]);
    let shown = format!("{:?} {:?} {phrase:?} {:?}", keys.sign, keys.envelope, phrase.seed());
    let first = phrase.words().next().unwrap();
    assert!(!shown.contains(first) && !shown.contains('['), "{shown}");
    let slot = format!("{:?}", SlotSecret::Passphrase("open sesame"));
    assert!(!slot.contains("sesame"));
}

#[test]
fn a_body_of_ids_does_not_depend_on_their_order() {
    assert_eq!(ids_hash(&[[1; 32], [2; 32]]), ids_hash(&[[2; 32], [1; 32], [1; 32]]));
    assert_ne!(ids_hash(&[[1; 32]]), ids_hash(&[[1; 32], [2; 32]]));
    assert_eq!(op_id(&header().encode_to_vec()), op_id(&header().encode_to_vec()));
}
