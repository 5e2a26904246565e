use super::*;

fn id(n: u8) -> OpId {
    OpId::from_bytes([n; 32])
}

fn header(seq: u64, prev: Option<u8>, deps: &[u8], ms: u64) -> Header {
    Header {
        v: 1,
        conv: ConvId::from_bytes([7; 32]),
        author: DeviceId::from_bytes([1; 32]),
        seq,
        prev: prev.map(id),
        deps: deps.iter().copied().map(id).collect(),
        hlc: Hlc::from_millis(ms),
        ctl: [0; 32],
        kind: Kind::Text,
        payload_hash: [0; 32],
        payload_len: 20,
        ttl_s: 0,
    }
}

#[test]
fn prev_stands_exactly_in_later_ops() {
    assert_eq!(header(1, None, &[], 5).check(), Ok(()));
    assert_eq!(header(2, Some(1), &[2, 3], 5).check(), Ok(()));
    assert_eq!(header(1, Some(1), &[], 5).check(), Err(HeaderError::Prev));
    assert_eq!(header(2, None, &[], 5).check(), Err(HeaderError::Prev));
    assert_eq!(header(0, None, &[], 5).check(), Err(HeaderError::SeqZero));
}

#[test]
fn deps_are_few_and_distinct() {
    assert_eq!(header(2, Some(99), &[1, 2, 3, 4, 5, 6, 7, 8], 5).check(), Ok(()));
    assert_eq!(header(2, Some(99), &[1, 2, 3, 4, 5, 6, 7, 8, 9], 5).check(), Err(HeaderError::TooManyDeps));
    assert_eq!(header(2, Some(4), &[1, 4], 5).check(), Err(HeaderError::RepeatedDep));
    assert_eq!(header(2, Some(9), &[4, 1, 4], 5).check(), Err(HeaderError::RepeatedDep));
}

#[test]
fn unknown_versions_and_large_payloads_are_refused() {
    let mut other = header(1, None, &[], 5);
    other.v = 2;
    assert_eq!(other.check(), Err(HeaderError::Version(2)));
    let mut large = header(1, None, &[], 5);
    large.payload_len = 60_001;
    assert_eq!(large.check(), Err(HeaderError::PayloadTooLarge));
}

#[test]
fn an_op_is_later_than_all_of_its_past_and_follows_its_own_log() {
    let first = header(1, None, &[], 5);
    let second = header(2, Some(1), &[2], 6);
    let mut friend = header(1, None, &[], 5);
    friend.author = DeviceId::from_bytes([2; 32]);
    assert_eq!(second.check_past(Some(&first), [&friend]), Ok(()));
    friend.hlc = Hlc::from_millis(6);
    assert_eq!(second.check_past(Some(&first), [&friend]), Err(HeaderError::NotAfterPast));
    assert_eq!(second.check_past(Some(&friend), []), Err(HeaderError::WrongPrev));
    assert_eq!(header(3, Some(1), &[], 6).check_past(Some(&first), []), Err(HeaderError::WrongPrev));
    assert_eq!(header(2, Some(1), &[], 5).check_past(Some(&first), []), Err(HeaderError::NotAfterPast));
}

#[test]
fn a_purged_op_is_complete_only_with_its_reason() {
    let mut op = Op { id: id(1), header: header(1, None, &[], 5_000), body: None };
    assert!(!op.complete(false, 9_000));
    assert!(op.complete(true, 9_000));
    op.header.ttl_s = 2;
    assert!(!op.complete(false, 6_999));
    assert!(op.complete(false, 7_000));
    op.header.kind = Kind::Remove;
    assert!(!op.complete(true, 7_000));
}
