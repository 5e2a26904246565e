use std::time::Instant;

use madang_model::Rules;
use madang_model::control::History;

use super::*;

const POLICIES: [History; 4] = [History::All, History::Days(1), History::Now, History::None];

fn plan(history: History) -> Plan {
    Plan { history, rules: Rules::ALL, big: false }
}

/// Runs one schedule if `MADANG_SIM_SEED` names one, for the search of a failure.
fn replayed(plan: &Plan) -> bool {
    let Ok(seed) = std::env::var("MADANG_SIM_SEED") else { return false };
    let seed: u64 = seed.parse().expect("MADANG_SIM_SEED is a number");
    let (outcome, messages, keys) = run(seed, plan, &mut RecordingSealer::default()).unwrap();
    println!("seed {seed} {plan:?}: {outcome:?}, {messages} messages, {keys} keys");
    assert!(!outcome.is_bad(), "seed {seed} is bad");
    true
}

/// How many times the usual number of schedules to run: `MADANG_SIM_TIMES`, for nightly runs.
fn times() -> u64 {
    std::env::var("MADANG_SIM_TIMES").map_or(1, |times| times.parse().expect("MADANG_SIM_TIMES is a number"))
}

fn hold(plan: &Plan, schedules: u64) {
    if replayed(plan) {
        return;
    }
    let start = Instant::now();
    let schedules = schedules * times();
    let tally = run_many(0..schedules, plan).unwrap();
    println!("{:?} big={}: {tally:?} in {:.1?}", plan.history, plan.big, start.elapsed());
    assert!(tally.bad_seeds.is_empty(), "replay with MADANG_SIM_SEED: {tally:?}");
    assert!(tally.benign * 200 <= tally.schedules, "the known cases are rare: {tally:?}");
    // The schedules are worth something: messages are sent, and keys are made again and again.
    assert!(tally.messages > schedules * 3 && tally.keys > schedules * 2, "{tally:?}");
}

// ---- 20,000 schedules with all rules: 18,000 with four to six people, 2,000 with seven ----

#[test]
fn nothing_leaks_and_nobody_is_stuck_under_all() {
    hold(&plan(History::All), 4_500);
}

#[test]
fn nothing_leaks_and_nobody_is_stuck_under_days() {
    hold(&plan(History::Days(1)), 4_500);
}

#[test]
fn nothing_leaks_and_nobody_is_stuck_under_now() {
    hold(&plan(History::Now), 4_500);
}

#[test]
fn nothing_leaks_and_nobody_is_stuck_under_none() {
    hold(&plan(History::None), 4_500);
}

#[test]
fn nothing_leaks_and_nobody_is_stuck_among_seven() {
    for history in POLICIES {
        hold(&Plan { big: true, ..plan(history) }, 500);
    }
}

// ---- 300 schedules with real keys, lanes and envelopes ----

fn hold_really(histories: [History; 2]) {
    for history in histories {
        for seed in 0..75 * times() {
            let (outcome, messages, keys) = run(seed, &plan(history), &mut RealSealer::default()).unwrap();
            assert!(!outcome.is_bad(), "seed {seed} under {history:?}: {outcome:?}");
            let (same, ..) = run(seed, &plan(history), &mut RecordingSealer::default()).unwrap();
            assert_eq!(same.is_bad(), outcome.is_bad(), "seed {seed}: {messages} messages, {keys} keys");
        }
    }
}

#[test]
fn real_cryptography_keeps_the_rules_under_all_and_days() {
    hold_really([History::All, History::Days(1)]);
}

#[test]
fn real_cryptography_keeps_the_rules_under_now_and_none() {
    hold_really([History::Now, History::None]);
}

// ---- each rule that is left out is noticed within 1,000 schedules ----

fn noticed(name: &str, history: History, rules: Rules, sign: impl Fn(&Tally) -> u64) {
    let tally = run_many(0..1_000, &Plan { rules, ..plan(history) }).unwrap();
    println!("without {name}: {tally:?}", tally = Tally { bad_seeds: vec![], ..tally.clone() });
    assert!(sign(&tally) > 0, "without {name} nothing was noticed: {tally:?}");
}

#[test]
fn without_the_basis_check_of_re_share_keys_reach_removed_people() {
    noticed("re-share (i)", History::All, Rules { reshare_basis: false, ..Rules::ALL }, |t| t.leak_removed);
}

#[test]
fn without_b_and_c_over_accounts_removed_people_read_on() {
    noticed("(b) and (c) over accounts", History::All, Rules { accounts: false, ..Rules::ALL }, |t| {
        t.leak_removed
    });
}

#[test]
fn without_b_and_c_over_devices_removed_machines_read_on() {
    noticed("(b) and (c) over devices", History::All, Rules { devices: false, ..Rules::ALL }, |t| {
        t.leak_removed
    });
}

#[test]
fn without_re_share_iii_newcomers_read_what_was_before_them() {
    noticed("re-share (iii)", History::Now, Rules { reshare_history: false, ..Rules::ALL }, |t| {
        t.leak_history
    });
}

#[test]
fn without_e_newcomers_cannot_read() {
    noticed("(e)", History::Now, Rules { coverage: false, ..Rules::ALL }, |t| t.unreadable + t.stuck);
}

#[test]
fn a_schedule_is_a_function_of_its_seed() {
    let once = run_many(0..50, &plan(History::Now)).unwrap();
    assert_eq!(once, run_many(0..50, &plan(History::Now)).unwrap());
    assert_ne!(once.messages, run_many(50..100, &plan(History::Now)).unwrap().messages);
}

#[test]
fn the_recording_sealer_opens_only_for_holders() {
    let mut sealer = RecordingSealer::default();
    let created = madang_model::Hlc::from_millis(1);
    sealer.new_key(&NewKey { maker: 3, epoch: 1, basis: &[], created });
    let sealed = sealer.seal(3, 0, b"hello");
    assert_eq!((sealer.open(3, &sealed), sealer.open(4, &sealed)), (Some(b"hello".to_vec()), None));
    sealer.give(0, 3, 4);
    assert_eq!(sealer.open(4, &sealed), Some(b"hello".to_vec()));
}
