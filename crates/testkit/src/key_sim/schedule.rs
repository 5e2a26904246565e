//! One random schedule, and many of them on several threads.
//!
//! Owns who does what when. Must not repeat rules: every question is put to `madang_model`. Invariant: the same
//! seed and plan give the same schedule.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use madang_model::control::History;
use madang_model::keys::{KeyFacts, may_reshare, next_epoch, usable};
use madang_model::{Change, Hlc, LogError, Role, Rules, View};

use super::outcome::{Outcome, Tally, judge};
use super::people::{MACHINES, People, device, person_of};
use super::rng::Rng;
use super::sealer::{Ciphertext, NewKey, RecordingSealer, Sealer};

/// Threads that run schedules; the machines that check every change have two cores.
const THREADS: u64 = 2;
/// Longest pause between two steps, milliseconds: a schedule spans days, so that ages and `days:N` matter.
const PAUSE_MAX_MS: usize = 3 * 3_600_000;

/// What schedules to run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// History policy of the conversation.
    pub history: History,
    /// The rules in force.
    pub rules: Rules,
    /// Seven people and 110 steps instead of four to six and 60.
    pub big: bool,
}

pub(super) struct Key {
    pub(super) facts: KeyFacts,
    pub(super) basis: Arc<View>,
}

pub(super) struct Message {
    pub(super) view: Arc<View>,
    pub(super) sealed: Ciphertext,
}

pub(super) struct World<'a, S> {
    pub(super) people: People,
    pub(super) sealer: &'a mut S,
    pub(super) keys: Vec<Key>,
    pub(super) messages: Vec<Message>,
    /// For each key and machine the view of whoever handed it over first.
    pub(super) given: BTreeMap<(usize, usize), Arc<View>>,
    rules: Rules,
    /// A person who never takes note of the own removal, if there is one.
    hermit: Option<usize>,
    rng: Rng,
}

/// Runs one schedule and tells what went wrong, with the number of messages and keys.
pub fn run<S: Sealer>(seed: u64, plan: &Plan, sealer: &mut S) -> Result<(Outcome, u64, u64), LogError> {
    let mut rng = Rng::new(seed);
    let count = if plan.big { 7 } else { 4 + (seed % 3) as usize };
    let people = People::new(count, plan.history, &mut rng)?;
    let hermit = rng.chance(40).then(|| 1 + rng.below(count - 1));
    let (keys, messages, given) = (Vec::new(), Vec::new(), BTreeMap::new());
    let mut world = World { people, sealer, keys, messages, given, rules: plan.rules, hermit, rng };
    for _ in 0..if plan.big { 110 } else { 60 } {
        world.people.now_ms += world.rng.below(PAUSE_MAX_MS) as u64;
        world.step()?;
    }
    let outcome = world.settle();
    Ok((outcome, world.messages.len() as u64, world.keys.len() as u64))
}

/// Runs the schedules of these seeds on two threads with a recording sealer.
pub fn run_many(seeds: Range<u64>, plan: &Plan) -> Result<Tally, LogError> {
    let (start, end) = (seeds.start, seeds.end);
    let part = |offset: u64| -> Result<Tally, LogError> {
        let mut tally = Tally::default();
        let mut seed = start + offset;
        while seed < end {
            let (outcome, messages, keys) = run(seed, plan, &mut RecordingSealer::default())?;
            tally.count(seed, &outcome);
            tally.messages += messages;
            tally.keys += keys;
            seed += THREADS;
        }
        Ok(tally)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|offset| scope.spawn(move || part(offset))).collect();
        let mut tally = Tally::default();
        for thread in threads {
            match thread.join() {
                Ok(part) => tally.merge(&part?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(tally)
    })
}

impl<S: Sealer> World<'_, S> {
    fn step(&mut self) -> Result<(), LogError> {
        let machines = self.people.views.len();
        let machine = self.rng.below(machines);
        let person = self.rng.below(machines / MACHINES);
        let role = [Role::Admin, Role::Moderator, Role::Member, Role::Reader][self.rng.below(4)];
        let inside = self.people.is_in(machine);
        match self.rng.below(100) {
            0..=33 => self.sync(machine),
            34..=52 if !inside => {}
            34..=41 if person != person_of(machine) => self.people.remove(machine, person, &mut self.rng)?,
            42..=49 => self.add(machine, person, role)?,
            50..=52 => {
                let account = self.people.accounts[person];
                self.people.write(machine, Change::Role { account, role }, &mut self.rng)?;
            }
            53..=59 if inside => self.change_machines(machine)?,
            60 if inside => {
                let change = if self.rng.chance(50) {
                    Change::Leave { quiet: false }
                } else {
                    Change::Transfer { account: self.people.accounts[person] }
                };
                self.people.write(machine, change, &mut self.rng)?;
            }
            61..=79 => self.ask(machine),
            80.. if inside => self.send(machine),
            _ => {}
        }
        Ok(())
    }

    /// Shows another machine everything this one has seen, unless that one does not want to know.
    fn sync(&mut self, machine: usize) {
        let other = self.rng.below(self.people.views.len());
        let heads = self.people.views[machine].heads().to_vec();
        let before = Arc::clone(&self.people.views[other]);
        let was_in = self.people.is_in(other);
        self.people.see(other, &heads);
        if self.hermit == Some(person_of(other)) && was_in && !self.people.is_in(other) {
            self.people.views[other] = before;
        }
    }

    fn add(&mut self, machine: usize, person: usize, role: Role) -> Result<(), LogError> {
        let up_to_date = self.rng.chance(30);
        self.people.add(machine, person, role, up_to_date, &mut self.rng)?;
        if let Some(key) = self.current(machine) {
            for target in person * MACHINES..(person + 1) * MACHINES {
                self.share(key, machine, target, 70);
            }
        }
        Ok(())
    }

    fn change_machines(&mut self, machine: usize) -> Result<(), LogError> {
        match self.rng.below(10) {
            0..=3 => {
                self.people.link(machine, &mut self.rng)?;
                let own = person_of(machine) * MACHINES + MACHINES - 1;
                // A sponsor gives a new machine of his own all current keys.
                if let Some(key) = self.current(machine) {
                    self.share(key, machine, own, 70);
                }
                Ok(())
            }
            4..=8 => {
                let target = person_of(machine) * MACHINES + self.rng.below(MACHINES);
                self.people.revoke(machine, target, &mut self.rng)
            }
            _ => self.people.mirror_again(machine, &mut self.rng),
        }
    }

    /// Asks any machine for any key; also machines that were removed, or never were in, ask.
    fn ask(&mut self, machine: usize) {
        if self.keys.is_empty() {
            return;
        }
        let (holder, key) = (self.rng.below(self.people.views.len()), self.rng.below(self.keys.len()));
        self.share(key, holder, machine, 100);
    }

    /// Hands a key over if the rules allow it and the share is not lost.
    fn share(&mut self, key: usize, holder: usize, target: usize, percent: u64) {
        if !self.sealer.holds(holder, key) || self.sealer.holds(target, key) || !self.rng.chance(percent) {
            return;
        }
        let view = Arc::clone(&self.people.views[holder]);
        let Key { facts, basis } = &self.keys[key];
        if may_reshare(facts, basis, &view, &device(target), &self.rules).is_ok() {
            self.sealer.give(key, holder, target);
            self.given.insert((key, target), view);
        }
    }

    fn send(&mut self, machine: usize) {
        let key = self.current(machine).unwrap_or_else(|| self.new_key(machine));
        let text = self.messages.len().to_be_bytes();
        let sealed = self.sealer.seal(machine, key, &text);
        self.messages.push(Message { view: Arc::clone(&self.people.views[machine]), sealed });
    }

    /// The key this machine would send with: of those it holds.
    fn current(&self, machine: usize) -> Option<usize> {
        let view = &self.people.views[machine];
        let may_send = |(number, key): &(usize, &Key)| {
            self.sealer.holds(machine, *number)
                && usable(&key.facts, &key.basis, view, self.people.now_ms, &self.rules).is_ok()
        };
        let best = self.keys.iter().enumerate().filter(may_send).max_by_key(|(_, key)| key.facts.rank());
        best.map(|(number, _)| number)
    }

    fn new_key(&mut self, machine: usize) -> usize {
        let basis = Arc::clone(&self.people.views[machine]);
        let held = self.keys.iter().enumerate().filter(|(n, _)| self.sealer.holds(machine, *n));
        let epoch = next_epoch(held.map(|(_, key)| &key.facts));
        let created = Hlc::from_millis(self.people.now_ms);
        let id = self.sealer.new_key(&NewKey { maker: machine, epoch, basis: basis.heads(), created });
        let facts = KeyFacts { id, epoch, basis: basis.heads().to_vec(), creator: device(machine), created };
        let key = self.keys.len();
        self.given.insert((key, machine), Arc::clone(&basis));
        self.keys.push(Key { facts, basis: Arc::clone(&basis) });
        for target in 0..self.people.views.len() {
            let named = basis.devices().contains_key(&device(target));
            if named && target != machine && self.rng.chance(70) {
                self.sealer.give(key, machine, target);
                self.given.insert((key, target), Arc::clone(&basis));
            }
        }
        key
    }

    /// Everybody sees everything, somebody sends, everybody asks for every key; then the counters are read.
    fn settle(&mut self) -> Outcome {
        let all = self.people.log.view();
        self.people.views.fill(Arc::clone(&all));
        let members: Vec<usize> =
            (0..self.people.views.len()).filter(|m| all.devices().contains_key(&device(*m))).collect();
        let mut outcome = Outcome::default();
        if let Some(sender) = members.first().copied() {
            let key = self.current(sender).unwrap_or_else(|| self.new_key(sender));
            self.ask_for_everything();
            let choices: Vec<Option<usize>> = members.iter().map(|m| self.current(*m)).collect();
            outcome.stuck = members.iter().any(|m| !self.sealer.holds(*m, key))
                || choices.iter().any(|choice| choice.is_none() || *choice != choices[0]);
        }
        judge(self, &all, &mut outcome);
        outcome
    }

    fn ask_for_everything(&mut self) {
        for key in 0..self.keys.len() {
            for target in 0..self.people.views.len() {
                for holder in 0..self.people.views.len() {
                    self.share(key, holder, target, 100);
                }
            }
        }
    }
}
