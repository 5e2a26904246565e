//! Account logs between two people: what is kept, what is told, and what strangers cannot do.

use madang_crypto::{SignKey, payload, sign_op};
use madang_model::{AccountChange, AccountId, DeviceId, Hlc, Kind, OpId, limits};
use madang_store::{accounts, history, lanes, ops};
use madang_wire::{
    AccountGet, AccountOps, LaneBody, LaneMessage, LanePlain, Message as _, OpHeader, RemoveDevice, SignedOp,
    StreamBody, typed::account_bytes,
};

use super::pair::Pair;
use crate::accounts::typed_op;

const ALICE: usize = 0;
const BOB: usize = 1;

/// One line of an account log.
pub(crate) struct Line {
    key: SignKey,
    account: AccountId,
    last: Option<OpId>,
    seq: u64,
    hlc: u64,
}

impl Line {
    pub(crate) fn new(key: SignKey, account: AccountId) -> Self {
        Self { key, account, last: None, seq: 0, hlc: super::pair::NOON + 1_000 }
    }

    /// The line of somebody's machine, after what it has written already.
    pub(crate) fn of(pair: &Pair, who: usize) -> Self {
        Self::new(pair.people[who].core.me.key.clone(), pair.account(who))
    }

    /// The same line, later than what other lines have written so far.
    pub(crate) fn later(self) -> Self {
        Self { hlc: self.hlc + 60_000, ..self }
    }

    fn write(&mut self, kind: Kind, deps: &[OpId], content: &[u8]) -> SignedOp {
        let deps: Vec<Vec<u8>> = deps.iter().map(|id| id.as_bytes().to_vec()).collect();
        self.write_with(kind, &deps, content)
    }

    fn write_with(&mut self, kind: Kind, deps: &[Vec<u8>], content: &[u8]) -> SignedOp {
        self.seq += 1;
        self.hlc += 1_000;
        let header = OpHeader {
            v: 1,
            conv: self.account.as_bytes().to_vec(),
            seq: self.seq,
            prev: self.last.map(|id| id.as_bytes().to_vec()).unwrap_or_default(),
            deps: deps.to_vec(),
            hlc: Hlc::from_millis(self.hlc).as_u64(),
            kind: kind.number(),
            ..OpHeader::default()
        };
        let body = payload(content, &mut madang_crypto::os_rng()).unwrap();
        let new = sign_op(header, body, &self.key).unwrap();
        self.last = Some(OpId::from_bytes(new.id));
        new.op
    }

    /// Offers Bob an op that follows `tip`; answers its id if he keeps it, otherwise it was never written.
    fn offer(
        &mut self,
        pair: &mut Pair,
        tip: OpId,
        write: impl Fn(&mut Self, &[OpId]) -> SignedOp,
    ) -> Option<OpId> {
        let before = (self.seq, self.last);
        let kept = accounts::list(pair.db(BOB), &self.account).unwrap().len() as u64;
        self.hlc = super::pair::NOON + 10_000 + kept * 1_000;
        let deps: &[OpId] = if self.last == Some(tip) { &[] } else { &[tip] };
        let op = write(self, deps);
        keep(pair, BOB, self.account, std::slice::from_ref(&op));
        let kept = stored(pair, BOB, &self.account).contains(&id(&op));
        if !kept {
            (self.seq, self.last) = before;
        }
        kept.then(|| id(&op))
    }

    pub(crate) fn add(&mut self, deps: &[OpId], device: &DeviceId) -> SignedOp {
        let change = AccountChange::AddDevice { device: *device, label: "tablet".to_owned() };
        self.write(Kind::AddDevice, deps, &account_bytes(&change).unwrap())
    }

    pub(crate) fn remove(&mut self, deps: &[OpId], device: &DeviceId, cut: u64) -> SignedOp {
        let body = RemoveDevice { device: device.as_bytes().to_vec(), cut, cosig: Vec::new() };
        self.write(Kind::RemoveDevice, deps, &body.encode_to_vec())
    }
}

fn device(n: u8) -> DeviceId {
    DeviceId::from_bytes(SignKey::from_seed(&[n; 32]).public())
}

pub(crate) fn genesis(account: &AccountId) -> OpId {
    OpId::from_bytes(account.to_bytes())
}

/// The log as somebody has it on the disk.
fn stored(pair: &Pair, who: usize, account: &AccountId) -> Vec<OpId> {
    accounts::list(pair.db(who), account).unwrap().into_iter().map(|op| op.id).collect()
}

pub(crate) fn id(op: &SignedOp) -> OpId {
    typed_op(op).unwrap().id
}

/// Somebody's machine takes ops of an account log.
pub(crate) fn keep(pair: &mut Pair, who: usize, account: AccountId, ops: &[SignedOp]) {
    pair.in_turn(who, |core, turn| core.keep_account_log(turn, account, ops).unwrap());
}

fn active(pair: &mut Pair, who: usize, account: AccountId) -> Vec<DeviceId> {
    let mut devices = Vec::new();
    pair.in_turn(who, |core, turn| {
        let state = core.account_state(turn.db, &account).unwrap().unwrap();
        devices = state.devices.keys().copied().collect();
    });
    devices
}

/// Mirrors of account ops in the 1:1, with their number.
fn mirrors(pair: &Pair, who: usize) -> Vec<u32> {
    history::control(pair.db(who), pair.room(who)).unwrap().into_iter().map(|op| op.kind).collect()
}

#[test]
fn a_friend_cannot_write_into_other_peoples_account_logs() {
    for victim in [ALICE, BOB] {
        let mut pair = Pair::friends(true);
        pair.run_for(5_000);
        let account = pair.account(victim);
        let before = stored(&pair, BOB, &account);
        let mut junk = Line::new(SignKey::from_seed(&[66; 32]), account);
        let bare = junk.add(&[], &device(67));
        let on_top = junk.add(&[genesis(&account)], &device(68));
        let answer = |ops: &[SignedOp]| {
            StreamBody::Account(AccountOps { account: account.as_bytes().to_vec(), ops: ops.to_vec() })
        };
        pair.inject(BOB, answer(&[bare.clone(), on_top.clone()]));
        assert_eq!(stored(&pair, BOB, &account), before, "nobody asked");
        // Also of those that were asked for nothing is kept that nobody had the right to write.
        let peer = pair.people[ALICE].peer;
        pair.faults.played = Some(ALICE);
        pair.in_turn(BOB, |core, turn| core.ask_account(turn, peer, account));
        pair.inject(BOB, answer(&[bare.clone(), on_top.clone()]));
        assert_eq!(stored(&pair, BOB, &account), before);
        pair.faults.played = None;
        assert_eq!(active(&mut pair, BOB, account), [pair.people[victim].core.me.device]);
        pair.say(BOB, "still here");
        pair.run_for(2_000);
        assert_eq!(pair.texts(ALICE), ["still here"]);
    }
}

#[test]
fn an_answer_is_taken_from_who_was_asked_and_not_for_ever() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let account = pair.account(ALICE);
    let mut line = Line::of(&pair, ALICE);
    let mut ops = vec![line.add(&[genesis(&account)], &device(70))];
    ops.extend((71..80).map(|n| line.add(&[], &device(n))));
    let peer = pair.people[ALICE].peer;
    pair.faults.played = Some(ALICE);
    pair.in_turn(BOB, |core, turn| core.ask_account(turn, peer, account));
    for op in &ops {
        let account = account.as_bytes().to_vec();
        pair.inject(BOB, StreamBody::Account(AccountOps { account, ops: vec![op.clone()] }));
    }
    assert_eq!(stored(&pair, BOB, &account).len(), 1 + 4, "four frames of an answer");
}

#[test]
fn one_bad_op_does_not_take_a_log_away() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let account = pair.account(BOB);
    let mut junk = Line::new(SignKey::from_seed(&[66; 32]), account);
    let bad = junk.add(&[], &device(67));
    let mut broken = junk.add(&[genesis(&account)], &device(68));
    broken.sig[0] ^= 1;
    for op in [&bad, &broken] {
        let id = OpId::from_bytes(madang_crypto::op_id(&op.header));
        let (header, sig, payload) = (op.header.clone(), op.sig.clone(), op.payload.clone().unwrap());
        accounts::insert(pair.db(BOB), &accounts::AccountOp { id, account, header, sig, payload }).unwrap();
    }
    pair.cut();
    pair.restart(BOB);
    pair.connect();
    assert_eq!(active(&mut pair, BOB, account), [pair.people[BOB].core.me.device]);
    let good = crate::accounts::log_of(account, &[bad, broken]);
    assert!(good.ops().is_empty() && good.missing().is_empty());
}

/// Bytes of a log as somebody has it on the disk.
fn bytes(pair: &Pair, who: usize, account: &AccountId) -> usize {
    let ops = accounts::list(pair.db(who), account).unwrap();
    ops.iter().map(|op| op.header.len() + op.sig.len() + op.payload.len()).sum()
}

#[test]
fn one_machine_fills_no_more_than_its_share_of_a_log() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let account = pair.account(ALICE);
    let before = bytes(&pair, BOB, &account);
    let mut line = Line::of(&pair, ALICE);
    let first = line.add(&[genesis(&account)], &device(70));
    let mut last = id(&first);
    keep(&mut pair, BOB, account, std::slice::from_ref(&first));
    for n in 71..=250 {
        let op = line.add(&[], &device(n));
        keep(&mut pair, BOB, account, std::slice::from_ref(&op));
        if !stored(&pair, BOB, &account).contains(&id(&op)) {
            break;
        }
        last = id(&op);
    }
    let share = bytes(&pair, BOB, &account) - before;
    let most = limits::ACCOUNT_LOG_BYTES_DEVICE;
    assert!(share <= most && share > most - 400, "{share} bytes");
    // Others have theirs.
    let mut tablet = Line::new(SignKey::from_seed(&[70; 32]), account);
    tablet.hlc = line.hlc;
    keep(&mut pair, BOB, account, &[tablet.add(&[last], &device(251))]);
    assert!(active(&mut pair, BOB, account).contains(&device(251)));
    // A removal that takes effect needs no share.
    let seq = stored(&pair, BOB, &account).len() as u64 - 2;
    let mut again = Line { last: Some(last), seq, ..line };
    keep(&mut pair, BOB, account, &[again.remove(&[], &device(71), 0)]);
    assert!(!active(&mut pair, BOB, account).contains(&device(71)));
    assert!(bytes(&pair, BOB, &account) < limits::ACCOUNT_LOG_BYTES_MAX);
}

#[test]
fn a_thief_who_fills_the_log_does_not_hold_up_two_machines_and_the_phrase() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let root = SignKey::from_seed(&[200; 32]);
    let key = |n: u8| SignKey::from_seed(&[n; 32]);
    let (account, founded) = found(&root, &device(1));
    let mut owner = Line::new(key(1), account);
    let second = owner.add(&[genesis(&account)], &device(2));
    let stolen = owner.add(&[], &device(3));
    let honest = [founded, second, stolen.clone()];
    keep(&mut pair, BOB, account, &honest);
    let start = id(&stolen);
    // The thief's machine and some that it admits add others until nothing is kept, and then remove them.
    let (mut lines, mut added, mut tip) = (vec![Line::new(key(3), account)], Vec::new(), start);
    for n in 10..=250 {
        let at = usize::from(n) % lines.len();
        if let Some(kept) = lines[at].offer(&mut pair, tip, |line, deps| line.add(deps, &device(n))) {
            (tip, added) = (kept, [added, vec![n]].concat());
            if lines.len() < 4 {
                lines.push(Line::new(key(n), account));
            }
        }
    }
    assert!(added.len() > 50, "{}", added.len());
    for n in added.iter().rev() {
        let kept = lines[0].offer(&mut pair, tip, |line, deps| line.remove(deps, &device(*n), 250));
        tip = kept.unwrap_or(tip);
    }
    let full = bytes(&pair, BOB, &account);
    assert!((limits::ACCOUNT_LOG_BYTES_MAX..=limits::ACCOUNT_LOG_BYTES_ONE).contains(&full), "{full} bytes");
    // Two machines of the owner remove the stolen one, on what they know.
    let deps = vec![genesis(&account).as_bytes().to_vec()];
    let remove = RemoveDevice { device: device(3).as_bytes().to_vec(), cut: 0, cosig: Vec::new() };
    let cosig = vec![madang_crypto::cosign(&deps, &remove, &key(2))];
    let body = RemoveDevice { cosig, ..remove };
    let removal = owner.write_with(Kind::RemoveDevice, &deps, &body.encode_to_vec());
    keep(&mut pair, BOB, account, &[removal]);
    assert_eq!(active(&mut pair, BOB, account), sorted([device(1), device(2)]));
    // What is void by that holds up nobody else, up to the end of what is kept; the phrase comes after everything.
    let mut phrase = Line { seq: 1, last: Some(genesis(&account)), ..Line::new(root, account) };
    phrase.hlc += 1_000_000;
    let remove = vec![RemoveDevice { device: device(2).as_bytes().to_vec(), cut: 9, cosig: Vec::new() }];
    let root_pub = SignKey::from_seed(&[201; 32]).public().to_vec();
    let rotate = madang_wire::RotateRoot { root_pub, remove };
    let rotated = phrase.write(Kind::RotateRoot, &[start], &rotate.encode_to_vec());
    keep(&mut pair, BOB, account, &[rotated]);
    assert_eq!(active(&mut pair, BOB, account), [device(1)]);
    assert!(bytes(&pair, BOB, &account) <= limits::ACCOUNT_LOG_BYTES_END);
}

fn sorted<const N: usize>(mut devices: [DeviceId; N]) -> [DeviceId; N] {
    devices.sort_unstable();
    devices
}

/// An account of which nobody has heard, with its first machine.
fn found(root: &SignKey, first: &DeviceId) -> (AccountId, SignedOp) {
    let hlc = Hlc::from_millis(super::pair::NOON).as_u64();
    let rng = &mut madang_crypto::os_rng();
    let new = madang_crypto::genesis(root, first.as_bytes(), "desk", hlc, rng).unwrap();
    (AccountId::from_bytes(new.id), new.op)
}

#[test]
fn a_device_change_is_mirrored_once_and_junk_never() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    pair.say(ALICE, "one");
    pair.run_for(2_000);
    let before = mirrors(&pair, ALICE);
    let account = pair.account(ALICE);
    let mut line = Line::of(&pair, ALICE);
    let add = line.add(&[genesis(&account)], &device(70));
    let remove = line.remove(&[], &device(70), 0);
    keep(&mut pair, ALICE, account, &[add.clone(), remove.clone()]);
    let mut junk = Line::new(SignKey::from_seed(&[66; 32]), account);
    keep(&mut pair, ALICE, account, &[junk.add(&[id(&remove)], &device(67))]);
    for text in ["two", "three"] {
        pair.say(ALICE, text);
        pair.run_for(2_000);
    }
    pair.cut();
    pair.restart(ALICE);
    pair.connect();
    pair.say(ALICE, "four");
    pair.say(BOB, "five");
    pair.run_for(2_000);
    assert_eq!(mirrors(&pair, ALICE), [&before[..], &[4, 5]].concat());
    assert_eq!(mirrors(&pair, BOB), mirrors(&pair, ALICE));
    // By the mirrors Bob knows the log of Alice.
    assert_eq!(stored(&pair, BOB, &account), [genesis(&account), id(&add), id(&remove)]);
}

#[test]
fn a_mirror_is_not_posted_again_when_memory_forgets() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    pair.say(ALICE, "one");
    let account = pair.account(ALICE);
    let mut line = Line::of(&pair, ALICE);
    keep(&mut pair, ALICE, account, &[line.add(&[genesis(&account)], &device(70))]);
    pair.say(ALICE, "two");
    let posted = mirrors(&pair, ALICE);
    // Memory forgets that the mirrors of this log are posted, as after a start.
    let room = pair.room(ALICE);
    for text in ["three", "four"] {
        pair.people[ALICE].core.rooms.get_mut(&room).unwrap().mirrored.clear();
        pair.say(ALICE, text);
    }
    assert_eq!(mirrors(&pair, ALICE), posted);
}

/// Hints that wait for Bob's machine at Alice's, with the ids of their ops.
fn hints(pair: &Pair) -> Vec<Vec<OpId>> {
    let bob = pair.people[BOB].core.me.device;
    let row = pair.people[ALICE].core.directory.get(&bob).unwrap().row;
    let waiting = lanes::waiting(pair.db(ALICE), row, 1_000).unwrap();
    let hint = |body: &[u8]| match LaneMessage::decode(body).unwrap().body {
        Some(LaneBody::Hint(hint)) => Some(hint.ops.iter().map(id).collect()),
        _ => None,
    };
    waiting.iter().filter_map(|message| hint(&message.body)).collect()
}

#[test]
fn somebody_who_missed_a_device_is_told_what_he_lacks_and_once() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let account = pair.account(ALICE);
    let mut line = Line::of(&pair, ALICE);
    let ops = [line.add(&[genesis(&account)], &device(70)), line.add(&[], &device(71))];
    keep(&mut pair, ALICE, account, &ops);
    pair.cut();
    let bob = pair.people[BOB].core.me.device;
    let named = |heads: &[OpId]| LanePlain {
        to_heads: heads.iter().map(|id| id.as_bytes().to_vec()).collect(),
        ..LanePlain::default()
    };
    let packet = |pair: &mut Pair, heads: &[OpId]| {
        let plain = named(heads);
        pair.in_turn(ALICE, |core, turn| core.compare_heads(turn, bob, &plain).unwrap());
    };
    packet(&mut pair, &[id(&ops[1])]);
    packet(&mut pair, &[]);
    assert_eq!(hints(&pair), Vec::<Vec<OpId>>::new());
    packet(&mut pair, &[id(&ops[0])]);
    assert_eq!(hints(&pair), [vec![id(&ops[1])]], "the difference alone");
    let row = pair.people[ALICE].core.directory.get(&bob).unwrap().row;
    lanes::clear(pair.db(ALICE), row).unwrap();
    packet(&mut pair, &[id(&ops[0])]);
    assert_eq!(hints(&pair), Vec::<Vec<OpId>>::new(), "told before");
    packet(&mut pair, &[genesis(&account)]);
    assert_eq!(hints(&pair), [vec![id(&ops[0]), id(&ops[1])]]);
}

#[test]
fn who_asks_for_a_log_gets_what_he_lacks_in_frames_that_fit() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let account = pair.account(ALICE);
    let mut line = Line::of(&pair, ALICE);
    let first = line.add(&[genesis(&account)], &device(70));
    keep(&mut pair, ALICE, account, std::slice::from_ref(&first));
    // As it may come from a later version, which keeps longer logs.
    let mut large = Vec::new();
    for _ in 0..5 {
        large.push(line.write(Kind::Unknown(100), &[], &[7; 15_000]));
    }
    for op in &large {
        let (header, sig, payload) = (op.header.clone(), op.sig.clone(), op.payload.clone().unwrap());
        accounts::insert(pair.db(ALICE), &accounts::AccountOp { id: id(op), account, header, sig, payload })
            .unwrap();
    }
    pair.cut();
    pair.restart(ALICE);
    pair.connect();
    pair.run_for(1_000);
    let get = |heads: &[OpId]| {
        let heads = heads.iter().map(|id| id.as_bytes().to_vec()).collect();
        StreamBody::AccountGet(AccountGet { account: account.as_bytes().to_vec(), heads })
    };
    let frames = |pair: &mut Pair, heads: &[OpId]| {
        pair.sent.clear();
        pair.inject(ALICE, get(heads));
        pair.sent.get("account").copied().unwrap_or(0)
    };
    // The wire of the pair refuses frames above 64 KiB.
    assert_eq!(frames(&mut pair, &[genesis(&account)]), 3);
    assert_eq!(frames(&mut pair, &[id(&large[3])]), 1);
    assert_eq!(frames(&mut pair, &[id(&large[4])]), 1, "an empty answer is one as well");
}

#[test]
fn ops_of_a_machine_are_taken_when_its_account_log_comes() {
    let mut pair = Pair::friends(true);
    pair.run_for(5_000);
    let (account, room) = (pair.account(ALICE), pair.room(BOB));
    let tablet = SignKey::from_seed(&[70; 32]);
    let text = madang_wire::Text { text: "from the tablet".to_owned(), ..Default::default() };
    let header = OpHeader {
        v: 1,
        conv: pair.conv().as_bytes().to_vec(),
        seq: 1,
        hlc: Hlc::from_millis(pair.now().wall).as_u64(),
        ctl: vec![1; 32],
        kind: Kind::Text.number(),
        ..OpHeader::default()
    };
    let body = payload(&text.encode_to_vec(), &mut madang_crypto::os_rng()).unwrap();
    let op = sign_op(header, body, &tablet).unwrap();
    let verified = madang_crypto::verify_op(&op.op).unwrap();
    pair.in_turn(BOB, |core, turn| {
        core.take_op(turn, room, &verified, ops::Origin::Stream).unwrap();
    });
    assert_eq!(pair.texts(BOB), Vec::<String>::new());
    let mut line = Line::of(&pair, ALICE);
    keep(&mut pair, BOB, account, &[line.add(&[genesis(&account)], &device(70))]);
    assert_eq!(pair.texts(BOB), ["from the tablet"]);
}
