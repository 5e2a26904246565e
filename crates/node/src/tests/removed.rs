//! What a machine that was removed from its account, or that never counted, can still do: nothing.

use madang_crypto::{NewKey, SignKey, new_key, os_rng, seal_envelope, sign_body};
use madang_model::{AccountId, DeviceId, Hlc};
use madang_store::{devices, lanes, requests};
use madang_wire::{
    Contact, ContactRequest, Envelope, EnvelopeBody, EnvelopeInner, KeyShare, LanePacket, Signed, SignedOp,
};

use super::{
    accounts::{Line, genesis, id, keep},
    pair::Pair,
};
use crate::{
    accounts::log_of,
    command::{Command, Reply},
    error::Error,
    lane_in::Delivered,
    own_contact::Extent,
};

const ALICE: usize = 0;
const BOB: usize = 1;

/// Bob had a tablet; it admitted a phone, but only after Bob's laptop had removed it.
struct Machines {
    account: AccountId,
    tablet: SignKey,
    phone: SignKey,
    /// The log as the tablet shows it, with the phone last.
    shown: Vec<SignedOp>,
    removal: SignedOp,
}

fn device(key: &SignKey) -> DeviceId {
    DeviceId::from_bytes(key.public())
}

impl Machines {
    fn of_bob(pair: &mut Pair) -> Self {
        let account = pair.account(BOB);
        let (tablet, phone) = (SignKey::from_seed(&[9; 32]), SignKey::from_seed(&[10; 32]));
        let mut log = Vec::new();
        pair.in_turn(BOB, |core, turn| log = core.account_log(turn.db, &account).unwrap());
        let mut line = Line::of(pair, BOB);
        let add = line.add(&[genesis(&account)], &device(&tablet));
        let removal = line.remove(&[], &device(&tablet), 0);
        let phones = Line::new(tablet.clone(), account).later().add(&[id(&add)], &device(&phone));
        log.extend([add, phones]);
        Self { account, tablet, phone, shown: log, removal }
    }

    /// What a machine of Bob's says about itself: keys like those of his laptop, and the log without the removal.
    fn contact(&self, pair: &mut Pair, key: &SignKey) -> Contact {
        let (mut contact, mut bundle) = (None, None);
        pair.in_turn(BOB, |core, turn| {
            contact = Some(core.own_contact(turn, Extent::Request, None).unwrap());
            bundle = core.directory.get(&core.me.device).unwrap().bundle.clone();
        });
        let mut bundle = bundle.unwrap();
        bundle.device = key.public().to_vec();
        let admitted =
            |op: &&SignedOp| op.payload.as_ref().unwrap().ends_with(&[&key.public()[..], TABLET].concat());
        bundle.add_op = id(self.shown.iter().find(admitted).unwrap()).as_bytes().to_vec();
        let bundles: Vec<Signed> = vec![sign_body(&bundle, key)];
        Contact { account_log: self.shown.clone(), bundles, addr: None, ..contact.unwrap() }
    }

    /// A request of a machine of Bob's to Alice.
    fn request(&self, pair: &mut Pair, key: &SignKey, invite: &[u8]) -> Envelope {
        let contact = self.contact(pair, key);
        let me = &pair.people[ALICE].core;
        let to = me.directory.get(&me.me.device).unwrap().bundle.clone().unwrap().envelope_pk;
        let request = ContactRequest {
            invite_id: invite.to_vec(),
            c: Some(contact),
            greeting: "it is me".to_owned(),
            at: pair.now().wall,
            to_account: pair.account(ALICE).as_bytes().to_vec(),
        };
        let inner = EnvelopeInner { body: Some(EnvelopeBody::ContactRequest(sign_body(&request, key))) };
        seal_envelope(&to, &inner, &mut os_rng()).unwrap()
    }
}

/// How the label of a machine ends the op that admits it.
const TABLET: &[u8] = b"\x12\x06tablet";

/// Hands an envelope to Alice as a stranger does.
fn knock(pair: &mut Pair, envelope: &Envelope) -> Delivered {
    let peer = madang_p2p::PeerId::random();
    let mut outcome = None;
    pair.in_turn(ALICE, |core, turn| outcome = Some(core.contact_put_came(turn, envelope, peer).unwrap()));
    outcome.unwrap()
}

/// What waits for a machine at Alice's.
fn waiting(pair: &Pair, key: &SignKey) -> Vec<lanes::Waiting> {
    let row = devices::by_id(pair.db(ALICE), &device(key)).unwrap();
    row.map(|known| lanes::waiting(pair.db(ALICE), known.row, 99).unwrap()).unwrap_or_default()
}

#[test]
fn a_removed_machine_is_given_no_key_for_its_request() {
    let mut pair = Pair::friends(true);
    pair.run_for(60_000);
    let bob = Machines::of_bob(&mut pair);
    let removed = [bob.shown.clone(), vec![bob.removal.clone()]].concat();
    keep(&mut pair, ALICE, bob.account, &removed);
    for key in [&bob.tablet, &bob.phone] {
        let request = bob.request(&mut pair, key, &[5; 16]);
        assert_eq!(knock(&mut pair, &request), Delivered::Refused("bad_frame"));
        assert!(waiting(&pair, key).is_empty());
        let contact = bob.contact(&mut pair, key);
        pair.in_turn(ALICE, |core, turn| {
            assert!(core.check_contact(turn.db, &contact, &device(key)).unwrap().is_none());
        });
    }
}

#[test]
fn a_machine_that_its_account_has_is_answered() {
    let mut pair = Pair::friends(true);
    pair.run_for(60_000);
    let bob = Machines::of_bob(&mut pair);
    let request = bob.request(&mut pair, &bob.tablet, &[5; 16]);
    assert_eq!(knock(&mut pair, &request), Delivered::Done);
    assert!(waiting(&pair, &bob.tablet).iter().any(|message| message.topic.starts_with("accept/")));
}

#[test]
fn an_open_request_of_a_machine_that_was_removed_since_is_not_accepted() {
    let mut pair = Pair::strangers(true);
    let (reply, mut answer) = Reply::pair();
    pair.command(ALICE, Command::CreateInvite { once: false, hours: 1, reply });
    let (_, invite) = answer.try_recv().unwrap().unwrap();
    let bob = Machines::of_bob(&mut pair);
    let request = bob.request(&mut pair, &bob.tablet, invite.invite.as_bytes());
    assert_eq!(knock(&mut pair, &request), Delivered::Done);
    let open = requests::incoming_open(pair.db(ALICE)).unwrap();
    let removed = [bob.shown.clone(), vec![bob.removal.clone()]].concat();
    keep(&mut pair, ALICE, bob.account, &removed);
    let (reply, mut answer) = Reply::pair();
    let request = madang_model::InviteId::from_bytes(open[0].id);
    pair.command(ALICE, Command::AcceptRequest { request, reply });
    assert!(matches!(answer.try_recv().unwrap(), Err(Error::Denied(_))));
    assert!(!pair.people[ALICE].core.is_friend(&bob.account));
}

/// A packet of a machine of Bob's to Alice, with nothing in it that opens.
fn packet(pair: &Pair, from: &SignKey, td_seq: u64) -> Envelope {
    let me = &pair.people[ALICE].core;
    let to = me.directory.get(&me.me.device).unwrap().bundle.clone().unwrap();
    let packet = LanePacket {
        from: from.public().to_vec(),
        to: to.device.clone(),
        r#gen: 1,
        td_seq,
        olm_type: 0,
        olm: vec![7; 100],
    };
    let inner = EnvelopeInner { body: Some(EnvelopeBody::Lane(packet)) };
    seal_envelope(&to.envelope_pk, &inner, &mut os_rng()).unwrap()
}

/// Packets of a machine that came to Alice before their turn.
fn early(pair: &Pair, key: &SignKey) -> usize {
    let row = devices::by_id(pair.db(ALICE), &device(key)).unwrap().unwrap().row;
    lanes::early(pair.db(ALICE), row).unwrap().len()
}

#[test]
fn the_lane_of_a_machine_closes_when_its_account_has_it_no_more() {
    let mut pair = Pair::friends(true);
    pair.run_for(60_000);
    let bob = Machines::of_bob(&mut pair);
    keep(&mut pair, ALICE, bob.account, &bob.shown);
    pair.in_turn(ALICE, |core, turn| core.update_contacts(turn).unwrap());
    let take = |pair: &mut Pair, envelope: &Envelope| {
        let mut outcome = None;
        pair.in_turn(ALICE, |core, turn| outcome = Some(core.envelope(turn, envelope, None).unwrap()));
        outcome.unwrap()
    };
    for key in [&bob.tablet, &bob.phone] {
        let ahead = packet(&pair, key, 3);
        assert_eq!(take(&mut pair, &ahead), Delivered::Done);
        assert!(!waiting(&pair, key).is_empty() && early(&pair, key) == 1);
    }
    keep(&mut pair, ALICE, bob.account, std::slice::from_ref(&bob.removal));
    for key in [&bob.tablet, &bob.phone] {
        assert!(waiting(&pair, key).is_empty() && early(&pair, key) == 0);
        for td_seq in [1, 4] {
            let envelope = packet(&pair, key, td_seq);
            assert_eq!(take(&mut pair, &envelope), Delivered::Refused("denied"));
        }
        pair.in_turn(ALICE, |core, turn| {
            core.update_contacts(turn).unwrap();
            core.give_current_keys(turn, device(key)).unwrap();
            let ack = madang_wire::LaneBody::Ack(madang_wire::LaneAck::default());
            core.lane_send(turn, device(key), "test", ack).unwrap();
        });
        assert!(waiting(&pair, key).is_empty() && early(&pair, key) == 0);
        assert!(!pair.people[ALICE].core.directory.of_account(&bob.account).contains(&device(key)));
    }
}

#[test]
fn a_removed_machine_plants_no_key() {
    let mut pair = Pair::friends(true);
    pair.run_for(60_000);
    let bob = Machines::of_bob(&mut pair);
    keep(&mut pair, ALICE, bob.account, &bob.shown);
    keep(&mut pair, ALICE, bob.account, std::slice::from_ref(&bob.removal));
    let laptop = pair.people[BOB].core.me.device;
    let before = pair.keys(ALICE).len();
    for (from, kept) in [(device(&bob.tablet), 0), (device(&bob.phone), 0), (laptop, 1)] {
        let new = NewKey {
            conv: pair.conv().to_bytes(),
            epoch: 7,
            basis: &[],
            creator: from.to_bytes(),
            created_hlc: Hlc::from_millis(pair.now().wall).as_u64(),
            recipients: &[],
            route: None,
        };
        let share = KeyShare {
            keys: vec![new_key(&new, &mut os_rng()).to_vec()],
            relays: Vec::new(),
            conv: pair.conv().as_bytes().to_vec(),
        };
        pair.in_turn(ALICE, |core, turn| core.key_share(turn, from, &share).unwrap());
        assert_eq!(pair.keys(ALICE).len(), before + kept);
    }
}

#[test]
fn a_bundle_of_a_machine_that_is_gone_does_not_take_the_contact_away() {
    let mut pair = Pair::friends(true);
    pair.run_for(60_000);
    let bob = Machines::of_bob(&mut pair);
    let removed = [bob.shown.clone(), vec![bob.removal.clone()]].concat();
    keep(&mut pair, ALICE, bob.account, &removed);
    // Bob's laptop has not heard of the removal.
    let laptop = pair.people[BOB].core.me.device;
    let mut contact = None;
    pair.in_turn(BOB, |core, turn| contact = Some(core.own_contact(turn, Extent::Whole, None).unwrap()));
    let mut contact = contact.unwrap();
    contact.account_log = bob.shown.clone();
    for key in [&bob.tablet, &bob.phone] {
        contact.bundles.extend(bob.contact(&mut pair, key).bundles);
    }
    contact.card.as_mut().unwrap().name = "Robert".to_owned();
    pair.in_turn(ALICE, |core, turn| {
        let person = core.check_contact(turn.db, &contact, &laptop).unwrap().unwrap();
        assert_eq!(person.devices, [laptop]);
        core.contact_update(turn, laptop, Some(&contact)).unwrap();
        let known = |key| core.directory.get(&device(key)).is_some_and(|known| known.bundle.is_some());
        assert!(!known(&bob.tablet) && !known(&bob.phone));
    });
    let name = madang_store::friends::get(pair.db(ALICE), &bob.account).unwrap().unwrap().name;
    assert_eq!(name, "Robert");
    contact.bundles.remove(0);
    pair.in_turn(ALICE, |core, turn| {
        assert!(
            core.check_contact(turn.db, &contact, &laptop).unwrap().is_none(),
            "there is nobody to answer"
        );
    });
}

#[test]
fn a_contact_tells_of_machines_that_its_log_proves_and_of_no_others() {
    let mut pair = Pair::friends(true);
    let bob = Machines::of_bob(&mut pair);
    // The tablet comes after forty others, so that its place in a log that is cut is lost.
    let mut line = Line::of(&pair, BOB);
    let others: Vec<DeviceId> = (100..140).map(|n| device(&SignKey::from_seed(&[n; 32]))).collect();
    let mut log = vec![line.add(&[genesis(&bob.account)], &others[0])];
    log.extend(others[1..].iter().map(|other| line.add(&[], other)));
    log.push(line.add(&[], &device(&bob.tablet)));
    keep(&mut pair, BOB, bob.account, &log);
    let late = Machines { shown: log, ..bob };
    let bundle = late.contact(&mut pair, &late.tablet).bundles.remove(0);
    pair.in_turn(BOB, |core, turn| assert!(core.take_bundle(turn, &bundle).unwrap()));
    let told = |pair: &mut Pair, extent: Extent| {
        let mut contact = None;
        pair.in_turn(BOB, |core, turn| contact = Some(core.own_contact(turn, extent, None).unwrap()));
        let contact = contact.unwrap();
        let state = log_of(late.account, &contact.account_log).state();
        let proven = |signed: &Signed| crate::bundle::check(signed, &state).map(|(device, _)| device);
        contact.bundles.iter().map(proven).collect::<Vec<_>>()
    };
    let (laptop, tablet) = (pair.people[BOB].core.me.device, device(&late.tablet));
    assert_eq!(told(&mut pair, Extent::Whole), [Some(laptop), Some(tablet)]);
    assert_eq!(told(&mut pair, Extent::Accept), [Some(laptop)]);
    let removal = line.remove(&[], &tablet, 0);
    keep(&mut pair, BOB, late.account, &[removal]);
    assert_eq!(told(&mut pair, Extent::Whole), [Some(laptop)]);
}
