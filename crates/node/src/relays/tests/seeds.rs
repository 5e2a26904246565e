//! Two people talk over a relay that lies as a seed says, while they come and go. Once there is an honest path both
//! have everything that was said, once, each author's words in their order.
//!
//! A failure prints its seed; `MADANG_SIM_SEED=n` runs that one alone. Keys are random, so another run with the same
//! seed tells the same lies to other bytes.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use madang_model::{ConvId, OpId};

use super::{
    malice::{Act, Dice, Malice},
    world::World,
};
use crate::view::MessageState;

const ALICE: usize = 0;
const BOB: usize = 1;
const MINUTE: u64 = 60_000;
const SEEDS: u64 = 60;
/// Runs at the same time: as many as the reference machine has cores.
const THREADS: u64 = 2;
/// Things that happen in one run.
const STEPS: u64 = 40;
/// Frames to a relay that may follow from one step, and from one minute that passes.
const FRAMES_PER_STEP: usize = 60;
const FRAMES_PER_MINUTE: usize = 25;

/// What a run came to.
#[derive(Debug, Default)]
struct Figures {
    said: usize,
    /// Frames to relays while one of them lied.
    frames: usize,
    lies: BTreeMap<Act, u32>,
}

/// Friends, with an honest relay beside the one that will lie.
fn template() -> (World, ConvId) {
    let mut world = World::new(&["Alice", "Bob"], 2);
    world.add_relay(ALICE, 0);
    world.add_relay(BOB, 0);
    let room = world.befriend(ALICE, BOB);
    world.pass(MINUTE);
    (world, room)
}

/// Takes a step of the story; answers what was said.
fn step(world: &mut World, room: ConvId, dice: &mut Dice, said: &mut [u32; 2]) -> Option<(usize, OpId)> {
    match dice.below(10) {
        0..=4 => {
            let who = dice.below(2) as usize;
            let message = world.say(who, room, &format!("{who} {}", said[who]));
            said[who] += 1;
            return Some((who, message));
        }
        5 => {
            let online = dice.chance(60);
            world.set_online(dice.below(2) as usize, online);
        }
        6 => world.restart(dice.below(2) as usize),
        7 => {
            let up = dice.chance(60);
            world.set_relay(0, up);
        }
        8 => world.set_direct(dice.chance(30)),
        _ => {}
    }
    None
}

fn run(world: &mut World, room: ConvId, seed: u64) -> Figures {
    let mut dice = Dice::new(seed);
    // Half of the time there is a second, honest relay from the beginning.
    if dice.chance(50) {
        world.add_relay(BOB, 1);
        world.pass(MINUTE);
    }
    world.relays[0].malice = Some(Malice::of_seed(seed));
    let sent = |world: &World| world.relays.iter().map(|relay| relay.got.len()).sum::<usize>();
    let (before, begun) = (sent(world), world.now.mono);
    let (mut said, mut messages) = ([0, 0], Vec::new());
    for _ in 0..STEPS {
        messages.extend(step(world, room, &mut dice, &mut said));
        let ms = dice.pick(&[10, 500, 2_000, 40_000, 5 * MINUTE]);
        world.pass(ms);
    }
    let figures = Figures {
        said: messages.len(),
        frames: sent(world) - before,
        lies: world.relays[0].malice.take().unwrap().done,
    };
    let minutes = ((world.now.mono - begun) / MINUTE) as usize;
    let bound = FRAMES_PER_STEP * STEPS as usize + FRAMES_PER_MINUTE * minutes;
    assert!(figures.frames <= bound, "{} frames in {minutes} minutes", figures.frames);
    heal(world, &mut dice);
    assert_whole(world, room, said);
    for (n, (who, message)) in messages.into_iter().enumerate() {
        assert_eq!(world.state(who, message).0, MessageState::Delivered, "message {n}, of {who}");
    }
    figures
}

/// An honest path: the relay keeps to the protocol, or there is another one, or both meet.
fn heal(world: &mut World, dice: &mut Dice) {
    for who in [ALICE, BOB] {
        world.set_online(who, true);
    }
    match dice.below(3) {
        0 => {
            world.set_relay(0, true);
            world.set_direct(true);
        }
        1 => {
            // It comes back empty, as after a new installation, and honest.
            world.set_direct(false);
            world.set_relay(0, false);
            world.relays[0].wipe();
            world.set_relay(0, true);
        }
        _ => {
            world.set_relay(0, false);
            world.set_direct(true);
        }
    }
    // A relay may have asked for a pause of an hour.
    world.pass(90 * MINUTE);
}

fn assert_whole(world: &World, room: ConvId, said: [u32; 2]) {
    let texts = world.texts(ALICE, room);
    assert_eq!(texts, world.texts(BOB, room), "both sides are equal");
    for who in [ALICE, BOB] {
        let own: Vec<&String> = texts.iter().filter(|text| text.starts_with(&format!("{who} "))).collect();
        let all: Vec<String> = (0..said[who]).map(|n| format!("{who} {n}")).collect();
        assert_eq!(own, all.iter().collect::<Vec<_>>(), "each once and in order");
    }
}

/// Runs some seeds on copies of one world; answers the figures of each, or the seed that failed.
fn run_all(seeds: impl Iterator<Item = u64>) -> Result<Vec<Figures>, u64> {
    let (mut template, room) = template();
    let mut all = Vec::new();
    for seed in seeds {
        let mut world = template.copy();
        let outcome = catch_unwind(AssertUnwindSafe(|| run(&mut world, room, seed)));
        match outcome {
            Ok(figures) => all.push(figures),
            Err(_) => return Err(seed),
        }
    }
    Ok(all)
}

#[test]
fn whatever_a_relay_does_an_honest_path_makes_good() {
    let one = std::env::var("MADANG_SIM_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let of_thread = |n: u64| -> Vec<u64> {
        match one {
            Some(seed) => Vec::from_iter((n == 0).then_some(seed)),
            None => (n..SEEDS).step_by(THREADS as usize).collect(),
        }
    };
    let outcomes: Vec<Result<Vec<Figures>, u64>> = std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..THREADS).map(|n| scope.spawn(move || run_all(of_thread(n).into_iter()))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let mut total = Figures::default();
    let mut most = 0;
    for outcome in outcomes {
        let figures = outcome.unwrap_or_else(|seed| panic!("seed {seed} fails: MADANG_SIM_SEED={seed}"));
        for one in figures {
            total.said += one.said;
            total.frames += one.frames;
            most = most.max(one.frames);
            for (act, n) in one.lies {
                *total.lies.entry(act).or_default() += n;
            }
        }
    }
    println!("{} said, {} frames to relays, {most} at most; {:?}", total.said, total.frames, total.lies);
}
