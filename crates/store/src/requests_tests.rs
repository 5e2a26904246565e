use super::*;
use crate::testing::{ALICE, BOB, account, device, with_store};

fn request_in(id: u8) -> Incoming {
    Incoming {
        id: [id; 16],
        account: account(BOB),
        device: device(BOB),
        name: "Bob".to_owned(),
        greeting: "hi".to_owned(),
        at: u64::from(id),
        contact: vec![1],
        invite: InviteId::from_bytes([3; 16]),
        state: RequestState::Open,
    }
}

#[test]
fn a_request_that_came_twice_is_one() {
    with_store(|c| {
        assert!(receive(c, &request_in(1)).unwrap());
        assert!(!receive(c, &request_in(1)).unwrap());
        assert!(receive(c, &request_in(2)).unwrap());
        assert_eq!(incoming_open(c).unwrap(), vec![request_in(1), request_in(2)]);
        answer(c, &[1; 16], RequestState::Refused).unwrap();
        assert_eq!(incoming_open(c).unwrap(), vec![request_in(2)]);
        assert_eq!(incoming(c, &[1; 16]).unwrap().unwrap().state, RequestState::Refused);
        assert_eq!(incoming_of(c, &account(BOB)).unwrap().len(), 2);
    });
}

#[test]
fn an_open_request_takes_the_newer_contact_and_an_answered_one_does_not() {
    with_store(|c| {
        receive(c, &request_in(1)).unwrap();
        let newer = Incoming { contact: vec![2], ..request_in(1) };
        assert!(!receive(c, &newer).unwrap());
        assert_eq!(incoming(c, &[1; 16]).unwrap().unwrap().contact, [2]);
        assert_eq!(count_open(c).unwrap(), 1);
        answer(c, &[1; 16], RequestState::Accepted).unwrap();
        assert_eq!(count_open(c).unwrap(), 0);
        receive(c, &request_in(1)).unwrap();
        assert_eq!(incoming(c, &[1; 16]).unwrap().unwrap().contact, [2]);
        forget(c, &account(BOB)).unwrap();
        assert_eq!(incoming(c, &[1; 16]).unwrap(), None);
        assert!(receive(c, &request_in(1)).unwrap());
    });
}

#[test]
fn a_new_request_to_the_same_account_replaces_the_old_one() {
    with_store(|c| {
        let mut request = Outgoing {
            account: account(ALICE),
            link: "madang://invite/1/a".to_owned(),
            invite: InviteId::from_bytes([3; 16]),
            greeting: String::new(),
            at: 1,
            state: RequestState::Open,
            reason: String::new(),
            peer: vec![5],
            record: vec![6],
        };
        send(c, &request).unwrap();
        answered(c, &account(ALICE), RequestState::Refused, "invite_used").unwrap();
        assert!(outgoing_open(c).unwrap().is_empty());
        assert_eq!(outgoing(c, &account(ALICE)).unwrap().unwrap().reason, "invite_used");
        request.link = "madang://invite/1/b".to_owned();
        send(c, &request).unwrap();
        assert_eq!(outgoing_open(c).unwrap(), vec![request]);
    });
}
