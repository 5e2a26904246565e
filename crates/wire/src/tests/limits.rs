//! Hostile lengths and counts.

use super::samples::sample;
use crate::limits::*;
use crate::*;
use prost::encoding::{encode_key, encode_varint};

fn field(tag: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_key(tag, prost::encoding::WireType::LengthDelimited, &mut out);
    encode_varint(bytes.len() as u64, &mut out);
    out.extend_from_slice(bytes);
    out
}

#[test]
fn eight_deps_pass_and_nine_do_not() {
    let mut header = OpHeader { deps: vec![vec![7; 32]; DEPS], ..sample() };
    assert_eq!(decode(&header.encode_to_vec()), Ok(header.clone()));
    header.deps.push(vec![7; 32]);
    assert_eq!(decode::<OpHeader>(&header.encode_to_vec()), Err(DecodeError::TooMany { tag: 6, max: DEPS }));
}

#[test]
fn a_thousand_tags_pass_inside_a_stream_frame() {
    let frame =
        |n| StreamFrame { id: 1, body: Some(StreamBody::Open(ConvOpen { tags: vec![vec![1; 16]; n] })) };
    let full = frame(OPEN_TAGS);
    assert_eq!(decode(&full.encode_to_vec()), Ok(full));
    assert_eq!(
        decode::<StreamFrame>(&frame(OPEN_TAGS + 1).encode_to_vec()),
        Err(DecodeError::TooMany { tag: 1, max: OPEN_TAGS })
    );
}

#[test]
fn a_frame_above_its_limit_is_refused_by_length_alone() {
    let junk = vec![0xff; RELAY_FRAME_BYTES + 1];
    assert_eq!(
        decode::<RelayFrame>(&junk),
        Err(DecodeError::TooLong { len: junk.len(), max: RELAY_FRAME_BYTES })
    );
    assert_eq!(decode::<RelayFrame>(&junk[1..]), Err(DecodeError::Malformed));
}

#[test]
fn a_stranger_gets_a_smaller_limit_than_a_friend() {
    let frame =
        ContactFrame { body: Some(ContactBody::Record(InviteRec { sealed: vec![1; STRANGER_FRAME_BYTES] })) };
    let bytes = frame.encode_to_vec();
    assert_eq!(decode(&bytes), Ok(frame));
    assert!(matches!(
        decode_within::<ContactFrame>(&bytes, STRANGER_FRAME_BYTES),
        Err(DecodeError::TooLong { .. })
    ));
}

#[test]
fn a_request_tells_less_than_a_friend_may() {
    let request = |bundles, thumb| ContactRequest {
        c: Some(Contact {
            bundles: vec![sample(); bundles],
            card: Some(Card { thumb: vec![1; thumb], ..sample() }),
            ..sample()
        }),
        ..sample()
    };
    let full = request(REQUEST_BUNDLES, REQUEST_THUMB_BYTES);
    assert_eq!(decode(&full.encode_to_vec()), Ok(full));
    let refused = |request: ContactRequest| decode::<ContactRequest>(&request.encode_to_vec()).unwrap_err();
    assert_eq!(refused(request(5, 0)), DecodeError::TooMany { tag: 2, max: 4 });
    assert_eq!(refused(request(1, 4_097)), DecodeError::FieldTooLong { tag: 7, max: 4_096 });
    let update = ContactUpdate { c: request(5, 10_000).c };
    assert_eq!(decode(&update.encode_to_vec()), Ok(update));
}

#[test]
fn typed_texts_are_bounded_in_bytes() {
    let card = |name: usize| Card { name: "x".repeat(name), birthday: "12-31".into(), ..Card::default() };
    assert!(decode::<Card>(&card(NAME_BYTES).encode_to_vec()).is_ok());
    let refused = Err(DecodeError::FieldTooLong { tag: 1, max: NAME_BYTES });
    assert_eq!(decode::<Card>(&card(NAME_BYTES + 1).encode_to_vec()), refused);
    let add = AddDevice { device: vec![1; 32], label: "x".repeat(LABEL_BYTES + 1) };
    let refused = Err(DecodeError::FieldTooLong { tag: 2, max: LABEL_BYTES });
    assert_eq!(decode::<AddDevice>(&add.encode_to_vec()), refused);
}

#[test]
fn empty_puts_by_the_thousand_are_refused() {
    // Two bytes each on the wire would become some hundred bytes each in memory.
    let puts = [0x0a, 0].repeat(100_000);
    let frame = field(9, &puts);
    assert_eq!(decode::<RelayFrame>(&frame), Err(DecodeError::TooMany { tag: 1, max: PUTS }));
}

#[test]
fn a_nested_message_cannot_be_repeated_to_evade_its_counts() {
    let once = field(3, &ConvOpen { tags: vec![vec![1; 16]; OPEN_TAGS] }.encode_to_vec());
    assert!(decode::<StreamFrame>(&once).is_ok());
    let twice = once.repeat(2);
    assert_eq!(decode::<StreamFrame>(&twice), Err(DecodeError::TooMany { tag: 3, max: 1 }));
}

#[test]
fn packed_and_plain_sequences_are_counted_alike() {
    let ack = |n: u64| RAck { inbox_id: vec![1; 16], seqs: (0..n).map(|s| s << 30).collect() };
    assert!(decode::<RAck>(&ack(1_024).encode_to_vec()).is_ok());
    let refused = Err(DecodeError::TooMany { tag: 2, max: ACKED });
    assert_eq!(decode::<RAck>(&ack(1_025).encode_to_vec()), refused);
    assert_eq!(decode::<RAck>(&[0x10, 1].repeat(1_025)), refused);
}

#[test]
fn unknown_fields_are_kept_in_the_bytes() {
    let bytes = [sample::<OpHeader>().encode_to_vec(), field(1_000, b"from a later version")].concat();
    let kept = Kept::<OpHeader>::decode(bytes.clone()).unwrap();
    assert_eq!(kept.value(), &sample::<OpHeader>());
    assert_eq!(kept.bytes(), bytes);
    assert_ne!(kept.value().encode_to_vec(), bytes);
}

#[test]
fn an_absent_payload_differs_from_an_empty_one() {
    let purged = SignedOp { payload: None, ..sample() };
    let empty = SignedOp { payload: Some(Vec::new()), ..sample() };
    assert_eq!(decode(&purged.encode_to_vec()), Ok(purged));
    assert_eq!(decode(&empty.encode_to_vec()), Ok(empty));
}

#[test]
fn groups_and_cut_bytes_are_malformed() {
    assert_eq!(decode::<OpHeader>(&[0x0b]), Err(DecodeError::Malformed));
    let bytes = sample::<OpHeader>().encode_to_vec();
    assert_eq!(decode::<OpHeader>(&bytes[..bytes.len() - 1]), Err(DecodeError::Malformed));
    assert_eq!(decode::<OpHeader>(&[0xff; 11]), Err(DecodeError::Malformed));
}

#[test]
fn debug_output_shows_no_secret() {
    let key = Key { secret: vec![0xab; 32], route: vec![0xab; 32], ..Key::default() };
    let share = KeyShare { keys: vec![key.encode_to_vec()], ..KeyShare::default() };
    let persona = PersonaSet { root_secret: vec![0xab; 32], name: String::new() };
    let put = Put { auth: Some(PutAuth::Token(vec![0xab; 24])), ..Put::default() };
    let drop = Drop { del_secret: vec![0xab; 16], ..Drop::default() };
    let shown = format!("{put:?} {drop:?}");
    assert!(!shown.contains("171"), "{shown}");
    let shown = format!("{key:?} {share:?} {persona:?} {:?}", Token { token: vec![0xab; 24], ..sample() });
    assert!(!shown.contains("171"), "{shown}");
}

proptest::proptest! {
    /// Whatever arrives, the answer is a value or an error.
    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..2_000)) {
        let _ = (decode::<RelayFrame>(&bytes), decode::<StreamFrame>(&bytes), decode::<ContactFrame>(&bytes));
        let _ = (decode::<LanePlain>(&bytes), decode::<SignedOp>(&bytes), pad::unpad(&bytes));
    }

    /// One flipped byte in a real frame decodes to another frame or to an error.
    #[test]
    fn mutated_frames_never_panic(at in 0..10_000_usize, byte in 0..=255_u8) {
        let mut bytes = sample::<Welcome>().encode_to_vec();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = decode::<Welcome>(&bytes);
    }
}

#[test]
fn the_parts_of_a_message_are_found_as_they_stand() {
    let sealed = vec![Sealed { ct: vec![1; 300], ..Sealed::default() }; 2];
    let parts: Vec<Vec<u8>> = sealed.iter().map(Message::encode_to_vec).collect();
    let bytes = Ops { tag: vec![7; 16], sealed }.encode_to_vec();
    assert_eq!(byte_fields(&bytes, 2).unwrap(), parts);
    assert_eq!(byte_fields(&bytes, 1).unwrap(), [vec![7; 16]]);
    assert!(byte_fields(&bytes, 3).unwrap().is_empty());
    assert_eq!(byte_fields(&bytes[..bytes.len() - 1], 2), Err(DecodeError::Malformed));
}
