//! Reaching each other: invites in slots, requests and keys in inboxes, messages in logs.

use madang_wire::RelayBody;

use super::world::World;
use crate::{
    command::{Command, FriendChange},
    error::Error,
    view::{MessageState, RelayState},
};

const ALICE: usize = 0;
const BOB: usize = 1;
const MINUTE: u64 = 60_000;

/// Alice and Bob, friends through one relay that both use.
pub(super) fn friends() -> (World, madang_model::ConvId) {
    let mut world = World::new(&["Alice", "Bob"], 1);
    world.add_relay(ALICE, 0);
    world.add_relay(BOB, 0);
    let room = world.befriend(ALICE, BOB);
    world.pass(MINUTE);
    (world, room)
}

#[test]
fn two_people_who_never_meet_become_friends_and_talk() {
    let mut world = World::new(&["Alice", "Bob"], 1);
    let list = world.add_relay(ALICE, 0);
    assert_eq!(list[0].state, RelayState::Connected);
    world.add_relay(BOB, 0);
    let room = world.befriend(ALICE, BOB);
    let first = world.say(ALICE, room, "good morning");
    world.pass(10_000);
    assert_eq!(world.texts(BOB, room), ["good morning"]);
    assert_eq!(world.state(ALICE, first), (MessageState::Delivered, None));
    let second = world.say(BOB, room, "and to you");
    world.pass(10_000);
    assert_eq!(world.texts(ALICE, room), ["good morning", "and to you"]);
    assert_eq!(world.state(BOB, second).0, MessageState::Delivered);
    assert_eq!(world.relays[0].inbox_items(), 0, "what was read is acknowledged");
}

#[test]
fn each_has_a_relay_of_his_own() {
    let mut world = World::new(&["Alice", "Bob"], 2);
    world.add_relay(ALICE, 0);
    world.add_relay(BOB, 1);
    let room = world.befriend(ALICE, BOB);
    world.pass(MINUTE);
    world.say(ALICE, room, "one");
    world.say(BOB, room, "two");
    world.pass(10_000);
    let mut texts = world.texts(BOB, room);
    texts.sort();
    assert_eq!(texts, ["one", "two"]);
    assert_eq!(world.messages(ALICE, room).len(), 2);
}

#[test]
fn what_everybody_has_acknowledged_is_not_put_again() {
    let (mut world, room) = friends();
    world.say(ALICE, room, "hi");
    world.pass(MINUTE);
    let before = world.relays[0].op_puts(ALICE);
    assert!(before > 0);
    world.set_relay(0, false);
    world.set_relay(0, true);
    world.restart(ALICE);
    world.pass(10 * MINUTE);
    assert_eq!(world.relays[0].op_puts(ALICE), before);
}

#[test]
fn a_message_for_somebody_away_waits_at_the_relay_and_is_read_from_the_cursor() {
    let (mut world, room) = friends();
    world.say(ALICE, room, "before");
    world.pass(10_000);
    world.set_online(BOB, false);
    let message = world.say(ALICE, room, "after");
    world.pass(10_000);
    assert_eq!(world.state(ALICE, message), (MessageState::Relayed, None));
    world.restart(BOB);
    world.set_online(BOB, true);
    world.pass(10_000);
    assert_eq!(world.texts(BOB, room), ["before", "after"]);
    assert_eq!(world.state(ALICE, message).0, MessageState::Delivered);
    let cursors: Vec<u64> = world.relays[0]
        .got
        .iter()
        .rev()
        .filter_map(|(who, body)| match body {
            RelayBody::Subscribe(subscribe) if *who == BOB => Some(&subscribe.boxes),
            _ => None,
        })
        .flatten()
        .map(|fetch| fetch.after_seq)
        .collect();
    assert!(cursors.iter().any(|cursor| *cursor > 0), "{cursors:?}");
}

#[test]
fn a_thousand_messages_need_credit_and_small_batches() {
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    for n in 0..1_000 {
        world.say(ALICE, room, &n.to_string());
    }
    world.pass(MINUTE);
    assert!(world.relays[0].largest <= 64, "{}", world.relays[0].largest);
    assert!(world.relays[0].log_items() >= 1_000);
    world.set_online(BOB, true);
    world.pass(MINUTE);
    let texts = world.texts(BOB, room);
    assert_eq!(texts.len(), 1_000);
    assert_eq!((texts[0].as_str(), texts[999].as_str()), ("0", "999"));
    let credit = world.relays[0].count(BOB, |body| matches!(body, RelayBody::Credit(_)));
    assert!((3..=64).contains(&credit), "{credit} frames of credit");
}

#[test]
fn a_withdrawn_invite_is_gone_from_the_relay() {
    let mut world = World::new(&["Alice", "Bob"], 1);
    world.add_relay(ALICE, 0);
    let before = world.relays[0].slots();
    let (link, invite) =
        world.ask(ALICE, |reply| Command::CreateInvite { once: false, hours: 24, reply }).unwrap();
    world.pass(100);
    assert_eq!(world.relays[0].slots(), before + 1);
    let shown = link.clone();
    let info = world.ask(BOB, |reply| Command::ShowInvite { link: shown, reply }).unwrap();
    assert_eq!((info.name.as_str(), info.account), ("Alice", world.account(ALICE)));
    world.ask(ALICE, |reply| Command::RevokeInvite { invite: invite.invite, reply }).unwrap();
    world.pass(100);
    assert_eq!(world.relays[0].slots(), before);
    let shown = link.clone();
    let refused = world.ask(BOB, |reply| Command::ShowInvite { link: shown, reply });
    assert_eq!(refused.unwrap_err(), Error::InviteRevoked, "the relay says that there is nothing");
    world.set_relay(0, false);
    let refused = world.ask(BOB, |reply| Command::ShowInvite { link, reply });
    assert!(matches!(refused, Err(Error::Offline(_))), "{refused:?}");
}

#[test]
fn a_used_invite_is_gone_from_the_relay_and_the_escrow_stays() {
    let (world, _) = friends();
    // The account slot and one part of the escrow of each.
    assert_eq!(world.relays[0].slots(), 4);
}

#[test]
fn whoever_is_blocked_is_shut_out_without_being_told() {
    let (mut world, _) = friends();
    let account = world.account(BOB);
    let change = FriendChange { blocked: Some(true), ..FriendChange::default() };
    world.ask(ALICE, |reply| Command::SetFriend { account, change, reply }).unwrap();
    world.pass(100);
    let silent = |body: &RelayBody| matches!(body, RelayBody::Revoke(revoke) if revoke.silent);
    assert_eq!(world.relays[0].count(ALICE, silent), 1);
    // Told again on the next stream: the relay may have been wiped.
    world.set_relay(0, false);
    world.set_relay(0, true);
    assert_eq!(world.relays[0].count(ALICE, silent), 2);
}

#[test]
fn a_relay_that_wants_a_code_says_so() {
    let mut world = World::new(&["Alice"], 1);
    world.relays[0].code = "acorn";
    let addr = world.relays[0].addr.clone();
    let ask = |code: &str| {
        let (addr, code) = (addr.clone(), Some(code.to_owned()));
        move |reply| Command::AddRelay { addr, code, reply }
    };
    world.ask(ALICE, ask("oak")).unwrap();
    world.pass(100);
    let list = world.ask(ALICE, Command::Relays).unwrap();
    assert_eq!((list[0].state, list[0].reason.as_deref()), (RelayState::Failed, Some("admission")));
    world.ask(ALICE, ask("acorn")).unwrap();
    world.pass(100);
    let list = world.ask(ALICE, Command::Relays).unwrap();
    assert_eq!((list[0].state, list[0].reason.as_deref()), (RelayState::Connected, None));
    world.ask(ALICE, |reply| Command::RemoveRelay { addr: addr.clone(), reply }).unwrap();
    assert!(world.ask(ALICE, Command::Relays).unwrap().is_empty());
    let nonsense =
        world.ask(ALICE, |reply| Command::AddRelay { addr: "/ip4/1.2.3.4".into(), code: None, reply });
    assert!(matches!(nonsense, Err(Error::Usage(_))));
}
