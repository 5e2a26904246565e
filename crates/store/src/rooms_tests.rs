use super::*;
use crate::testing::{ALICE, account, room, say, with_store};

fn direct() -> NewRoom {
    NewRoom {
        conv: ConvId::from_bytes([9; 32]),
        kind: RoomKind::Direct,
        title: String::new(),
        peer: Some(account(ALICE)),
        history: 1,
        days: 0,
        created_at: 42,
    }
}

#[test]
fn asking_twice_gives_the_same_room() {
    with_store(|c| {
        let row = insert(c, &direct()).unwrap();
        assert_eq!(insert(c, &NewRoom { title: "other".to_owned(), ..direct() }).unwrap(), row);
        let found = by_conv(c, &direct().conv).unwrap().unwrap();
        assert_eq!((found.kind, found.peer, found.history), (RoomKind::Direct, Some(account(ALICE)), 1));
        assert_eq!(found.title, "");
        assert_eq!(get(c, row).unwrap(), Some(found));
    });
}

#[test]
fn the_list_shows_the_latest_room_first() {
    with_store(|c| {
        let (first, second) = (room(c, 1), room(c, 2));
        let old = say(c, first, ALICE, 1, 100, "old");
        let new = say(c, second, ALICE, 1, 200, "new");
        let newest = say(c, first, ALICE, 2, 300, "newest");
        assert!(raise_last(c, first, 100, old).unwrap());
        assert!(raise_last(c, second, 200, new).unwrap());
        assert_eq!(list(c).unwrap().iter().map(|r| r.row).collect::<Vec<_>>(), vec![second, first]);
        assert!(raise_last(c, first, 300, newest).unwrap());
        assert!(!raise_last(c, first, 100, old).unwrap());
        let listed = list(c).unwrap();
        assert_eq!(listed.iter().map(|r| r.row).collect::<Vec<_>>(), vec![first, second]);
        assert_eq!(listed[0].last_op, Some(newest));
    });
}

#[test]
fn what_the_person_sets_is_kept() {
    with_store(|c| {
        let row = room(c, 1);
        set_unread(c, row, 3).unwrap();
        set_state(c, row, RoomState::Left).unwrap();
        set_title(c, row, "점심").unwrap();
        set_history(c, row, 2, 30).unwrap();
        set_pinned(c, row, true).unwrap();
        set_archived(c, row, true).unwrap();
        set_muted(c, row, 99).unwrap();
        set_draft(c, row, "half a sent").unwrap();
        set_last(c, row, 12, None).unwrap();
        let room = get(c, row).unwrap().unwrap();
        assert_eq!((room.unread, room.state, room.title.as_str()), (3, RoomState::Left, "점심"));
        assert_eq!((room.history, room.days, room.pinned, room.archived), (2, 30, true, true));
        assert_eq!((room.muted_until, room.draft.as_str(), room.last_hlc), (99, "half a sent", 12));
    });
}
