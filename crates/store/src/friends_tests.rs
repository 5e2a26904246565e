use super::*;
use crate::testing::{ALICE, BOB, account, room, with_store};

fn friend(person: u8, name: &str) -> Friend {
    Friend {
        account: account(person),
        state: FriendState::Friend,
        name: name.to_owned(),
        alias: None,
        favourite: false,
        hidden: false,
        blocked: false,
        profile: None,
        card: None,
        room: None,
        added_at: 5,
    }
}

#[test]
fn favourites_come_first_and_then_the_names() {
    with_store(|c| {
        put(c, &friend(1, "나리")).unwrap();
        put(c, &friend(2, "가영")).unwrap();
        put(c, &Friend { favourite: true, ..friend(3, "하나") }).unwrap();
        put(c, &Friend { alias: Some("가".to_owned()), ..friend(4, "희수") }).unwrap();
        let names: Vec<_> = list(c, FriendState::Friend).unwrap().into_iter().map(|f| f.name).collect();
        assert_eq!(names, vec!["하나", "희수", "가영", "나리"]);
    });
}

#[test]
fn knowing_somebody_changes_nothing_about_a_friend() {
    with_store(|c| {
        let alice = Friend { blocked: true, card: Some(b"card".to_vec()), ..friend(ALICE, "Alice") };
        put(c, &alice).unwrap();
        know(c, &account(ALICE), "Impostor", 9).unwrap();
        know(c, &account(BOB), "Bob", 9).unwrap();
        assert_eq!(get(c, &account(ALICE)).unwrap(), Some(alice));
        assert_eq!(get(c, &account(BOB)).unwrap().unwrap().state, FriendState::Known);
        assert_eq!(blocked(c).unwrap(), vec![account(ALICE)]);
    });
}

#[test]
fn state_card_and_room_change_one_by_one() {
    with_store(|c| {
        assert!(!set_state(c, &account(BOB), FriendState::Friend).unwrap());
        know(c, &account(BOB), "Bob", 9).unwrap();
        let r = room(c, 1);
        assert!(set_state(c, &account(BOB), FriendState::Requested).unwrap());
        assert!(set_card(c, &account(BOB), "Bobby", b"card").unwrap());
        assert!(set_room(c, &account(BOB), r).unwrap());
        let bob = get(c, &account(BOB)).unwrap().unwrap();
        assert_eq!((bob.state, bob.name.as_str(), bob.room), (FriendState::Requested, "Bobby", Some(r)));
    });
}
