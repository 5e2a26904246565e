//! The workload that every messenger is measured with: one JSON line, real `madang` processes on the loopback, durable
//! commits on both sides. Progress goes to standard error.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints its figures")]

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use madang_testkit::{Connection, Pair, Party};
use serde_json::{Value, json};

/// Messages of the latency measurement, one after the other.
const SEQUENTIAL: usize = 300;
/// Messages of the rate measurement and of the queue for somebody away.
const PIPELINED: usize = 2_000;
/// Messages in the home whose start is measured.
const HISTORY: usize = 10_000;
/// Random bytes of a text; they travel as hexadecimal digits, so the text is this long.
const TEXT: usize = 200;
/// Calls that wait for an answer at one time, as many as one connection of the socket allows.
const WINDOW: usize = 32;
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> Result<()> {
    let pair = Pair::new(&[])?;
    let version = version(&pair.alice)?;
    let mut line = json!({
        "system": "madang", "version": version, "transport": "libp2p tcp noise yamux, loopback", "e2ee": true, "durable": true,
        "group_n": null, "group_rate": null, "file_mb": null, "file_mb_s": null,
        "notes": if cfg!(debug_assertions) { "debug build" } else { "release build" },
    });
    let mut note = |figures: Value| {
        eprintln!("{figures}");
        if let (Some(line), Value::Object(figures)) = (line.as_object_mut(), figures) {
            line.extend(figures);
        }
    };
    note(latency(&pair)?);
    note(rate(&pair)?);
    note(json!({ "idle_rss_mb": resident_mb(&pair.bob)? }));
    let mut pair = pair;
    note(offline(&mut pair)?);
    note(start(&mut pair)?);
    println!("{line}");
    Ok(())
}

fn version(party: &Party) -> Result<String> {
    let output = party.person.command()?.arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().trim_start_matches("madang ").to_owned())
}

/// A text of random letters that no run has seen before.
fn text(number: usize) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    let mut state = u64::try_from(now & u128::from(u64::MAX)).unwrap_or(1) ^ (number as u64) << 32;
    let mut text = String::with_capacity(TEXT);
    while text.len() < TEXT {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:08x}", state >> 32));
    }
    text
}

fn send(room: &str, number: usize) -> Value {
    json!({ "room": room, "text": text(number) })
}

/// Waits for this many messages of a room.
fn await_messages(events: &mut Connection, room: &str, count: usize) -> Result<()> {
    let mut left = count;
    while left > 0 {
        let event = events.event(PATIENCE)?;
        anyhow::ensure!(event["event"] != "resync", "events were lost, the figure would be wrong");
        if event["event"] == "message" && event["room"] == room {
            left -= 1;
        }
    }
    Ok(())
}

/// From the call of the sender to the event of the receiver, which comes after its commit.
fn latency(pair: &Pair) -> Result<Value> {
    let mut alice = Connection::new(&pair.alice.person)?;
    let mut bob = Connection::new(&pair.bob.person)?;
    bob.subscribe()?;
    let mut times = Vec::with_capacity(SEQUENTIAL);
    for number in 0..SEQUENTIAL {
        let params = send(&pair.room, number);
        let start = Instant::now();
        alice.begin("message_send", &params)?;
        await_messages(&mut bob, &pair.room, 1)?;
        times.push(start.elapsed().as_secs_f64() * 1_000.0);
        alice.answer(PATIENCE)?;
    }
    times.sort_by(f64::total_cmp);
    let at = |part: usize| times.get(SEQUENTIAL * part / 100).copied().context("no latency");
    Ok(json!({ "lat_p50_ms": rounded(at(50)?), "lat_p99_ms": rounded(at(99)?) }))
}

/// Many calls on their way at once; until the last one is committed at the receiver.
fn rate(pair: &Pair) -> Result<Value> {
    let before = pair.bob.messages(&pair.room)?.len();
    let mut alice = Connection::new(&pair.alice.person)?;
    let start = Instant::now();
    let mut waiting = 0_usize;
    for number in 0..PIPELINED {
        if waiting == WINDOW {
            alice.answer(PATIENCE)?;
            waiting -= 1;
        }
        alice.begin("message_send", &send(&pair.room, number))?;
        waiting += 1;
    }
    for _ in 0..waiting {
        alice.answer(PATIENCE)?;
    }
    let mut bob = Connection::new(&pair.bob.person)?;
    until_last(&mut bob, &pair.room, &last(&mut alice, &pair.room)?)?;
    let mut seconds = start.elapsed().as_secs_f64();
    // The last one may overtake others: a few go over gossip, many over the stream.
    let mut come = pair.bob.messages(&pair.room)?.len() - before;
    while come < PIPELINED && start.elapsed() < PATIENCE {
        come = pair.bob.messages(&pair.room)?.len() - before;
        seconds = start.elapsed().as_secs_f64();
    }
    anyhow::ensure!(come == PIPELINED, "{come} messages came");
    Ok(json!({ "rate_msgs_s": (PIPELINED as f64 / seconds).round() }))
}

/// The newest message of a room.
fn last(node: &mut Connection, room: &str) -> Result<Value> {
    let page = node.call("message_list", &json!({ "room": room, "limit": 1 }), PATIENCE)?;
    Ok(page[0]["message"].clone())
}

fn until_last(node: &mut Connection, room: &str, wanted: &Value) -> Result<()> {
    let start = Instant::now();
    while last(node, room)? != *wanted {
        anyhow::ensure!(start.elapsed() < PATIENCE, "the last message did not come");
    }
    Ok(())
}

/// From the start of the receiver's process until it has committed what was queued for it.
fn offline(pair: &mut Pair) -> Result<Value> {
    pair.bob.stop()?;
    let room = pair.room.clone();
    let all = pair.alice.messages(&room)?.len() + PIPELINED;
    pair.alice.say(&["send", &room, "--count", &PIPELINED.to_string(), &text(0)])?;
    let wanted = last(&mut Connection::new(&pair.alice.person)?, &room)?;
    let start = Instant::now();
    pair.bob.start()?;
    until_last(&mut Connection::new(&pair.bob.person)?, &room, &wanted)?;
    let seconds = start.elapsed().as_secs_f64();
    pair.wait_same(all, PATIENCE)?;
    Ok(json!({ "offline_n": PIPELINED, "offline_s": rounded(seconds) }))
}

/// From the start of the process until commands are answered, with a long history in the home.
fn start(pair: &mut Pair) -> Result<Value> {
    let have = pair.alice.messages(&pair.room)?.len();
    if have < HISTORY {
        pair.alice.say(&["send", &pair.room, "--count", &(HISTORY - have).to_string(), &text(1)])?;
    }
    pair.alice.stop()?;
    let start = Instant::now();
    pair.alice.start()?;
    Ok(json!({ "start_10k_s": rounded(start.elapsed().as_secs_f64()) }))
}

/// Resident memory of a node that has nothing to do.
fn resident_mb(party: &Party) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", party.process()?.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok((kib / 1_024.0).round())
}

fn rounded(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}
