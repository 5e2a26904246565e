//! What waits for a relay and is given up.

use madang_model::ConvId;
use madang_store::relays::{self, BoxKind, NewPut, Put};

use super::{super::follow::relay_row, reach::friends, world::World};
use crate::command::Command;

const ALICE: usize = 0;
const BOB: usize = 1;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// What waits at somebody for a relay.
fn waiting(world: &World, who: usize, number: usize) -> Vec<Put> {
    let db = world.people[who].store().writer.conn();
    let peer = world.relays[number].peer.to_bytes();
    let row = relays::list(db).unwrap().into_iter().find(|relay| relay.peer == peer).unwrap().row;
    let kinds = [BoxKind::Inbox, BoxKind::Log];
    kinds.into_iter().flat_map(|kind| relays::waiting_at(db, row, kind).unwrap()).collect()
}

fn follows(world: &World, who: usize, number: usize) -> bool {
    world.people[who].core.relays.links.contains_key(&world.relays[number].peer)
}

/// Lets something of Alice's wait for a relay.
fn queue(world: &mut World, number: usize, kind: BoxKind, relay_box: [u8; 16]) {
    let (addr, peer) = (world.relays[number].addr.clone(), world.relays[number].peer);
    world.with(ALICE, |core, turn| {
        let put = NewPut {
            relay: relay_row(turn.db, &addr, peer, turn.now.wall).unwrap(),
            relay_box,
            kind,
            op: None,
            lane: None,
            token: None,
            slot: (kind == BoxKind::Log).then(|| vec![7; 16]),
            del_hash: None,
            ttl_h: 0,
            body: vec![7; 512],
            at: turn.now.wall,
            due_at: turn.now.wall,
        };
        core.queue_put(turn, &put).unwrap();
    });
}

fn log_of(world: &World, room: ConvId) -> [u8; 16] {
    let conversation = &world.people[ALICE].core.rooms[&world.row(ALICE, room)];
    conversation.keys.values().next().unwrap().seal.route().log_id()
}

#[test]
fn what_waits_for_a_relay_that_never_answers_is_given_up_and_so_is_the_relay() {
    let mut world = World::new(&["Alice"], 1);
    world.set_relay(0, false);
    queue(&mut world, 0, BoxKind::Inbox, [5; 16]);
    world.sleep(29 * DAY);
    world.pass(2 * HOUR);
    assert_eq!((waiting(&world, ALICE, 0).len(), follows(&world, ALICE, 0)), (1, true));
    world.sleep(2 * DAY);
    world.pass(2 * HOUR);
    assert_eq!((waiting(&world, ALICE, 0).len(), follows(&world, ALICE, 0)), (0, false));
}

#[test]
fn copies_of_a_request_that_is_over_do_not_wait() {
    let mut world = World::new(&["Alice", "Bob"], 1);
    world.add_relay(ALICE, 0);
    let (link, _) = world.ask(ALICE, |reply| Command::CreateInvite { once: true, hours: 24, reply }).unwrap();
    world.pass(100);
    world.set_online(ALICE, false);
    world.ask(BOB, |reply| Command::AddFriend { link, greeting: String::new(), reply }).unwrap();
    world.pass(MINUTE);
    world.set_relay(0, false);
    world.pass(2 * HOUR);
    assert_eq!((waiting(&world, BOB, 0).len(), follows(&world, BOB, 0)), (1, true));
    let account = world.account(ALICE);
    world.ask(BOB, |reply| Command::RemoveFriend { account, reply }).unwrap();
    assert_eq!((waiting(&world, BOB, 0).len(), follows(&world, BOB, 0)), (0, false));
}

#[test]
fn a_register_that_everybody_got_another_way_does_not_wait() {
    let (mut world, room) = friends();
    let row = world.row(ALICE, room);
    world.set_online(BOB, false);
    world.set_relay(0, false);
    let publish = |world: &mut World| {
        world.with(ALICE, |core, turn| core.register_later(turn, row, "prefs"));
        world.pass(10_000);
    };
    let slot = {
        let core = &world.people[ALICE].core;
        let route = core.rooms[&row].keys.values().next().unwrap().seal.route().clone();
        route.register_slot(core.me.device.as_bytes(), "prefs").to_vec()
    };
    let waits = |world: &World| {
        waiting(world, ALICE, 0).iter().filter(|put| put.put.slot.as_ref() == Some(&slot)).count()
    };
    publish(&mut world);
    assert_eq!(waits(&world), 1);
    world.set_online(BOB, true);
    world.set_direct(true);
    publish(&mut world);
    assert_eq!(waits(&world), 0, "the one before is older than what he has");
}

#[test]
fn registers_do_not_wait_for_a_log_that_nobody_follows() {
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    let log = log_of(&world, room);
    world.set_relay(0, false);
    queue(&mut world, 0, BoxKind::Log, log);
    let registers =
        |world: &World| waiting(world, ALICE, 0).iter().filter(|put| put.put.kind == BoxKind::Log).count();
    assert!(registers(&world) > 0);
    let account = world.account(BOB);
    world.ask(ALICE, |reply| Command::RemoveFriend { account, reply }).unwrap();
    world.pass(2 * HOUR);
    assert_eq!(registers(&world), 0);
}
