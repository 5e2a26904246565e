//! Coverage-guided fuzzing of what strangers can reach: inputs that reach something new are kept and changed further.
//!
//! `cargo run` in this folder goes through all targets for `MADANG_FUZZ_SECONDS` each (60 when it is not set);
//! `cargo run -- TARGET…` through those named; `cargo run -- TARGET FILE` feeds one input. What was found is kept in
//! `artifacts/fuzz`, and the next run goes on from there.
//!
//! It must not know what is fed: targets and samples are those of the tests of the wire and the crypto crate.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

#[path = "../../crates/wire/tests/hostile/bytes.rs"]
#[allow(dead_code, reason = "the loop of the tests is another one")]
mod bytes;
mod counters;
#[path = "../../crates/wire/tests/hostile/decoders.rs"]
mod decoders;
#[path = "../../crates/crypto/src/tests/hostile/script.rs"]
mod script;
#[path = "../../crates/crypto/src/tests/hostile/strangers.rs"]
mod strangers;

extern crate madang_crypto;

use bytes::{LONG, Rng, Target, hostile};
use counters::Reached;
use sha2::{Digest as _, Sha256};

/// Where findings are kept.
const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../artifacts/fuzz");

/// A target with the inputs to begin with.
struct Job {
    name: &'static str,
    target: Target,
    samples: Vec<Vec<u8>>,
}

fn jobs() -> Vec<Job> {
    let wire = decoders::DECODERS.iter();
    let mut jobs: Vec<Job> =
        wire.map(|(name, target)| Job { name, target: *target, samples: decoders::samples() }).collect();
    let others: [(&str, Target, Vec<Vec<u8>>); 4] = [
        ("strangers_account_logs", strangers::account_logs, script::samples()),
        ("strangers_contact_requests", strangers::contact_requests, strangers::requests()),
        ("strangers_invite_records", strangers::invite_records, strangers::records()),
        ("strangers_lane_packets", strangers::lane_packets, strangers::packets()),
    ];
    jobs.extend(others.map(|(name, target, samples)| Job { name, target, samples }));
    jobs
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut jobs = jobs();
    if let [name, file] = arguments.as_slice()
        && Path::new(file).is_file()
    {
        let job = jobs.iter().find(|job| job.name == name).expect("a target of this name");
        (job.target)(&fs::read(file).unwrap());
        println!("{name}: nothing happens");
        return ExitCode::SUCCESS;
    }
    jobs.retain(|job| arguments.is_empty() || arguments.iter().any(|name| name == job.name));
    assert!(!jobs.is_empty(), "no target of this name");
    let seconds = std::env::var("MADANG_FUZZ_SECONDS").map_or(60, |text| text.parse().unwrap());
    let good =
        jobs.into_iter().map(|job| run(job, Duration::from_secs(seconds))).fold(true, |all, good| all & good);
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one target; answers whether nothing was found.
fn run(job: Job, time: Duration) -> bool {
    let folder = Path::new(KEPT).join(job.name);
    fs::create_dir_all(&folder).unwrap();
    let mut corpus = job.samples;
    for entry in fs::read_dir(&folder).unwrap() {
        corpus.push(fs::read(entry.unwrap().path()).unwrap());
    }
    let mut reached = Reached::new().expect("built with the flags in .cargo/config.toml");
    for sample in &corpus {
        if let Err(why) = feed(job.target, sample, &mut reached) {
            return found(job.name, sample, &why);
        }
        reached.grown();
    }
    let before = reached.branches().0;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    let mut rng = Rng(u64::try_from(now & u128::from(u64::MAX)).unwrap());
    let (end, mut fed) = (Instant::now() + time, 0_u64);
    while Instant::now() < end {
        let input = hostile(&mut rng, &corpus);
        if let Err(why) = feed(job.target, &input, &mut reached) {
            return found(job.name, &input, &why);
        }
        if reached.grown() {
            fs::write(folder.join(name(&input)), &input).unwrap();
            corpus.push(input);
        }
        fed += 1;
    }
    let (branches, all) = reached.branches();
    println!("{}: {fed} inputs, {} kept, {before} -> {branches} of {all} branches", job.name, corpus.len());
    true
}

fn feed(target: Target, input: &[u8], reached: &mut Reached) -> Result<(), String> {
    reached.reset();
    let start = Instant::now();
    match catch_unwind(AssertUnwindSafe(|| target(input))) {
        Err(_) => Err("panics".to_owned()),
        Ok(()) if start.elapsed() > LONG => Err(format!("takes {:?}", start.elapsed())),
        Ok(()) => Ok(()),
    }
}

fn found(target: &str, input: &[u8], why: &str) -> bool {
    let file: PathBuf = Path::new(KEPT).join(format!("found-{target}-{}", name(input)));
    fs::write(&file, input).unwrap();
    println!("{target} {why}: {}", file.display());
    false
}

fn name(input: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(input)[..8])
}
