//! What a relay does against the protocol, as a seed says.
//!
//! Owns what happens to the frames that leave a relay, and to what it has stored. Invariant: the same seed and the same
//! frames lead to the same acts.

use std::collections::BTreeMap;

use madang_wire::{Items, RErr, ROk, RelayBody, RelayFrame, Slot, Stored};

use super::relay::{FakeRelay, Who, refusal};

/// Numbers from a seed (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1))
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.roll() % n
    }

    /// True in so many of a hundred cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// Something that a relay may do to a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Act {
    /// What it said to be stored is thrown away.
    Forget,
    /// A frame comes later.
    Withhold,
    /// A frame never comes.
    Silence,
    /// A frame comes again.
    Repeat,
    /// Frames overtake each other.
    Reorder,
    /// Items of a page come in another order.
    Shuffle,
    /// Items of a page are left out.
    Omit,
    /// A page says that everything before it was lost.
    Truncate,
    /// A page says that the log ends somewhere else.
    Head,
    /// A box is of another epoch.
    Epoch,
    /// An answer names another part of the request.
    Index,
    /// A number of an item is nonsense.
    Number,
    /// A request is refused for no reason.
    Refuse,
    /// The answer is one to another question.
    Confuse,
    /// The greeting is not that of this relay.
    Greet,
    /// A slot is given as it was.
    OldSlot,
}

pub(super) const ACTS: [Act; 16] = [
    Act::Forget,
    Act::Withhold,
    Act::Silence,
    Act::Repeat,
    Act::Reorder,
    Act::Shuffle,
    Act::Omit,
    Act::Truncate,
    Act::Head,
    Act::Epoch,
    Act::Index,
    Act::Number,
    Act::Refuse,
    Act::Confuse,
    Act::Greet,
    Act::OldSlot,
];

/// Frames that are kept back at once.
const HELD_MAX: usize = 200;

/// The malice of one relay.
#[derive(Clone, Debug)]
pub(super) struct Malice {
    dice: Dice,
    /// What it does, with the percentage of frames that it does it to.
    acts: BTreeMap<Act, u64>,
    held: Vec<(Who, RelayFrame)>,
    /// Slots as they were first read, by their key.
    slots: BTreeMap<Vec<u8>, Slot>,
    /// What was done, and how often.
    pub(super) done: BTreeMap<Act, u32>,
}

impl Malice {
    /// Some acts, each with its own frequency.
    pub(super) fn of_seed(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut acts = BTreeMap::new();
        for act in ACTS {
            if dice.chance(40) {
                acts.insert(act, dice.pick(&[2, 5, 10, 30]));
            }
        }
        Self::new(dice, acts)
    }

    /// One act, to so many of a hundred frames that it fits.
    pub(super) fn only(act: Act, percent: u64) -> Self {
        Self::new(Dice::new(7), BTreeMap::from([(act, percent)]))
    }

    fn new(dice: Dice, acts: BTreeMap<Act, u64>) -> Self {
        Self { dice, acts, held: Vec::new(), slots: BTreeMap::new(), done: BTreeMap::new() }
    }

    fn does(&mut self, act: Act) -> bool {
        let percent = self.acts.get(&act).copied().unwrap_or(0);
        let does = percent > 0 && self.dice.chance(percent);
        if does {
            *self.done.entry(act).or_default() += 1;
        }
        does
    }

    /// What leaves instead of what should.
    pub(super) fn bend(
        &mut self,
        relay: &mut FakeRelay,
        frames: Vec<(Who, RelayFrame)>,
    ) -> Vec<(Who, RelayFrame)> {
        let mut out = Vec::new();
        for (who, mut frame) in frames {
            if let Some(body) = frame.body.take() {
                frame.body = Some(self.body(relay, body));
            }
            if self.does(Act::Silence) {
                continue;
            }
            if self.held.len() < HELD_MAX && self.does(Act::Withhold) {
                self.held.push((who, frame));
                continue;
            }
            if self.does(Act::Repeat) {
                out.push((who, frame.clone()));
            }
            out.push((who, frame));
        }
        if !self.held.is_empty() && self.dice.chance(20) {
            let at = self.dice.below(self.held.len() as u64) as usize;
            out.push(self.held.swap_remove(at));
        }
        if out.len() > 1 && self.does(Act::Reorder) {
            let (from, to) = (self.dice.below(out.len() as u64), self.dice.below(out.len() as u64));
            out.swap(from as usize, to as usize);
        }
        out
    }

    fn body(&mut self, relay: &mut FakeRelay, body: RelayBody) -> RelayBody {
        let asked = !matches!(body, RelayBody::Items(_) | RelayBody::Err(_));
        if asked && self.does(Act::Refuse) {
            let code = self.dice.pick(&[
                "quota",
                "token",
                "auth",
                "admission",
                "not_found",
                "version",
                "busy",
                "too_large",
                "bad_frame",
                "\u{1f4a5}",
            ]);
            let retry_ms = self.dice.pick(&[0, 0, 1_000, u32::MAX]);
            let index = match &body {
                RelayBody::Stored(stored) => stored.index,
                _ => 0,
            };
            return refusal(code, retry_ms, index);
        }
        if asked && self.does(Act::Confuse) {
            return RelayBody::Ok(ROk {});
        }
        match body {
            RelayBody::HelloOk(mut hello) => {
                if self.does(Act::Greet) {
                    match self.dice.below(4) {
                        0 => hello.relay_key = vec![9; 32],
                        1 => hello.relay_key.truncate(31),
                        2 => hello.v = 9,
                        _ => hello.challenge.clear(),
                    }
                }
                RelayBody::HelloOk(hello)
            }
            RelayBody::Created(mut created) => {
                self.epoch(&mut created.epoch);
                RelayBody::Created(created)
            }
            RelayBody::Stored(stored) => RelayBody::Stored(self.stored(relay, stored)),
            RelayBody::Items(items) => RelayBody::Items(self.items(items)),
            RelayBody::Err(error) => RelayBody::Err(self.error(error)),
            RelayBody::Slot(slot) => {
                let first = self.slots.entry(slot.slot_pub.clone()).or_insert_with(|| slot.clone()).clone();
                RelayBody::Slot(if self.does(Act::OldSlot) { first } else { slot })
            }
            other => other,
        }
    }

    fn epoch(&mut self, epoch: &mut Vec<u8>) {
        if self.does(Act::Epoch) {
            let length = self.dice.pick(&[8, 8, 8, 0, 3, 9]);
            *epoch = self.dice.roll().to_be_bytes().into_iter().cycle().take(length).collect();
        }
    }

    fn stored(&mut self, relay: &mut FakeRelay, mut stored: Stored) -> Stored {
        if self.does(Act::Forget)
            && let Ok(at) = stored.box_id.as_slice().try_into()
            && let Some(kept) = relay.boxes.get_mut::<[u8; 16]>(&at)
        {
            kept.items.retain(|item| item.seq != stored.seq);
        }
        self.epoch(&mut stored.epoch);
        if self.does(Act::Index) {
            stored.index = self.dice.pick(&[0, 1, 63, 64, u32::MAX]);
        }
        if self.does(Act::Number) {
            stored.seq = self.dice.pick(&[0, 1, u64::MAX]);
        }
        stored
    }

    fn items(&mut self, mut items: Items) -> Items {
        if self.does(Act::Omit) && !items.items.is_empty() {
            let at = self.dice.below(items.items.len() as u64) as usize;
            items.items.remove(at);
        }
        if self.does(Act::Shuffle) {
            items.items.reverse();
        }
        if self.does(Act::Truncate) {
            items.truncated_before = self.dice.pick(&[items.head + 1, items.head, u64::MAX]);
        }
        if self.does(Act::Head) {
            items.head = self.dice.pick(&[0, 1, items.head + 100, u64::MAX]);
        }
        if self.does(Act::Number)
            && let Some(item) = items.items.last_mut()
        {
            item.seq = self.dice.pick(&[0, item.seq + 1_000, u64::MAX]);
        }
        self.epoch(&mut items.epoch);
        items
    }

    fn error(&mut self, mut error: RErr) -> RErr {
        if self.does(Act::Index) {
            error.index = self.dice.pick(&[0, 1, 64, u32::MAX]);
        }
        error
    }
}
