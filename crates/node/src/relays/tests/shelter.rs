//! Inboxes: tokens of friends and rooms, and what is put there because no log has room.

use std::collections::BTreeSet;

use madang_model::{ConvId, DeviceId};
use madang_store::{meta, tokens};
use madang_wire::{RelayBody, Token};

use super::{reach::friends, world::World};
use crate::{
    command::{Command, FriendChange},
    view::MessageState,
};

const ALICE: usize = 0;
const BOB: usize = 1;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Forgets what the friend gave, so that only tokens of rooms are left.
fn forget_friend_tokens(world: &mut World, who: usize) {
    world.with(who, |_, turn| turn.db.execute("DELETE FROM token WHERE room = 0", []).unwrap());
}

/// The tokens that Bob gives the members of a room.
fn given(world: &mut World, room: ConvId) -> Vec<Token> {
    let row = world.row(BOB, room);
    world.with(BOB, |core, turn| core.room_tokens(turn, row).unwrap())
}

/// Numbers of Bob's machine that a relay was told to shut out, and whether silently.
fn shut_out(world: &World) -> Vec<bool> {
    let told = world.relays[0].got.iter().filter(|(who, _)| *who == BOB);
    told.filter_map(|(_, body)| match body {
        RelayBody::Revoke(revoke) => Some(revoke.silent),
        _ => None,
    })
    .collect()
}

#[test]
fn what_no_log_has_room_for_goes_to_the_inboxes() {
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    world.with(ALICE, |_, turn| turn.db.execute("DELETE FROM token", []).unwrap());
    world.relays[0].refuse = Some("quota");
    let message = world.say(ALICE, room, "by the back door");
    world.pass(20 * MINUTE);
    assert_eq!(world.relays[0].inbox_items(), 0, "there is no token");
    assert_eq!(world.state(ALICE, message).0, MessageState::Sending);
}

#[test]
fn the_bundle_register_gives_the_tokens_for_the_inboxes_of_a_room() {
    let (mut world, room) = friends();
    forget_friend_tokens(&mut world, ALICE);
    world.set_online(BOB, false);
    world.relays[0].refuse = Some("quota");
    let message = world.say(ALICE, room, "by the back door");
    world.pass(20 * MINUTE);
    assert_eq!(world.relays[0].inbox_items(), 1, "once, however often the log is asked");
    assert_eq!(
        world.state(ALICE, message).0,
        MessageState::Relayed,
        "everybody who lacks it has it in an inbox"
    );
    world.set_online(BOB, true);
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room), ["by the back door"]);
    world.relays[0].refuse = None;
    world.pass(20 * MINUTE);
    assert_eq!(world.texts(BOB, room), ["by the back door"]);
    assert_eq!(world.state(ALICE, message).0, MessageState::Delivered);
}

#[test]
fn tokens_that_come_late_open_the_inboxes_for_what_waits() {
    let (mut world, room) = friends();
    world.with(ALICE, |_, turn| turn.db.execute("DELETE FROM token", []).unwrap());
    let (device, tokens, row) =
        (world.people[BOB].core.me.device, given(&mut world, room), world.row(ALICE, room));
    world.set_online(BOB, false);
    world.relays[0].refuse = Some("quota");
    world.say(ALICE, room, "by the back door");
    world.pass(20 * MINUTE);
    assert_eq!(world.relays[0].inbox_items(), 0);
    world.with(ALICE, |core, turn| core.take_room_tokens(turn, row, &device, &tokens).unwrap());
    world.pass(1);
    assert_eq!(world.relays[0].inbox_items(), 1, "without a further message");
}

#[test]
fn keys_find_the_inbox_of_a_member_who_is_no_friend() {
    let (mut world, room) = friends();
    forget_friend_tokens(&mut world, ALICE);
    world.set_online(BOB, false);
    world.sleep(25 * HOUR);
    world.say(ALICE, room, "under a new key");
    world.pass(MINUTE);
    assert_eq!(world.relays[0].inbox_items(), 1, "the new key");
    world.set_online(BOB, true);
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room), ["under a new key"]);
}

#[test]
fn who_is_blocked_keeps_no_way_into_the_inboxes() {
    let (mut world, room) = friends();
    let before = given(&mut world, room);
    assert_eq!(before.len(), 1);
    let block = |blocked| FriendChange { blocked: Some(blocked), ..FriendChange::default() };
    let account = world.account(ALICE);
    world.ask(BOB, |reply| Command::SetFriend { account, change: block(true), reply }).unwrap();
    assert_eq!(shut_out(&world), [true, true], "the number of the friend and that of the 1:1, silently");
    world.pass(2 * HOUR);
    assert_eq!(given(&mut world, room), [], "and no other comes in their place");
    world.ask(BOB, |reply| Command::SetFriend { account, change: block(false), reply }).unwrap();
    world.pass(MINUTE);
    let after = given(&mut world, room);
    assert_eq!(after.len(), 1);
    assert_ne!(after, before);
    assert_eq!(held(&world, room), after, "Alice has heard of it");
}

/// The tokens of a room that Alice holds for Bob's inboxes.
fn held(world: &World, room: ConvId) -> Vec<Token> {
    let (device, row) = (world.people[BOB].core.me.device, world.row(ALICE, room));
    let db = world.people[ALICE].store().writer.conn();
    let bob = madang_store::devices::by_id(db, &device).unwrap().unwrap().row;
    let of_room = tokens::of_device(db, bob).unwrap().into_iter().filter(|token| token.room == Some(row));
    of_room.map(|token| Token { inbox_id: token.inbox.to_vec(), token: token.token }).collect()
}

#[test]
fn a_log_with_room_is_used_however_many_tokens_there_are() {
    let (mut world, room) = friends();
    assert_eq!(held(&world, room).len(), 1);
    world.set_online(BOB, false);
    world.say(ALICE, room, "by the front door");
    world.relays[0].refuse = Some("busy");
    world.say(ALICE, room, "in a moment");
    world.pass(10 * MINUTE);
    assert_eq!(world.relays[0].inbox_items(), 0, "only for want of room");
}

#[test]
fn rooms_of_many_devices_wait_for_their_logs() {
    let (mut world, room) = friends();
    assert_eq!(held(&world, room).len(), 1);
    world.set_online(BOB, false);
    world.relays[0].refuse = Some("quota");
    let (row, account) = (world.row(ALICE, room), world.account(BOB));
    let devices = &mut world.people[ALICE].core.rooms.get_mut(&row).unwrap().devices;
    devices.extend((1..=49).map(|n| (DeviceId::from_bytes([n; 32]), account)));
    assert_eq!(devices.len(), 51);
    world.say(ALICE, room, "too many");
    world.pass(10 * MINUTE);
    assert_eq!(world.relays[0].inbox_items(), 0);
}

#[test]
fn tokens_of_a_room_live_and_are_replaced_as_the_protocol_says() {
    let (mut world, room) = friends();
    let row = world.row(BOB, room);
    let given = |world: &mut World| given(world, room);
    let first = given(&mut world);
    assert_eq!(first.len(), 1, "one for each inbox");
    assert_eq!(held(&world, room), first);
    let days = |world: &mut World, count: u64| {
        for _ in 0..count {
            world.sleep(DAY);
            world.pass(MINUTE);
        }
    };
    days(&mut world, 199);
    assert_eq!(given(&mut world), first);
    days(&mut world, 2);
    let second = given(&mut world);
    assert_eq!(held(&world, room), second, "nobody was asked for it");
    assert_ne!(second, first, "renewed after 200 days");
    let revoked = |body: &RelayBody| matches!(body, RelayBody::Revoke(_));
    assert_eq!(world.relays[0].count(BOB, revoked), 0, "the old one still opens");
    // Somebody was removed since the tokens were given out.
    world.with(BOB, |_, turn| meta::set(turn.db, &format!("room.{}.tokens", row.0), &[1; 32]).unwrap());
    let third = given(&mut world);
    assert_ne!(third, second);
    assert_eq!(world.relays[0].count(BOB, revoked), 2, "both of before open nothing");
    assert_eq!(given(&mut world), third);
}

#[test]
fn tokens_of_a_room_are_for_that_room() {
    let (mut world, room) = friends();
    forget_friend_tokens(&mut world, ALICE);
    let given = held(&world, room);
    let (device, row) = (world.people[BOB].core.me.device, world.row(ALICE, room));
    let db = world.people[ALICE].store().writer.conn();
    let bob = madang_store::devices::by_id(db, &device).unwrap().unwrap().row;
    let inbox = given[0].inbox_id.as_slice().try_into().unwrap();
    let found = |room| tokens::find(db, bob, &inbox, room, world.now.wall).unwrap().map(|token| token.token);
    assert_eq!(found(Some(row)), Some(given[0].token.clone()));
    assert_eq!(found(None), None);
}

#[test]
fn each_relay_knows_another_key_of_tokens() {
    let mut world = World::new(&["Alice", "Bob"], 2);
    world.add_relay(ALICE, 0);
    world.add_relay(ALICE, 1);
    world.pass(MINUTE);
    let inboxes = world.relays.iter().flat_map(|relay| relay.boxes.values()).filter(|kept| kept.inbox);
    let keys: BTreeSet<Vec<u8>> = inboxes.map(|kept| kept.k_token.clone()).collect();
    assert_eq!(keys.len(), 2, "one key would show that both inboxes are of one machine");
    world.add_relay(BOB, 0);
    world.befriend(ALICE, BOB);
    world.pass(MINUTE);
    let db = world.people[BOB].store().writer.conn();
    let device = world.people[ALICE].core.me.device;
    let alice = madang_store::devices::by_id(db, &device).unwrap().unwrap().row;
    let given: BTreeSet<Vec<u8>> =
        tokens::of_device(db, alice).unwrap().into_iter().map(|token| token.token).collect();
    assert_eq!(given.len(), 4, "of each as a friend and in the room");
}

#[test]
fn a_full_memory_of_packets_makes_no_storm() {
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    world.sleep(25 * HOUR);
    let now = world.now.mono;
    let packets = &mut world.people[ALICE].core.relays.packets;
    for n in 0..super::super::deposit::PACKETS_MAX as u64 {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&n.to_be_bytes());
        packets.insert((madang_store::RelayRow(-1), name), now);
    }
    let puts = |world: &World| {
        let puts = world.relays[0].got.iter().filter_map(|(from, body)| match body {
            RelayBody::PutMany(many) if *from == ALICE => Some(&many.puts),
            _ => None,
        });
        puts.flatten().filter(|put| put.auth.is_some()).count()
    };
    let before = puts(&world);
    // A new key is made, and waits for Bob.
    world.say(ALICE, room, "hi");
    world.pass(10 * MINUTE);
    assert_eq!(puts(&world), before, "nothing that would be forgotten is put");
    world.pass(HOUR);
    let after = puts(&world) - before;
    assert!((1..=3).contains(&after), "{after} puts when there is room");
    world.set_online(BOB, true);
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room), ["hi"]);
}
