//! Keys with real cryptography: made, carried through Olm lanes inside X-Wing envelopes, and used to
//! seal, exactly as the node does it.
//!
//! Must not decide anything. Invariant: a machine holds a key only because an envelope that it opened
//! carried the key's bytes.

#![allow(clippy::expect_used)] // A simulated machine whose cryptography fails has no way to go on.

use std::collections::BTreeMap;

use madang_crypto::{
    DeviceKeys, LaneContent, LaneEnd, LanePlace, LaneSession, SealKey, new_key, open_envelope, os_rng,
    seal_envelope,
};
use madang_model::KeyId;
use madang_wire::{
    EnvelopeBody, EnvelopeInner, Inner, InnerBody, KeyShare, LaneBody, LaneMessage, LanePacket, SignedOp,
};

use super::{Ciphertext, NewKey, Sealer};

/// Conversation of the schedules.
const CONV: [u8; 32] = [7; 32];

/// One machine with its keys and sessions.
struct Machine {
    keys: DeviceKeys,
    end: LaneEnd,
    /// Sessions for sending, by receiver, with the number of the next packet.
    out: BTreeMap<usize, (LaneSession, u64)>,
    /// Sessions for receiving, by sender.
    incoming: BTreeMap<usize, LaneSession>,
    held: BTreeMap<usize, (SealKey, Vec<u8>)>,
}

impl Machine {
    fn new(number: usize) -> Self {
        let keys = DeviceKeys::generate(&mut os_rng());
        let account = [u8::try_from(number / 2).expect("few accounts"); 32];
        let end = LaneEnd { account, device: keys.sign.public(), olm: keys.lane.identity() };
        Self { keys, end, out: BTreeMap::new(), incoming: BTreeMap::new(), held: BTreeMap::new() }
    }
}

/// A [`Sealer`] with the cryptography of the node.
#[derive(Default)]
pub struct RealSealer {
    machines: BTreeMap<usize, Machine>,
    made: usize,
}

impl RealSealer {
    fn machine(&mut self, number: usize) -> &mut Machine {
        self.machines.entry(number).or_insert_with(|| Machine::new(number))
    }

    fn packet(&mut self, from: usize, to: usize, encoded: Vec<u8>) -> LanePacket {
        let receiver = self.machine(to);
        let (end, fallback) = (receiver.end, receiver.keys.lane.fallback().expect("a fallback key"));
        let sender = self.machine(from);
        let own = sender.end;
        let lane = &sender.keys.lane;
        let (session, next) = sender
            .out
            .entry(to)
            .or_insert_with(|| (LaneSession::outbound(lane, &end, &fallback).expect("good keys"), 1));
        let share = KeyShare { keys: vec![encoded], relays: Vec::new(), conv: CONV.to_vec() };
        let messages = vec![LaneMessage { body: Some(LaneBody::Share(share)) }];
        let place = LanePlace { generation: 1, td_seq: *next };
        *next += 1;
        session
            .encrypt(&own, &end, place, LaneContent { messages, ..LaneContent::default() })
            .expect("encrypts")
    }

    fn receive(&mut self, from: usize, to: usize, packet: &LanePacket) -> Vec<u8> {
        let sender = self.machine(from).end;
        let machine = self.machine(to);
        let own = machine.end;
        let plain = match machine.incoming.get_mut(&from) {
            Some(session) => session.decrypt(&own, &sender, packet).expect("packets come in order"),
            None => {
                let (session, plain) = LaneSession::inbound(&mut machine.keys.lane, &own, &sender, packet)
                    .expect("the first packet opens a session");
                machine.incoming.insert(from, session);
                plain
            }
        };
        let Some(LaneBody::Share(share)) = plain.m.into_iter().next().and_then(|m| m.body) else {
            panic!("the packet carries a share");
        };
        share.keys.into_iter().next().expect("one key")
    }
}

impl Sealer for RealSealer {
    fn new_key(&mut self, key: &NewKey<'_>) -> KeyId {
        let creator = self.machine(key.maker).end.device;
        let basis: Vec<[u8; 32]> = key.basis.iter().map(|id| id.to_bytes()).collect();
        let new = madang_crypto::NewKey {
            conv: CONV,
            epoch: key.epoch,
            basis: &basis,
            creator,
            created_hlc: key.created.as_u64(),
            recipients: &[creator],
            route: None,
        };
        let encoded = new_key(&new, &mut os_rng()).to_vec();
        let seal = SealKey::new(&encoded).expect("a fresh key");
        let id = KeyId::from_bytes(seal.id());
        let number = self.made;
        self.made += 1;
        self.machine(key.maker).held.insert(number, (seal, encoded));
        id
    }

    fn give(&mut self, key: usize, from: usize, to: usize) {
        let encoded = self.machines[&from].held[&key].1.clone();
        if from == to {
            return;
        }
        let packet = self.packet(from, to, encoded);
        let inner = EnvelopeInner { body: Some(EnvelopeBody::Lane(packet)) };
        let envelope =
            seal_envelope(self.machine(to).keys.envelope.public(), &inner, &mut os_rng()).expect("seals");
        let opened = open_envelope(&self.machine(to).keys.envelope, &envelope).expect("opens");
        let Some(EnvelopeBody::Lane(packet)) = opened.body else { panic!("the envelope carries a packet") };
        let encoded = self.receive(from, to, &packet);
        let seal = SealKey::new(&encoded).expect("the key as it was made");
        self.machine(to).held.insert(key, (seal, encoded));
    }

    fn holds(&self, machine: usize, key: usize) -> bool {
        self.machines.get(&machine).is_some_and(|m| m.held.contains_key(&key))
    }

    fn seal(&mut self, machine: usize, key: usize, message: &[u8]) -> Ciphertext {
        let op = SignedOp { header: message.to_vec(), sig: vec![0; 64], payload: None };
        let inner = Inner { body: Some(InnerBody::Op(op)) };
        let (seal, _) = &self.machines[&machine].held[&key];
        Ciphertext { key, bytes: seal.seal(&inner, &mut os_rng()).expect("seals") }
    }

    fn open(&self, machine: usize, sealed: &Ciphertext) -> Option<Vec<u8>> {
        let frame = madang_wire::decode(&sealed.bytes).expect("a frame");
        // Every key is tried, not only the one that is said to fit: holding must come from opening.
        let held = &self.machines.get(&machine)?.held;
        let opened = held.values().find_map(|(seal, _)| seal.open(&frame).ok())?;
        match opened.body? {
            InnerBody::Op(op) => Some(op.header),
            _ => None,
        }
    }
}
