use super::*;
use crate::testing::{BOB, account, device_row, room, with_store};

#[test]
fn a_number_is_given_out_once_and_can_be_revoked() {
    with_store(|c| {
        let subject = account(BOB);
        let first = new_slot(c, TokenKind::Friend, subject.as_bytes(), 100).unwrap();
        let second = new_slot(c, TokenKind::Friend, subject.as_bytes(), 200).unwrap();
        assert!(second > first);
        revoke(c, first, Revoked::Silent).unwrap();
        let found: Vec<_> = slots_of(c, TokenKind::Friend, subject.as_bytes()).unwrap();
        assert_eq!(
            found.iter().map(|s| (s.slot, s.revoked)).collect::<Vec<_>>(),
            vec![(second, Revoked::No), (first, Revoked::Silent)]
        );
        assert!(slots_of(c, TokenKind::Room, subject.as_bytes()).unwrap().is_empty());
        c.execute("DELETE FROM token_slot", []).unwrap();
        assert!(new_slot(c, TokenKind::Invite, b"x", 1).unwrap() > second);
        assert_eq!(slots(c).unwrap().len(), 1);
    });
}

#[test]
fn the_token_of_a_friend_is_preferred_and_an_expired_one_never_used() {
    with_store(|c| {
        let (bob, r) = (device_row(c, BOB), room(c, 1));
        let token =
            |room, byte, expires| Token { device: bob, inbox: [1; 16], room, token: vec![byte], expires };
        put(c, &token(Some(r), 1, 500)).unwrap();
        put(c, &token(None, 2, 300)).unwrap();
        put(c, &token(None, 3, 200)).unwrap();
        let used = |room, now| find(c, bob, &[1; 16], room, now).unwrap().map(|t| t.token);
        assert_eq!(used(Some(r), 100), Some(vec![2]));
        assert_eq!(used(Some(r), 300), Some(vec![1]));
        assert_eq!(used(None, 300), None);
        let opens = |now| any(c, bob, &[1; 16], now).unwrap().map(|t| t.token);
        assert_eq!((opens(100), opens(300), opens(500)), (Some(vec![2]), Some(vec![1]), None));
        assert_eq!(of_device(c, bob).unwrap().len(), 2);
        assert_eq!(forget_expired(c, 300).unwrap(), 1);
    });
}
