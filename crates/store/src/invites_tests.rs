use super::*;
use crate::testing::with_store;

fn invite(id: u8, created: u64) -> Invite {
    Invite {
        id: InviteId::from_bytes([id; 16]),
        secret: [8; 16],
        once: true,
        expires: 900,
        created,
        used: 0,
        revoked: false,
        slot_secret: Some(vec![1]),
        slot_version: 1,
        relay: Some("/ip4/127.0.0.1".to_owned()),
        link: "madang://invite/1/x".to_owned(),
        token_slot: 4,
    }
}

#[test]
fn uses_and_revocation_never_go_back() {
    with_store(|c| {
        put(c, &invite(1, 10)).unwrap();
        put(c, &invite(2, 20)).unwrap();
        let id = InviteId::from_bytes([1; 16]);
        used(c, &id).unwrap();
        assert!(revoke(c, &id).unwrap());
        assert!(!revoke(c, &id).unwrap());
        set_slot_version(c, &id, 7).unwrap();
        set_slot_version(c, &id, 6).unwrap();
        put(c, &invite(1, 10)).unwrap();
        let kept = get(c, &id).unwrap().unwrap();
        assert_eq!((kept.used, kept.revoked, kept.slot_version), (1, true, 7));
        assert_eq!(list(c).unwrap().iter().map(|i| i.created).collect::<Vec<_>>(), vec![20, 10]);
    });
}
