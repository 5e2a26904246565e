//! Faults of the machine: a process killed between and within commits, a second process, a file that may not grow.
//!
//! The children are this test program again, running one named test of it with a home in the environment. Without one,
//! those tests run the same steps for a bounded time on a home of their own.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking")]

use madang_store::{Error, Home, OpenError, Store, meta};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const KEY: [u8; 32] = [3; 32];
const HOME: &str = "MADANG_TEST_HOME";
/// Values written per commit; a commit that is half there shows fewer.
const VALUES: usize = 5;
/// Commits a child makes when nobody kills it.
const COMMITS: u64 = 40;

fn child(test: &str, home: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).env(HOME, home);
    command
}

fn open(home: &Home) -> Store {
    match Store::create(&home.paths().store(), &KEY) {
        Err(OpenError::Exists) => Store::open(&home.paths().store(), &KEY).unwrap(),
        made => made.unwrap(),
    }
}

/// The home in the environment, or a fresh one and a bound on the work.
fn given_home() -> (Option<tempfile::TempDir>, PathBuf, u64) {
    match std::env::var_os(HOME) {
        Some(home) => (None, PathBuf::from(home), u64::MAX),
        None => {
            let dir = tempfile::TempDir::new().unwrap();
            let path = dir.path().to_owned();
            (Some(dir), path, COMMITS)
        }
    }
}

/// How many whole commits a store holds, after checking that none is half there.
fn whole_commits(store: &Store) -> u64 {
    let keys = meta::list(store.writer.conn(), "commit ").unwrap();
    assert_eq!(keys.len() % VALUES, 0, "a commit is there in part");
    (keys.len() / VALUES) as u64
}

fn commit(store: &mut Store, number: u64) -> Result<(), Error> {
    let tx = store.writer.begin()?;
    for part in 0..VALUES {
        meta::set(&tx, &format!("commit {number:06} {part}"), &[number as u8; 700])?;
    }
    tx.commit()
}

#[test]
fn commits_until_killed() {
    let (_dir, path, bound) = given_home();
    let home = Home::open(&path).unwrap();
    let mut store = open(&home);
    let first = whole_commits(&store);
    for number in first..first.saturating_add(bound) {
        commit(&mut store, number).unwrap();
        println!("\ncommitted {number}");
        std::io::stdout().flush().unwrap();
    }
    assert_eq!(whole_commits(&store), first + bound);
}

/// Kills a child after `pause` and answers the number of commits it had told of.
fn kill_after(mut process: Child, pause: Duration) -> u64 {
    let output = BufReader::new(process.stdout.take().unwrap());
    let reader = std::thread::spawn(move || {
        let mut told = 0;
        for line in output.lines().map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("committed ") {
                told = number.parse::<u64>().unwrap() + 1;
            }
        }
        told
    });
    std::thread::sleep(pause);
    process.kill().unwrap();
    process.wait().unwrap();
    reader.join().unwrap()
}

#[test]
fn a_killed_process_loses_no_commit_it_told_of_and_leaves_none_in_part() {
    let dir = tempfile::TempDir::new().unwrap();
    let mut told_in_all = 0;
    for round in 0..12_u64 {
        let process = child("commits_until_killed", dir.path()).stdout(Stdio::piped()).spawn().unwrap();
        // The pauses are spread over the first commits, the checkpoints and the opening itself.
        let told = kill_after(process, Duration::from_millis(40 + round * 37));
        if !dir.path().join("store.db").exists() {
            assert_eq!(told, 0);
            continue;
        }
        let store = Store::open(&dir.path().join("store.db"), &KEY).unwrap();
        let found = whole_commits(&store);
        assert!(found >= told, "round {round}: told of {told}, found {found}");
        assert!(found >= told_in_all);
        assert!(store.writer.inspect().unwrap().is_empty());
        told_in_all = found;
    }
    println!("commits found after 12 kills: {told_in_all}");
    assert!(told_in_all > 0, "no child came as far as one commit");
}

#[test]
fn holds_a_home_until_stdin_ends() {
    let (_dir, path, bound) = given_home();
    let home = Home::open(&path).unwrap();
    println!("\nholding {}", std::process::id());
    std::io::stdout().flush().unwrap();
    if bound == u64::MAX {
        std::io::stdin().lines().for_each(drop);
    }
    assert_eq!(Home::peek(&path).unwrap().pid, Some(std::process::id()));
    drop(home);
}

#[test]
fn a_second_process_is_told_who_holds_the_home() {
    let dir = tempfile::TempDir::new().unwrap();
    let mut process = child("holds_a_home_until_stdin_ends", dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().starts_with("holding ")).unwrap().unwrap();
    match Home::open(dir.path()) {
        Err(OpenError::InUse { pid }) => assert_eq!(pid, process.id()),
        other => panic!("the second process got {other:?}"),
    }
    process.kill().unwrap();
    process.wait().unwrap();
    assert!(Home::peek(dir.path()).unwrap().pid.is_some(), "a killed holder leaves its number");
    drop(Home::open(dir.path()).unwrap());
}

#[test]
fn writes_until_a_file_may_not_grow() {
    let (_dir, path, bound) = given_home();
    let home = Home::open(&path).unwrap();
    let mut store = open(&home);
    let before = whole_commits(&store);
    let mut done = before;
    let failure = loop {
        if done - before == bound {
            break None;
        }
        match commit(&mut store, done) {
            Ok(()) => done += 1,
            Err(error) => break Some(error),
        }
    };
    assert!(matches!(failure, None | Some(Error::DiskFull | Error::Io(_))), "{failure:?}");
    assert_eq!(failure.is_none(), bound != u64::MAX, "only a limit ends an unbounded run");
    assert_eq!(whole_commits(&store), done, "what was committed is there, the failed one is not");
    println!("\nstopped at {done}");
}

#[test]
fn a_write_that_fails_loses_nothing_and_the_store_goes_on_afterwards() {
    let dir = tempfile::TempDir::new().unwrap();
    drop(open(&Home::open(dir.path()).unwrap()));
    // A limit on the size of files makes the n-th write fail in the middle of a commit or of a checkpoint.
    for kilobytes in [500, 731, 1103] {
        let test = child("writes_until_a_file_may_not_grow", dir.path());
        let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", kilobytes * 2);
        let output = Command::new("sh")
            .args(["-c", &script])
            .arg(test.get_program())
            .args(test.get_args())
            .env(HOME, dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let text = String::from_utf8(output.stdout).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("stopped at ")).unwrap();
        let stopped: u64 = line.parse().unwrap();
        let mut store = Store::open(&dir.path().join("store.db"), &KEY).unwrap();
        assert_eq!(whole_commits(&store), stopped);
        commit(&mut store, stopped).unwrap();
        assert!(store.writer.inspect().unwrap().is_empty());
    }
}
