//! A relay in memory that keeps to protocol section 10, with knobs for what can go wrong.

use std::collections::{BTreeMap, BTreeSet};

use madang_crypto::{SignKey, box_id, check_token, verify_auth, verify_slot_delete, verify_slot_put};
use madang_p2p::PeerId;
use madang_wire::{
    Created, Fetch, HelloOk, Item, Items, LogCreate, Put, PutAuth, RErr, ROk, RelayBody, RelayFrame, Slot,
    Stored,
};

use super::malice::Malice;

pub(super) type Id = [u8; 16];
/// Number of a person.
pub(super) type Who = usize;

const CHALLENGE: [u8; 32] = [8; 32];
/// Marker of the PeerIds that hold an Ed25519 key.
const ED25519_PEER: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

#[derive(Clone)]
pub(super) struct FakeBox {
    pub(super) inbox: bool,
    pub(super) epoch: [u8; 8],
    pub(super) next: u64,
    pub(super) items: Vec<Item>,
    pub(super) truncated_before: u64,
    /// Key of the tokens of an inbox.
    pub(super) k_token: Vec<u8>,
}

/// Version, body unless deleted, and public key of a slot.
pub(super) type FakeSlot = (u64, Option<Vec<u8>>, Vec<u8>);

/// A relay.
#[derive(Clone)]
pub(super) struct FakeRelay {
    key: [u8; 32],
    pub(super) peer: PeerId,
    pub(super) addr: String,
    pub(super) up: bool,
    pub(super) boxes: BTreeMap<Id, FakeBox>,
    copy: BTreeMap<Id, FakeBox>,
    pub(super) slots: BTreeMap<Id, FakeSlot>,
    proved: BTreeSet<(Who, Id)>,
    /// Everything up to this was pushed, by reader and box.
    subscribed: BTreeMap<(Who, Id), (u64, u64)>,
    credit: BTreeMap<Who, u32>,
    epochs: u8,
    /// Numbers of tokens that open an inbox no more, and whether that is silent.
    revoked: BTreeMap<(Id, u32), bool>,
    /// Code with which puts into logs are refused.
    pub(super) refuse: Option<&'static str>,
    /// Code with which writing slots is refused.
    pub(super) refuse_slots: Option<&'static str>,
    /// What is written into slots is not answered, and not kept.
    pub(super) mutes_slots: bool,
    /// So many reads of slots are answered `busy`.
    pub(super) busy_reads: u32,
    /// What it says to a hello instead of its own greeting.
    pub(super) greeting: Option<RelayBody>,
    /// It pushes whatever it has.
    pub(super) ignores_credit: bool,
    /// The only log that `refuse` is about, if there is one.
    pub(super) refused_log: Option<Id>,
    /// What it does against the protocol.
    pub(super) malice: Option<Malice>,
    /// Needed for making boxes.
    pub(super) code: &'static str,
    /// Every frame that came.
    pub(super) got: Vec<(Who, RelayBody)>,
    /// Most puts that came in one frame.
    pub(super) largest: usize,
}

fn id(bytes: &[u8]) -> Id {
    bytes.try_into().expect("an id")
}

fn refuse(code: &str, index: u32) -> RelayBody {
    refusal(code, 0, index)
}

impl FakeRelay {
    pub(super) fn new(number: u8) -> Self {
        let key = SignKey::from_seed(&[0x40 + number; 32]).public();
        let peer = PeerId::from_bytes(&[ED25519_PEER.as_slice(), &key].concat()).expect("a peer id");
        Self {
            key,
            addr: format!("/ip4/10.0.0.{number}/tcp/4510/p2p/{peer}"),
            peer,
            up: true,
            boxes: BTreeMap::new(),
            copy: BTreeMap::new(),
            slots: BTreeMap::new(),
            proved: BTreeSet::new(),
            subscribed: BTreeMap::new(),
            credit: BTreeMap::new(),
            epochs: 0,
            revoked: BTreeMap::new(),
            refuse: None,
            refuse_slots: None,
            mutes_slots: false,
            busy_reads: 0,
            greeting: None,
            ignores_credit: false,
            refused_log: None,
            malice: None,
            code: "",
            got: Vec::new(),
            largest: 0,
        }
    }

    /// Loses everything but its key.
    pub(super) fn wipe(&mut self) {
        self.boxes.clear();
        self.slots.clear();
    }

    /// Copies its disk.
    pub(super) fn copy_disk(&mut self) {
        self.copy = self.boxes.clone();
    }

    /// Comes back with an old copy of its disk.
    pub(super) fn restore_disk(&mut self) {
        self.boxes = self.copy.clone();
    }

    /// Drops everything below a number from every log, and says so.
    pub(super) fn truncate_logs(&mut self) {
        for kept in self.boxes.values_mut().filter(|kept| !kept.inbox) {
            kept.items.clear();
            kept.truncated_before = kept.next;
        }
    }

    /// Its greeting.
    pub(super) fn hello(&self, now: u64) -> HelloOk {
        HelloOk {
            v: 1,
            relay_key: self.key.to_vec(),
            now,
            challenge: CHALLENGE.to_vec(),
            ..HelloOk::default()
        }
    }

    /// Puts of own ops that came from somebody.
    pub(super) fn op_puts(&self, who: Who) -> usize {
        let puts = self.got.iter().filter_map(|(from, body)| match body {
            RelayBody::PutMany(many) if *from == who => Some(&many.puts),
            _ => None,
        });
        puts.flatten().filter(|put| put.slot.is_empty() && put.auth.is_none()).count()
    }

    /// A stream ended.
    pub(super) fn leave(&mut self, who: Who) {
        self.proved.retain(|(at, _)| *at != who);
        self.subscribed.retain(|(at, _), _| *at != who);
        self.credit.remove(&who);
    }

    /// Items in logs that are in no register slot.
    pub(super) fn log_items(&self) -> usize {
        let logs = self.boxes.values().filter(|kept| !kept.inbox);
        logs.flat_map(|kept| &kept.items).filter(|item| item.slot.is_empty()).count()
    }

    /// Items in inboxes.
    pub(super) fn inbox_items(&self) -> usize {
        self.boxes.values().filter(|kept| kept.inbox).map(|kept| kept.items.len()).sum()
    }

    /// Slots with something in them.
    pub(super) fn slots(&self) -> usize {
        self.slots.values().filter(|(_, body, _)| body.is_some()).count()
    }

    /// Frames that came from somebody, of one kind.
    pub(super) fn count(&self, who: Who, wanted: impl Fn(&RelayBody) -> bool) -> usize {
        self.got.iter().filter(|(from, body)| *from == who && wanted(body)).count()
    }

    /// Takes a frame; answers the frames that follow, and for whom.
    pub(super) fn take(&mut self, who: Who, frame: RelayFrame, now: u64) -> Vec<(Who, RelayFrame)> {
        let body = frame.body.expect("a body");
        self.got.push((who, body.clone()));
        let mut out = Vec::new();
        for body in self.answer(who, frame.id, body, now) {
            out.push((who, RelayFrame { id: frame.id, body: Some(body) }));
        }
        out.extend(self.push());
        match self.malice.take() {
            Some(mut malice) => {
                let out = malice.bend(self, out);
                self.malice = Some(malice);
                out
            }
            None => out,
        }
    }

    fn answer(&mut self, who: Who, frame: u64, body: RelayBody, now: u64) -> Vec<RelayBody> {
        match body {
            RelayBody::Hello(_) => {
                vec![self.greeting.clone().unwrap_or_else(|| RelayBody::HelloOk(self.hello(now)))]
            }
            RelayBody::Auth(auth) => {
                let public = verify_auth(&auth, &self.key, &CHALLENGE).expect("a good proof");
                self.proved.insert((who, box_id(&public)));
                vec![RelayBody::Ok(ROk {})]
            }
            RelayBody::InboxCreate(create) => {
                let at = box_id_of(&create.owner_pub);
                let answer = self.create(who, at, true, create.admission == self.code);
                if let Some(kept) = self.boxes.get_mut(&at) {
                    kept.k_token = create.k_token;
                }
                vec![answer]
            }
            RelayBody::LogCreate(create) => {
                let admitted = create.admission == self.code || self.succeeds(who, &create);
                vec![self.create(who, box_id_of(&create.log_pub), false, admitted)]
            }
            RelayBody::PutMany(many) => {
                self.largest = self.largest.max(many.puts.len());
                many.puts.into_iter().enumerate().map(|(n, put)| self.put(who, n as u32, put)).collect()
            }
            RelayBody::Subscribe(subscribe) => {
                let credit = self.credit.entry(who).or_default();
                *credit = (*credit).max(subscribe.window);
                subscribe.boxes.into_iter().map(|fetch| self.subscribe(who, frame, &fetch)).collect()
            }
            RelayBody::Credit(credit) => {
                *self.credit.entry(who).or_default() += credit.n;
                Vec::new()
            }
            RelayBody::Ack(ack) => {
                let inbox = id(&ack.inbox_id);
                assert!(self.proved.contains(&(who, inbox)));
                let kept = self.boxes.get_mut(&inbox).expect("an inbox");
                kept.items.retain(|item| !ack.seqs.contains(&item.seq));
                vec![RelayBody::Ok(ROk {})]
            }
            RelayBody::SlotPut(_) | RelayBody::SlotDelete(_) if self.mutes_slots => Vec::new(),
            RelayBody::SlotPut(_) | RelayBody::SlotDelete(_) if self.refuse_slots.is_some() => {
                vec![refuse(self.refuse_slots.unwrap_or_default(), 0)]
            }
            RelayBody::SlotPut(put) => {
                verify_slot_put(&put, &self.key).expect("a good signature");
                let slot = box_id_of(&put.slot_pub);
                if self.slots.get(&slot).is_some_and(|(version, ..)| *version >= put.version) {
                    return vec![refuse("version", 0)];
                }
                self.slots.insert(slot, (put.version, Some(put.body), put.slot_pub));
                vec![RelayBody::Ok(ROk {})]
            }
            RelayBody::SlotDelete(delete) => {
                verify_slot_delete(&delete, &self.key).expect("a good signature");
                let slot = box_id_of(&delete.slot_pub);
                match self.slots.get(&slot) {
                    None => return vec![refuse("not_found", 0)],
                    Some((version, ..)) if *version >= delete.version => return vec![refuse("version", 0)],
                    Some(_) => {}
                }
                self.slots.insert(slot, (delete.version, None, delete.slot_pub));
                vec![RelayBody::Ok(ROk {})]
            }
            RelayBody::SlotGet(_) if self.busy_reads > 0 => {
                self.busy_reads -= 1;
                vec![refusal("busy", 1_000, 0)]
            }
            RelayBody::SlotGet(get) => match self.slots.get(&id(&get.slot_id)) {
                Some((version, Some(body), public)) => vec![RelayBody::Slot(Slot {
                    version: *version,
                    body: body.clone(),
                    slot_pub: public.clone(),
                    sig: Vec::new(),
                })],
                _ => vec![refuse("not_found", 0)],
            },
            RelayBody::Revoke(revoke) => {
                self.revoked.insert((id(&revoke.inbox_id), revoke.slot), revoke.silent);
                vec![RelayBody::Ok(ROk {})]
            }
            other => panic!("unexpected {other:?}"),
        }
    }

    /// Whether a log follows one whose key is proved.
    fn succeeds(&self, who: Who, create: &LogCreate) -> bool {
        let Ok(prev) = Id::try_from(create.prev.as_slice()) else { return false };
        assert!(self.proved.contains(&(who, prev)), "a log before that is not proved");
        self.boxes.get(&prev).is_some_and(|kept| !kept.inbox)
    }

    fn create(&mut self, who: Who, at: Id, inbox: bool, admitted: bool) -> RelayBody {
        assert!(self.proved.contains(&(who, at)), "made without a proof");
        if !self.boxes.contains_key(&at) {
            if !admitted {
                return refuse("admission", 0);
            }
            self.epochs += 1;
            let fresh = FakeBox {
                inbox,
                epoch: [self.epochs; 8],
                next: 1,
                items: Vec::new(),
                truncated_before: 0,
                k_token: Vec::new(),
            };
            self.boxes.insert(at, fresh);
        }
        let epoch = self.boxes.get(&at).map(|kept| kept.epoch.to_vec()).unwrap_or_default();
        RelayBody::Created(Created { box_id: at.to_vec(), epoch })
    }

    fn put(&mut self, who: Who, index: u32, put: Put) -> RelayBody {
        let at = id(&put.box_id);
        let refusal = self.refuse.filter(|_| self.refused_log.is_none_or(|log| log == at));
        let Some(kept) = self.boxes.get_mut(&at) else { return refuse("not_found", index) };
        if kept.inbox {
            let Some(PutAuth::Token(token)) = &put.auth else { panic!("an inbox takes no knocks") };
            let key = <[u8; 32]>::try_from(kept.k_token.as_slice()).expect("a key");
            let slot = token.first_chunk::<4>().map_or(0, |bytes| u32::from_be_bytes(*bytes));
            let revoked = self.revoked.get(&(at, slot)).copied();
            if check_token(&key, token, 0).is_err() || revoked == Some(false) {
                return refuse("token", index);
            }
            if revoked == Some(true) {
                let epoch = kept.epoch.to_vec();
                return RelayBody::Stored(Stored {
                    box_id: put.box_id,
                    epoch,
                    seq: kept.next,
                    dup: false,
                    index,
                });
            }
        } else if !self.proved.contains(&(who, at)) {
            return refuse("auth", index);
        } else if let Some(code) = refusal {
            return refuse(code, index);
        }
        let epoch = kept.epoch.to_vec();
        if let Some(same) = kept.items.iter().find(|item| item.body == put.body) {
            return RelayBody::Stored(Stored { box_id: at.to_vec(), epoch, seq: same.seq, dup: true, index });
        }
        if !put.slot.is_empty() {
            kept.items.retain(|item| item.slot != put.slot);
        }
        let seq = kept.next;
        kept.next += 1;
        kept.items.push(Item { seq, dedupe: Vec::new(), slot: put.slot, body: put.body });
        RelayBody::Stored(Stored { box_id: at.to_vec(), epoch, seq, dup: false, index })
    }

    /// The first page is answered even when it is empty, and restarts what is of another epoch.
    fn subscribe(&mut self, who: Who, frame: u64, fetch: &Fetch) -> RelayBody {
        let at = id(&fetch.box_id);
        assert!(self.proved.contains(&(who, at)), "subscribed without a proof");
        let Some(kept) = self.boxes.get(&at) else { return refuse("not_found", 0) };
        let foreign = !fetch.epoch.is_empty() && fetch.epoch != kept.epoch;
        let after = if foreign || fetch.after_seq >= kept.next { 0 } else { fetch.after_seq };
        self.subscribed.insert((who, at), (frame, after));
        let head = kept.next - 1;
        RelayBody::Items(Items {
            box_id: at.to_vec(),
            epoch: kept.epoch.to_vec(),
            head,
            truncated_before: kept.truncated_before,
            ..Items::default()
        })
    }

    /// Pushes what subscribers have not got, within their credit.
    fn push(&mut self) -> Vec<(Who, RelayFrame)> {
        let mut out = Vec::new();
        for ((who, at), (frame, upto)) in &mut self.subscribed {
            let Some(kept) = self.boxes.get(at) else { continue };
            let credit = self.credit.entry(*who).or_default();
            let room = if self.ignores_credit { usize::MAX } else { (*credit as usize).min(128) };
            let items: Vec<Item> =
                kept.items.iter().filter(|item| item.seq > *upto).take(room).cloned().collect();
            let Some(last) = items.last().map(|item| item.seq) else { continue };
            *upto = last;
            *credit = credit.saturating_sub(items.len() as u32);
            let items = Items {
                box_id: at.to_vec(),
                epoch: kept.epoch.to_vec(),
                items,
                head: kept.next - 1,
                truncated_before: kept.truncated_before,
            };
            out.push((*who, RelayFrame { id: *frame, body: Some(RelayBody::Items(items)) }));
        }
        out
    }
}

fn box_id_of(public: &[u8]) -> Id {
    box_id(&public.try_into().expect("a key"))
}

/// What a relay refuses with.
pub(super) fn refusal(code: &str, retry_ms: u32, index: u32) -> RelayBody {
    RelayBody::Err(RErr { code: code.to_owned(), retry_ms, index })
}
