//! Where own ops and registers are put: every op for itself, where the others read, and again when it is lost there.

use madang_crypto::{NewKey, new_key, os_rng};
use madang_model::{ConvId, DeviceId, KeyId};
use madang_p2p::PeerId;
use madang_store::{frames, keys, relays};
use madang_wire::RelayBody;

use super::{reach::friends, relay::Id, world::World};
use crate::{
    command::Command,
    conversation::{HeldKey, hold},
    sync::PeerLink,
    view::MessageState,
};

const ALICE: usize = 0;
const BOB: usize = 1;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Alice and Bob, each with a relay of their own: Alice's is the first one.
fn apart() -> (World, ConvId) {
    let mut world = World::new(&["Alice", "Bob"], 2);
    world.add_relay(ALICE, 0);
    world.add_relay(BOB, 1);
    let room = world.befriend(ALICE, BOB);
    world.pass(MINUTE);
    (world, room)
}

fn log_items(world: &World) -> [usize; 2] {
    [world.relays[0].log_items(), world.relays[1].log_items()]
}

/// A key with a route of its own, as after a removal, that both have.
fn new_route(world: &mut World, room: ConvId) -> HeldKey {
    let row = world.row(ALICE, room);
    let conversation = &world.people[ALICE].core.rooms[&row];
    let heads: Vec<[u8; 32]> = conversation.control.heads().iter().map(|id| id.to_bytes()).collect();
    let devices: Vec<[u8; 32]> = conversation.devices.keys().map(|device| device.to_bytes()).collect();
    let highest = conversation.keys.values().map(|key| key.facts.epoch).max().unwrap();
    let encoded = new_key(
        &NewKey {
            conv: room.to_bytes(),
            epoch: highest + 1,
            basis: &heads,
            creator: world.people[ALICE].core.me.device.to_bytes(),
            created_hlc: madang_model::Hlc::from_millis(world.now.wall).as_u64(),
            recipients: &devices,
            route: None,
        },
        &mut os_rng(),
    );
    let held = hold(&encoded).unwrap();
    for who in [ALICE, BOB] {
        let (row, held) = (world.row(who, room), held.clone());
        assert!(world.with(who, |core, turn| core.keep_key(turn, row, held).unwrap()));
    }
    held
}

fn keys_of(world: &World, who: usize, room: ConvId) -> Vec<KeyId> {
    world.people[who].core.rooms[&world.row(who, room)].keys.keys().copied().collect()
}

/// A message under one key and one under the next, for somebody who is away.
fn two_keys() -> (World, ConvId) {
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    world.say(ALICE, room, "under the old key");
    world.pass(10_000);
    world.sleep(25 * HOUR);
    world.say(ALICE, room, "under the new key");
    world.pass(10_000);
    assert_eq!(keys_of(&world, ALICE, room).len(), 2);
    (world, room)
}

#[test]
fn a_key_stays_while_an_own_op_sealed_under_it_is_on_its_way() {
    let (mut world, room) = two_keys();
    let row = world.row(ALICE, room);
    let old = keys::list(world.people[ALICE].store().writer.conn(), row).unwrap();
    let old = old.iter().min_by_key(|key| key.epoch).unwrap().id;
    world.sleep(2 * HOUR);
    // Beyond the time for which a superseded key is kept.
    world.sleep(8 * DAY);
    world.sleep(2 * HOUR);
    world.set_relay(0, false);
    world.relays[0].wipe();
    world.set_relay(0, true);
    world.pass(MINUTE);
    world.set_online(BOB, true);
    // The envelope with the new key was refused as long as his inbox was gone; it is tried again within ten minutes.
    world.pass(15 * MINUTE);
    assert_eq!(world.texts(BOB, room), ["under the old key", "under the new key"]);
    world.pass(2 * HOUR);
    assert!(!keys_of(&world, ALICE, room).contains(&old), "then it goes");
}

#[test]
fn an_op_without_a_log_keeps_nothing_back() {
    let (mut world, room) = two_keys();
    let row = world.row(ALICE, room);
    let old = keys::list(world.people[ALICE].store().writer.conn(), row).unwrap();
    let old = old.iter().min_by_key(|key| key.epoch).unwrap().id;
    world.with(ALICE, |core, turn| {
        keys::remove(turn.db, row, &old).unwrap();
        core.rooms.get_mut(&row).unwrap().keys.remove(&old).unwrap();
    });
    world.set_relay(0, false);
    world.relays[0].wipe();
    world.set_relay(0, true);
    world.pass(MINUTE);
    world.set_online(BOB, true);
    // Within ten minutes the envelope with the new key is tried again, see above.
    world.pass(15 * MINUTE);
    assert_eq!(world.texts(BOB, room), ["under the new key"]);
}

#[test]
fn each_op_finds_a_relay_that_takes_its_log() {
    let (mut world, room) = apart();
    let old = world.people[ALICE].core.rooms[&world.row(ALICE, room)].keys.values().next().unwrap().clone();
    world.set_online(BOB, false);
    // The relay where he reads takes nothing into the log of the old route.
    world.relays[1].refuse = Some("quota");
    world.relays[1].refused_log = Some(old.seal.route().log_id());
    let before = log_items(&world);
    world.say(ALICE, room, "old route");
    new_route(&mut world, room);
    world.say(ALICE, room, "new route");
    world.pass(MINUTE);
    assert_eq!(log_items(&world), [before[0] + 1, before[1] + 1], "each where it is taken");
    world.set_online(BOB, true);
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room), ["old route", "new route"]);
}

#[test]
fn an_address_that_the_person_gives_wins() {
    let mut world = World::new(&["Alice", "Bob"], 1);
    world.add_relay(ALICE, 0);
    let (link, _) = world.ask(ALICE, |reply| Command::CreateInvite { once: true, hours: 24, reply }).unwrap();
    world.pass(100);
    world.ask(BOB, |reply| Command::AddFriend { link, greeting: String::new(), reply }).unwrap();
    world.pass(MINUTE);
    let given = format!("/dns4/relay.example/tcp/4510/p2p/{}", world.relays[0].peer);
    assert_ne!(given, world.relays[0].addr, "the one that Alice's record names");
    let add = |addr: &str| {
        let addr = addr.to_owned();
        move |reply| Command::AddRelay { addr, code: None, reply }
    };
    let list = world.ask(BOB, add(&given)).unwrap();
    assert_eq!(list.iter().map(|relay| relay.addr.as_str()).collect::<Vec<_>>(), [given.as_str()]);
    world.pass(MINUTE);
    let bundle =
        world.people[BOB].core.directory.get(&world.people[BOB].core.me.device).unwrap().bundle.clone();
    assert_eq!(bundle.unwrap().inboxes[0].relay, given, "and it is what friends are told");
    let other = format!("/ip4/10.9.9.9/tcp/4510/p2p/{}", world.relays[0].peer);
    let list = world.ask(BOB, add(&other)).unwrap();
    assert_eq!(list[0].addr, other);
}

#[test]
fn copies_at_a_relay_that_the_room_uses_no_more_do_not_count() {
    let mut world = World::new(&["Alice", "Bob"], 2);
    world.add_relay(ALICE, 0);
    let room = world.befriend(ALICE, BOB);
    world.pass(MINUTE);
    world.set_online(BOB, false);
    world.say(ALICE, room, "where do I lie?");
    world.pass(10_000);
    let before = log_items(&world);
    world.add_relay(ALICE, 1);
    let addr = world.relays[0].addr.clone();
    world.ask(ALICE, |reply| Command::RemoveRelay { addr, reply }).unwrap();
    world.pass(MINUTE);
    assert_eq!(log_items(&world), [before[0], before[1] + before[0]], "everything that he lacks");
}

#[test]
fn copies_at_a_relay_that_was_given_up_expire() {
    let mut world = World::new(&["Alice", "Bob"], 2);
    world.add_relay(ALICE, 0);
    let room = world.befriend(ALICE, BOB);
    world.pass(MINUTE);
    world.set_online(BOB, false);
    let message = world.say(ALICE, room, "for a while");
    world.pass(10_000);
    let addr = world.relays[0].addr.clone();
    world.ask(ALICE, |reply| Command::RemoveRelay { addr, reply }).unwrap();
    world.pass(MINUTE);
    let logs = |world: &World| {
        let link = world.people[ALICE].core.relays.links.get(&world.relays[0].peer);
        link.map_or(0, |link| link.boxes.values().filter(|b| b.kind == relays::BoxKind::Log).count())
    };
    assert_eq!(logs(&world), 0, "followed no more");
    let copies = |world: &World| {
        let db = world.people[ALICE].store().writer.conn();
        let op = madang_store::ops::by_id(db, &message).unwrap().unwrap();
        frames::copies(db, op.row).unwrap().len()
    };
    assert_eq!(copies(&world), 1);
    world.sleep(15 * DAY);
    world.sleep(2 * HOUR);
    assert_eq!(copies(&world), 0);
}

/// Puts so many connected devices of Bob into the 1:1 that Alice sees `count` in it.
fn with_devices(world: &mut World, room: ConvId, count: u8) {
    let (row, account) = (world.row(ALICE, room), world.account(BOB));
    let core = &mut world.people[ALICE].core;
    let devices = &mut core.rooms.get_mut(&row).unwrap().devices;
    let more: Vec<DeviceId> = (1..=count - 2).map(|n| DeviceId::from_bytes([n; 32])).collect();
    devices.extend(more.iter().map(|device| (*device, account)));
    assert_eq!(devices.len(), usize::from(count));
    for device in more {
        core.peers.insert(PeerId::random(), PeerLink::open(account, device, row));
    }
}

/// The slot of a register of Alice's.
const SLOT: [u8; 16] = [7; 16];

/// Puts of that register at a relay.
fn slot_puts(world: &World, number: usize) -> usize {
    let puts = world.relays[number].got.iter().filter_map(|(who, body)| match body {
        RelayBody::PutMany(many) if *who == ALICE => Some(&many.puts),
        _ => None,
    });
    puts.flatten().filter(|put| put.slot == SLOT).count()
}

/// A register of Alice's that waits for Bob's relay, which has asked for a long pause.
fn waiting_register(world: &mut World, room: ConvId) {
    let row = world.row(ALICE, room);
    let bobs = world.relays[1].peer;
    world.with(ALICE, |core, turn| {
        let log = core.rooms[&row].keys.values().next().unwrap().seal.route().log_id();
        let put = relays::NewPut {
            relay: core.relays.links[&bobs].row,
            relay_box: log,
            kind: relays::BoxKind::Log,
            op: None,
            lane: None,
            token: None,
            slot: Some(SLOT.to_vec()),
            del_hash: None,
            ttl_h: 24,
            body: vec![7; 512],
            at: turn.now.wall,
            due_at: turn.now.wall + HOUR,
        };
        core.queue_put(turn, &put).unwrap();
    });
}

#[test]
fn inboxes_take_what_a_full_log_does_not_while_the_other_relay_is_away() {
    let (mut world, room) = apart();
    world.set_online(BOB, false);
    world.relays[1].refuse = Some("quota");
    world.set_relay(0, false);
    let inboxes = world.relays[1].inbox_items();
    let message = world.say(ALICE, room, "by the back door");
    world.pass(9_000);
    assert_eq!(world.relays[1].inbox_items(), inboxes, "it may be back in a moment");
    world.pass(MINUTE);
    assert_eq!(world.relays[1].inbox_items(), inboxes + 1);
    assert_eq!(world.state(ALICE, message).0, MessageState::Relayed);
    world.set_online(BOB, true);
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room), ["by the back door"]);
}

#[test]
fn inboxes_wait_while_a_relay_of_the_room_is_only_busy() {
    let (mut world, room) = apart();
    world.set_online(BOB, false);
    world.relays[1].refuse = Some("quota");
    world.relays[0].refuse = Some("busy");
    let inboxes = world.relays[1].inbox_items();
    world.say(ALICE, room, "in a moment");
    world.pass(30_000);
    assert_eq!(world.relays[1].inbox_items(), inboxes);
}

#[test]
fn a_register_that_waits_for_a_relay_goes_to_another_one_when_that_is_down() {
    let (mut world, room) = apart();
    world.set_online(BOB, false);
    waiting_register(&mut world, room);
    world.set_relay(1, false);
    world.pass(10_000);
    assert_eq!(slot_puts(&world, 0), 1);
}

#[test]
fn a_register_that_waits_for_a_relay_goes_to_another_one_that_becomes_ready() {
    let (mut world, room) = apart();
    world.set_online(BOB, false);
    world.set_relay(0, false);
    waiting_register(&mut world, room);
    world.set_relay(1, false);
    world.pass(10_000);
    world.set_relay(0, true);
    world.pass(10_000);
    assert_eq!(slot_puts(&world, 0), 1);
}

#[test]
fn rooms_of_more_than_eight_devices_write_the_log_at_once() {
    for (count, at_once) in [(8, 0), (9, 1)] {
        let (mut world, room) = friends();
        world.set_direct(true);
        world.pass(MINUTE);
        with_devices(&mut world, room, count);
        let before = world.relays[0].op_puts(ALICE);
        world.say(ALICE, room, "to everybody");
        assert_eq!(world.relays[0].op_puts(ALICE) - before, at_once, "{count} devices");
        world.pass(1_400);
        assert_eq!(world.relays[0].op_puts(ALICE) - before, at_once, "{count} devices");
        world.pass(200);
        assert_eq!(world.relays[0].op_puts(ALICE) - before, 1, "not everybody has it");
    }
}

#[test]
fn what_lies_elsewhere_is_put_where_he_reads_when_there_is_room_again() {
    let (mut world, room) = apart();
    world.set_online(BOB, false);
    let before = log_items(&world);
    world.relays[1].refuse = Some("quota");
    let message = world.say(ALICE, room, "somewhere");
    world.pass(10_000);
    assert_eq!(log_items(&world), [before[0] + 1, before[1]]);
    assert_ne!(world.state(ALICE, message).0, MessageState::Relayed, "he lists the other one");
    world.relays[1].refuse = None;
    world.pass(20 * MINUTE);
    assert_eq!(log_items(&world), [before[0] + 1, before[1] + 1]);
    assert_eq!(world.state(ALICE, message).0, MessageState::Relayed);
    let puts = world.relays[1].op_puts(ALICE) + world.relays[0].op_puts(ALICE);
    world.pass(3 * HOUR);
    assert_eq!(world.relays[1].op_puts(ALICE) + world.relays[0].op_puts(ALICE), puts, "and that is it");
}

#[test]
fn what_lies_elsewhere_is_put_where_he_reads_when_that_relay_is_back() {
    let (mut world, room) = apart();
    world.set_online(BOB, false);
    world.set_relay(1, false);
    let message = world.say(ALICE, room, "somewhere");
    world.pass(10_000);
    assert_ne!(world.state(ALICE, message).0, MessageState::Relayed);
    world.set_relay(1, true);
    world.pass(MINUTE);
    assert_eq!(world.state(ALICE, message).0, MessageState::Relayed);
}

#[test]
fn what_a_relay_has_dropped_is_put_again() {
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    world.say(ALICE, room, "dropped");
    world.pass(10_000);
    world.relays[0].truncate_logs();
    world.say(ALICE, room, "kept");
    world.pass(MINUTE);
    world.set_online(BOB, true);
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room), ["dropped", "kept"]);
}

#[test]
fn a_log_that_takes_puts_again_is_soon_asked_after_the_next_refusal() {
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    world.relays[0].refuse = Some("quota");
    world.say(ALICE, room, "one");
    world.pass(10 * MINUTE);
    world.relays[0].refuse = None;
    world.pass(11 * MINUTE);
    assert!(world.relays[0].log_items() > 0);
    world.relays[0].refuse = Some("quota");
    let message = world.say(ALICE, room, "two");
    world.pass(2_000);
    world.relays[0].refuse = None;
    world.pass(10_000);
    assert_eq!(world.state(ALICE, message).0, MessageState::Relayed);
}

#[test]
fn putting_a_copy_twice_does_not_make_it_younger() {
    let (mut world, room) = friends();
    world.set_online(BOB, false);
    world.say(ALICE, room, "as old as it is");
    world.pass(10_000);
    world.sleep(13 * DAY);
    world.pass(MINUTE);
    let row = world.row(ALICE, room);
    let before = world.relays[0].op_puts(ALICE);
    world.with(ALICE, |core, turn| {
        for (relay, id, room) in frames::boxes_with_copies(turn.db).unwrap() {
            assert_eq!(room, row);
            core.copies_lost(turn, relay, id, room, u64::MAX >> 1).unwrap();
        }
    });
    world.pass(MINUTE);
    let again = world.relays[0].op_puts(ALICE);
    assert!(again > before, "put twice");
    world.sleep(2 * DAY);
    world.pass(MINUTE);
    assert!(world.relays[0].op_puts(ALICE) > again, "15 days after it was stored");
}

/// Puts of registers by Alice.
fn register_puts(world: &World) -> usize {
    let puts = world.relays[0].got.iter().filter_map(|(from, body)| match body {
        RelayBody::PutMany(many) if *from == ALICE => Some(&many.puts),
        _ => None,
    });
    puts.flatten().filter(|put| !put.slot.is_empty()).count()
}

#[test]
fn own_registers_are_put_again_every_week_while_somebody_is_away() {
    let (mut world, room) = friends();
    let message = world.say(BOB, room, "hi");
    world.pass(MINUTE);
    world.ask(ALICE, |reply| Command::MarkRead { room, message: Some(message), reply }).unwrap();
    world.pass(MINUTE);
    world.set_online(BOB, false);
    world.pass(2 * HOUR);
    let before = register_puts(&world);
    world.sleep(6 * DAY);
    world.pass(2 * HOUR);
    assert_eq!(register_puts(&world), before, "not before");
    world.sleep(DAY);
    world.pass(2 * HOUR);
    let week = register_puts(&world) - before;
    assert!((2..=8).contains(&week), "{week} registers after a week");
    world.pass(5 * HOUR);
    assert_eq!(register_puts(&world), before + week, "once");
}

#[test]
fn own_registers_are_put_again_into_a_log_that_was_gone() {
    let (mut world, _room) = friends();
    world.pass(MINUTE);
    world.set_online(BOB, false);
    world.set_relay(0, false);
    world.relays[0].wipe();
    world.relays[0].code = "acorn";
    world.set_relay(0, true);
    world.pass(MINUTE);
    let registers = |world: &World| {
        world.relays[0]
            .boxes
            .values()
            .flat_map(|kept| &kept.items)
            .filter(|item| !item.slot.is_empty())
            .count()
    };
    assert_eq!(registers(&world), 0);
    let addr = world.relays[0].addr.clone();
    let code = Some("acorn".to_owned());
    world.ask(ALICE, |reply| Command::AddRelay { addr, code, reply }).unwrap();
    world.pass(5 * MINUTE);
    assert!(registers(&world) >= 2, "{}", registers(&world));
}

#[test]
fn the_hash_of_an_envelope_outlives_every_copy_of_it() {
    let (world, _room) = friends();
    let db = world.people[BOB].store().writer.conn();
    let until: i64 = db.query_row("SELECT MIN(until) FROM envelope_seen", [], |row| row.get(0)).unwrap();
    // The longest life of an inbox item, and a week.
    let days = (until as u64 - world.now.wall).div_ceil(DAY);
    assert_eq!(days, 52);
}

#[test]
fn a_member_without_a_code_goes_on_after_a_removal() {
    let mut world = World::new(&["Alice", "Bob"], 2);
    world.relays[0].code = "acorn";
    world.add_relay(BOB, 0);
    world.add_relay(ALICE, 1);
    let room = world.befriend(BOB, ALICE);
    world.say(ALICE, room, "by your log");
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room), ["by your log"]);
    world.set_online(BOB, false);
    let before = world.relays[0].log_items();
    let route = new_route(&mut world, room).seal.route().log_id();
    world.say(ALICE, room, "by a new log");
    world.pass(MINUTE);
    assert_eq!(world.relays[0].log_items(), before + 1);
    let made: Option<&super::relay::FakeBox> = world.relays[0].boxes.get::<Id>(&route);
    assert!(made.is_some_and(|log| log.items.iter().any(|item| item.slot.is_empty())));
    world.set_online(BOB, true);
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room), ["by your log", "by a new log"]);
    // Also when this machine has never seen the log before, on a new stream.
    world.set_online(BOB, false);
    world.set_relay(0, false);
    world.set_relay(0, true);
    world.with(ALICE, |_, turn| {
        for relay in relays::list(turn.db).unwrap() {
            for kept in relays::boxes(turn.db, relay.row).unwrap() {
                relays::remove_box(turn.db, relay.row, &kept.id).unwrap();
            }
        }
    });
    world.restart(ALICE);
    new_route(&mut world, room);
    world.say(ALICE, room, "and another");
    world.pass(MINUTE);
    world.set_online(BOB, true);
    world.pass(MINUTE);
    assert_eq!(world.texts(BOB, room).last().unwrap(), "and another");
}
