//! Reaching each other: invites in slots, requests and keys in inboxes, messages in logs.

use madang_wire::RelayBody;

use super::world::World;
use crate::{
    command::{Command, FriendChange},
    error::Error,
    view::{self, MessageState, RelayState},
};

const ALICE: usize = 0;
const BOB: usize = 1;
const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;

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
fn an_invite_lives_by_the_corrected_clock() {
    let (mut world, _) = friends();
    let wall = world.now.wall;
    // Two more relays say that the own clock is two days ahead.
    for relay in [b"one relay", b"two relay"] {
        let reference = &mut world.people[ALICE].core.reference;
        reference.record(relay, madang_model::clock::Source::Relay, wall - 2 * DAY, wall);
    }
    let before = world.relays[0].slots();
    world.ask(ALICE, |reply| Command::CreateInvite { once: true, hours: 24, reply }).unwrap();
    world.pass(MINUTE);
    assert_eq!(world.relays[0].slots(), before + 1, "by the own clock it would be over");
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
    assert_eq!(world.relays[0].count(ALICE, silent), 2, "the number of the friend and that of the 1:1");
    // Told again on the next stream: the relay may have been wiped.
    world.set_relay(0, false);
    world.set_relay(0, true);
    assert_eq!(world.relays[0].count(ALICE, silent), 4);
}

/// Bob's way of leaving Alice, what she sees of a message that needs a new key, and whether tokens mend it.
fn left(
    leave: impl FnOnce(&mut World, madang_model::AccountId),
) -> [(MessageState, Option<&'static str>); 2] {
    let (mut world, room) = friends();
    let account = world.account(ALICE);
    leave(&mut world, account);
    world.pass(MINUTE);
    world.sleep(25 * 60 * MINUTE);
    let message = world.say(ALICE, room, "are you there?");
    world.pass(2 * MINUTE);
    world.restart(ALICE);
    world.pass(MINUTE);
    let before = world.state(ALICE, message);
    let device = world.people[BOB].core.me.device;
    let row = world.row(BOB, room);
    world.with(BOB, |core, _| core.friends.insert(account));
    let tokens = world.with(BOB, |core, turn| core.room_tokens(turn, row).unwrap());
    let row = world.row(ALICE, room);
    world.with(ALICE, |core, turn| core.take_room_tokens(turn, row, &device, &tokens).unwrap());
    [before, world.state(ALICE, message)]
}

#[test]
fn what_a_friend_who_has_left_takes_no_more_has_failed_until_he_gives_tokens_again() {
    let states = left(|world, account| {
        world.ask(BOB, |reply| Command::RemoveFriend { account, reply }).unwrap();
    });
    assert_eq!(states, [(MessageState::Failed, Some("refused")), (MessageState::Relayed, None)]);
}

#[test]
fn nobody_learns_from_his_messages_that_he_is_blocked() {
    let states = left(|world, account| {
        let change = FriendChange { blocked: Some(true), ..FriendChange::default() };
        world.ask(BOB, |reply| Command::SetFriend { account, change, reply }).unwrap();
    });
    assert_eq!(states, [(MessageState::Relayed, None); 2]);
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
    // The id alone will do, and nothing that names no relay of hers.
    world.ask(ALICE, ask("acorn")).unwrap();
    for wrong in ["/ip4/1.2.3.4", "nonsense", &madang_p2p::PeerId::random().to_string()] {
        let addr = wrong.to_owned();
        let refused = world.ask(ALICE, |reply| Command::RemoveRelay { addr, reply });
        assert_eq!(refused.unwrap_err(), Error::NotFound("relay"), "{wrong}");
    }
    let id = addr.rsplit('/').next().unwrap().to_owned();
    assert!(world.ask(ALICE, |reply| Command::RemoveRelay { addr: id, reply }).unwrap().is_empty());
    let nonsense =
        world.ask(ALICE, |reply| Command::AddRelay { addr: "/ip4/1.2.3.4".into(), code: None, reply });
    assert!(matches!(nonsense, Err(Error::Usage(_))));
}

/// Slots of invites that a relay holds.
fn invite_slots(world: &World, before: usize) -> usize {
    world.relays[0].slots() - before
}

#[test]
fn the_slot_of_a_revoked_invite_is_deleted_as_soon_as_its_relay_does_so() {
    let mut world = World::new(&["Alice"], 1);
    world.add_relay(ALICE, 0);
    world.pass(MINUTE);
    let before = world.relays[0].slots();
    let (_, invite) =
        world.ask(ALICE, |reply| Command::CreateInvite { once: false, hours: 24, reply }).unwrap();
    world.pass(100);
    assert_eq!(invite_slots(&world, before), 1);
    world.relays[0].refuse_slots = Some("busy");
    world.ask(ALICE, |reply| Command::RevokeInvite { invite: invite.invite, reply }).unwrap();
    world.pass(MINUTE);
    assert_eq!(invite_slots(&world, before), 1);
    world.relays[0].refuse_slots = None;
    world.pass(10 * MINUTE);
    assert_eq!(invite_slots(&world, before), 0);
    // One that the relay does not have is deleted.
    world.set_relay(0, false);
    world.relays[0].wipe();
    world.set_relay(0, true);
    world.pass(MINUTE);
    let deletes = |body: &RelayBody| matches!(body, RelayBody::SlotDelete(_));
    let asked = world.relays[0].count(ALICE, deletes);
    world.pass(20 * MINUTE);
    assert_eq!(world.relays[0].count(ALICE, deletes), asked, "once on a stream");
}

/// What Bob writes while the 1:1 is closed at Alice's does not come there, by whatever way; afterwards it does.
fn closed(close: impl FnOnce(&mut World), open: impl FnOnce(&mut World)) -> Error {
    let (mut world, room) = friends();
    world.say(BOB, room, "before");
    world.pass(10_000);
    close(&mut world);
    world.pass(10_000);
    let message = world.say(BOB, room, "do you hear me");
    world.pass(MINUTE);
    world.restart(ALICE);
    world.pass(MINUTE);
    assert_eq!(world.texts(ALICE, room), ["before"], "a closed 1:1 takes nothing");
    assert_ne!(world.state(BOB, message).0, MessageState::Delivered);
    assert!(world.ask(ALICE, Command::NetWhy).unwrap().is_empty(), "there is no path into it");
    let text = "I do not".to_owned();
    let refused = world.ask(ALICE, |reply| Command::SendText { room, text, answers: None, reply });
    open(&mut world);
    world.pass(10 * MINUTE);
    assert_eq!(world.texts(ALICE, room), ["before", "do you hear me"]);
    refused.unwrap_err()
}

#[test]
fn nothing_comes_from_whoever_was_removed_until_they_are_friends_again() {
    let remove = |world: &mut World| {
        let account = world.account(BOB);
        world.ask(ALICE, |reply| Command::RemoveFriend { account, reply }).unwrap();
    };
    // He has not heard of it, so the link is his and she is the one who asks.
    let again = |world: &mut World| {
        world.befriend(BOB, ALICE);
    };
    assert_eq!(closed(remove, again), Error::NotFriend);
}

#[test]
fn nothing_comes_from_whoever_is_blocked_until_the_block_is_lifted() {
    let set = |blocked| {
        move |world: &mut World| {
            let account = world.account(BOB);
            let change = FriendChange { blocked: Some(blocked), ..FriendChange::default() };
            world.ask(ALICE, |reply| Command::SetFriend { account, change, reply }).unwrap();
        }
    };
    assert_eq!(closed(set(true), set(false)), Error::Blocked);
}

#[test]
fn a_path_of_before_says_how_it_stands_now() {
    let (mut world, room) = friends();
    world.say(ALICE, room, "one");
    world.pass(10_000);
    let path = |world: &mut World| world.ask(ALICE, Command::NetWhy).unwrap().remove(0);
    let now = path(&mut world);
    assert_eq!((now.path, now.connection, now.waiting), (view::Path::Relay, view::Connection::None, 0));
    world.set_online(BOB, false);
    world.say(ALICE, room, "two");
    world.pass(10_000);
    let away = path(&mut world);
    assert_eq!((away.path, away.waiting, away.at_relay), (view::Path::Relay, 1, 1), "{away:?}");
    let heard = away.since.unwrap();
    assert!(heard <= world.now.wall, "{heard}");

    let since = world.relay_list(ALICE)[0].since.unwrap();
    world.set_relay(0, false);
    let failed = world.now.wall;
    world.say(ALICE, room, "three");
    world.pass(10 * MINUTE);
    let list = world.relay_list(ALICE);
    assert_eq!((list[0].state, list[0].since), (RelayState::Failed, Some(failed)), "not of the last try");
    assert!(since < failed);
    assert_eq!((path(&mut world).waiting, path(&mut world).at_relay), (2, 1));
}
