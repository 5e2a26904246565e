//! Whose a peer is, and which machines still speak for a person.

use madang_crypto::{SignKey, payload, sign_body, sign_op};
use madang_model::{AccountId, DeviceId, Hlc, Kind, OpId};
use madang_p2p::PeerId;
use madang_store::{devices, ops};
use madang_wire::{AddressRecord, Message as _, OpHeader, Signed, SignedOp};

use super::{
    accounts::{Line, genesis, keep},
    pair::Pair,
};
use crate::event::Event;

const ALICE: usize = 0;
const BOB: usize = 1;

/// Somebody whose machines exist on paper only.
struct Stranger {
    account: AccountId,
    key: SignKey,
    log: SignedOp,
}

fn stranger(n: u8) -> Stranger {
    let (root, key) = (SignKey::from_seed(&[n; 32]), SignKey::from_seed(&[n + 1; 32]));
    let hlc = Hlc::from_millis(super::pair::NOON).as_u64();
    let new =
        madang_crypto::genesis(&root, &key.public(), "laptop", hlc, &mut madang_crypto::os_rng()).unwrap();
    Stranger { account: AccountId::from_bytes(new.id), key, log: new.op }
}

fn record(key: &SignKey, peer: PeerId, version: u64, relays: &[&str]) -> Signed {
    let record = AddressRecord {
        device: key.public().to_vec(),
        peer_id: peer.to_bytes(),
        addrs: Vec::new(),
        relays: relays.iter().map(|relay| (*relay).to_owned()).collect(),
        version,
    };
    sign_body(&record, key)
}

fn take(pair: &mut Pair, who: usize, record: &Signed) -> bool {
    let mut newer = false;
    pair.in_turn(who, |core, turn| newer = core.take_address(turn, record).unwrap());
    newer
}

fn whose(pair: &Pair, peer: &PeerId) -> Option<DeviceId> {
    pair.people[BOB].core.directory.of_peer(peer).map(|(device, _)| device)
}

fn id(key: &SignKey) -> DeviceId {
    DeviceId::from_bytes(key.public())
}

#[test]
fn nobody_takes_over_a_peer_by_naming_it() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let (alice, peer) = (pair.people[ALICE].core.me.device, pair.people[ALICE].peer);
    let mallory = stranger(40);
    keep(&mut pair, BOB, mallory.account, std::slice::from_ref(&mallory.log));
    let mine = pair.people[BOB].peer;
    assert!(!take(&mut pair, BOB, &record(&mallory.key, mine, 1, &[])), "my own");
    assert!(take(&mut pair, BOB, &record(&mallory.key, peer, u64::MAX >> 2, &[])));
    assert_eq!(whose(&pair, &peer), Some(alice));
    pair.say(ALICE, "still me");
    assert_eq!(pair.texts(BOB), ["still me"]);
    pair.cut();
    pair.restart(BOB);
    assert_eq!(whose(&pair, &peer), Some(alice), "after a start as well");
    pair.connect();
    // He goes elsewhere: Alice stays known and connected.
    assert!(take(&mut pair, BOB, &record(&mallory.key, PeerId::random(), (u64::MAX >> 2) + 1, &[])));
    pair.run_for(2_000);
    pair.cut();
    pair.connect();
    pair.say(ALICE, "and still");
    assert_eq!(pair.texts(BOB), ["still me", "and still"]);
}

#[test]
fn a_peer_shows_whose_it_is_by_what_it_says() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let mallory = stranger(40);
    let alice = SignKey::from_seed(&[9; 32]);
    let account = pair.account(ALICE);
    let mut line = Line::of(&pair, ALICE);
    keep(&mut pair, BOB, mallory.account, std::slice::from_ref(&mallory.log));
    keep(&mut pair, BOB, account, &[line.add(&[genesis(&account)], &id(&alice))]);
    let peer = PeerId::random();
    assert!(take(&mut pair, BOB, &record(&mallory.key, peer, 1, &[])));
    assert!(take(&mut pair, BOB, &record(&alice, peer, 2, &[])));
    assert_eq!(whose(&pair, &peer), Some(id(&mallory.key)), "the older claim");
    let unnamed = PeerId::random();
    pair.in_turn(BOB, |core, turn| {
        core.peer_speaks_for(turn, unnamed, &id(&alice)).unwrap();
        core.peer_speaks_for(turn, peer, &id(&alice)).unwrap();
    });
    assert_eq!((whose(&pair, &peer), whose(&pair, &unnamed)), (Some(id(&alice)), None));
    pair.cut();
    pair.restart(BOB);
    assert_eq!(whose(&pair, &peer), Some(id(&alice)));
}

#[test]
fn a_removed_machine_holds_no_peer_and_names_none() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let account = pair.account(ALICE);
    let (old, new) = (SignKey::from_seed(&[9; 32]), SignKey::from_seed(&[10; 32]));
    let mut line = Line::of(&pair, ALICE);
    let admitted = [line.add(&[genesis(&account)], &id(&old)), line.add(&[], &id(&new))];
    keep(&mut pair, BOB, account, &admitted);
    let peer = PeerId::random();
    assert!(take(&mut pair, BOB, &record(&old, peer, 1, &[])));
    pair.people[BOB].events.clear();
    keep(&mut pair, BOB, account, &[line.remove(&[], &id(&old), 0)]);
    let told = pair.people[BOB].events.iter().any(|event| {
        matches!(event, Event::Machines { account: of, added, removed }
            if *of == account && added.is_empty() && removed == &["tablet"])
    });
    assert!(told, "{:?}", pair.people[BOB].events);
    assert!(!take(&mut pair, BOB, &record(&old, peer, 2, &[])), "a removed machine");
    assert!(take(&mut pair, BOB, &record(&new, peer, 3, &[])));
    assert_eq!(whose(&pair, &peer), Some(id(&new)));
}

#[test]
fn a_removed_machine_is_neither_written_to_nor_shown() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let account = pair.account(ALICE);
    let tablet = SignKey::from_seed(&[9; 32]);
    let mut line = Line::of(&pair, ALICE);
    let add = line.add(&[genesis(&account)], &id(&tablet));
    keep(&mut pair, BOB, account, &[add]);
    assert!(take(&mut pair, BOB, &record(&tablet, PeerId::random(), 1, &["/old"])));
    let message = pair.say(BOB, "hello").message;
    pair.run_for(1_000);
    let waiting = |pair: &Pair| {
        let row = devices::by_id(pair.db(BOB), &id(&tablet)).unwrap().unwrap().row;
        madang_store::lanes::unsealed(pair.db(BOB), row, 9).unwrap().len()
    };
    let shown = |pair: &Pair| {
        let why = crate::query::messages::why(pair.db(BOB), &pair.account(BOB), &message).unwrap();
        why.into_iter().map(|delivery| delivery.device).collect::<Vec<_>>()
    };
    let listed = |pair: &Pair| pair.people[BOB].core.directory.of_account(&account);
    pair.in_turn(BOB, |core, turn| core.update_contacts(turn).unwrap());
    assert!(waiting(&pair) > 0, "it waits for a bundle");
    assert!(shown(&pair).contains(&id(&tablet)) && listed(&pair).contains(&id(&tablet)));
    keep(&mut pair, BOB, account, &[line.remove(&[], &id(&tablet), 0)]);
    for restarted in [false, true] {
        assert_eq!(waiting(&pair), 0);
        assert_eq!(shown(&pair), [pair.people[ALICE].core.me.device]);
        assert_eq!(listed(&pair), [pair.people[ALICE].core.me.device]);
        assert!(!pair.people[BOB].core.directory.relays_of(&account).contains(&"/old".to_owned()));
        pair.in_turn(BOB, |core, turn| core.update_contacts(turn).unwrap());
        assert_eq!(waiting(&pair), 0);
        if !restarted {
            pair.cut();
            pair.restart(BOB);
        }
    }
}

#[test]
fn relays_come_from_the_newest_record_first() {
    let mut pair = Pair::strangers(true);
    let carol = stranger(40);
    let mut line = Line::new(carol.key.clone(), carol.account);
    let others: Vec<SignKey> = (60..64).map(|n| SignKey::from_seed(&[n; 32])).collect();
    let mut log = vec![carol.log.clone()];
    for (n, other) in others.iter().enumerate() {
        let deps = if n == 0 { vec![genesis(&carol.account)] } else { Vec::new() };
        log.push(line.add(&deps, &id(other)));
    }
    keep(&mut pair, BOB, carol.account, &log);
    // By the ids of the machines every order occurs; the versions alone decide.
    for (version, n) in [(4, 0), (7, 1), (2, 2), (9, 3)] {
        let relay = format!("relay-{version}");
        assert!(take(&mut pair, BOB, &record(&others[n], PeerId::random(), version, &[&relay, "common"])));
    }
    let relays = pair.people[BOB].core.directory.relays_of(&carol.account);
    assert_eq!(relays, ["relay-9", "common", "relay-7", "relay-4", "relay-2"]);
}

/// A text in the 1:1 by a key.
fn text(pair: &Pair, key: &SignKey, said: &str, seq: u64, prev: Option<OpId>) -> madang_crypto::NewOp {
    let text = madang_wire::Text { text: said.to_owned(), ..Default::default() };
    let header = OpHeader {
        v: 1,
        conv: pair.conv().as_bytes().to_vec(),
        seq,
        prev: prev.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
        hlc: Hlc::from_millis(pair.now().wall + seq).as_u64(),
        ctl: vec![1; 32],
        kind: Kind::Text.number(),
        ..OpHeader::default()
    };
    sign_op(header, payload(&text.encode_to_vec(), &mut madang_crypto::os_rng()).unwrap(), key).unwrap()
}

#[test]
fn a_removed_machine_is_heard_only_where_others_follow_it() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let (account, room) = (pair.account(ALICE), pair.room(BOB));
    let tablet = SignKey::from_seed(&[70; 32]);
    let mut line = Line::of(&pair, ALICE);
    let add = line.add(&[genesis(&account)], &id(&tablet));
    let remove = line.remove(&[], &id(&tablet), 0);
    keep(&mut pair, BOB, account, &[add, remove]);
    assert!(devices::by_id(pair.db(BOB), &id(&tablet)).unwrap().is_none_or(|d| d.account.is_none()));
    pair.in_turn(BOB, |core, turn| {
        core.directory.row(turn.db, &id(&tablet), Some(&account)).unwrap();
    });
    let before = text(&pair, &tablet, "before it was lost", 1, None);
    let after = text(&pair, &tablet, "from the thief", 2, Some(OpId::from_bytes(before.id)));
    let take = |pair: &mut Pair, op: &madang_crypto::NewOp| {
        let verified = madang_crypto::verify_op(&op.op).unwrap();
        pair.in_turn(BOB, |core, turn| {
            core.take_op(turn, room, &verified, ops::Origin::Stream).unwrap();
        });
    };
    take(&mut pair, &before);
    take(&mut pair, &after);
    assert_eq!(pair.texts(BOB), Vec::<String>::new());
    // Something that counts names the first one as its past.
    let before_id = OpId::from_bytes(before.id);
    pair.in_turn(BOB, |core, turn| {
        let newest = madang_model::Hlc::from_millis(turn.now.wall);
        core.rooms.get_mut(&room).unwrap().covered.miss(before_id, newest, turn.now.wall);
    });
    take(&mut pair, &before);
    take(&mut pair, &after);
    assert_eq!(pair.texts(BOB), ["before it was lost"]);
}

#[test]
fn who_names_other_control_heads_is_asked_for_what_is_missing() {
    let mut pair = Pair::friends(true);
    pair.say(ALICE, "hello");
    pair.say(BOB, "hello");
    pair.run_for(70_000);
    let (room, theirs) = (pair.room(BOB), pair.room(ALICE));
    assert_eq!(pair.people[BOB].core.rooms[&room].views_differ, None, "both have the same view");
    let mut own = pair.people[ALICE].core.rooms[&theirs].own;
    let key = pair.people[ALICE].core.me.key.clone();
    pair.faults.played = Some(ALICE);
    let mut asked = Vec::new();
    for n in 0..3 {
        let op = text(&pair, &key, "from another view", own.seq + 1, own.prev);
        (own.seq, own.prev) = (own.seq + 1, Some(OpId::from_bytes(op.id)));
        let verified = madang_crypto::verify_op(&op.op).unwrap();
        pair.sent.clear();
        pair.in_turn(BOB, |core, turn| {
            core.take_op(turn, room, &verified, ops::Origin::Stream).unwrap();
        });
        pair.run_for(if n == 1 { 60_000 } else { 5_000 });
        // The lower peer asks, the other one hands over to it.
        asked.push(["neg", "neg_end"].iter().any(|kind| pair.sent.contains_key(kind)));
    }
    assert_eq!(asked, [true, false, true], "at once, not again within a minute, and then again");
    assert!(pair.people[BOB].core.rooms[&room].views_differ.is_some());
}
