//! The media worker as a real process.

#![allow(clippy::unwrap_used)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use madang_media::worker::{FLAG, INPUT_MAX, MEMORY_MAX};
use madang_media::{MediaError, PHOTO_MAX, Worker};

const PROGRAM: &str = env!("CARGO_BIN_EXE_media-worker");

fn worker() -> Worker {
    Worker::new(PROGRAM)
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

fn photo() -> Vec<u8> {
    let picture =
        image::RgbImage::from_fn(800, 600, |x, y| image::Rgb([(x % 251) as u8, (y % 241) as u8, 99]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

#[test]
fn a_photo_comes_back_as_the_same_avatar_as_in_process() {
    let made = worker().avatar(&photo()).unwrap();
    assert_eq!(made, madang_media::avatar(&photo()).unwrap());
    assert!(made.photo.bytes.len() <= PHOTO_MAX);
}

#[test]
fn the_largest_picture_fits_the_memory() {
    let picture = image::RgbaImage::from_pixel(7_700, 5_190, image::Rgba([200, 100, 50, 255]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let made = worker().with_patience(Duration::from_secs(60)).avatar(&bytes.into_inner()).unwrap();
    assert_eq!(made.photo.media_type, madang_media::Type::Webp);
}

#[test]
fn refusals_cross_the_pipe() {
    assert!(matches!(worker().avatar(b"<svg/>"), Err(MediaError::UnsupportedType)));
    assert!(matches!(worker().avatar(&photo()[..300]), Err(MediaError::Damaged)));
    assert!(matches!(worker().avatar(&vec![0; INPUT_MAX + 1]), Err(MediaError::TooManyBytes)));
}

#[test]
fn a_worker_that_stalls_is_ended() {
    let start = Instant::now();
    let stalled = Worker::new(fixture("stall.sh")).with_patience(Duration::from_millis(300));
    // More than a pipe holds, so that the writing side waits too.
    assert!(matches!(stalled.avatar(&vec![0; 1 << 20]), Err(MediaError::TimedOut)));
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_worker_that_dies_or_talks_nonsense_is_a_failure() {
    assert!(matches!(Worker::new("/bin/false").avatar(&photo()), Err(MediaError::WorkerFailed)));
    assert!(matches!(Worker::new(fixture("babble.sh")).avatar(&photo()), Err(MediaError::WorkerFailed)));
}

#[test]
fn a_program_that_is_not_there_cannot_start() {
    assert!(matches!(Worker::new("/nonexistent/program").avatar(&photo()), Err(MediaError::Start(_))));
}

#[test]
fn without_the_flag_the_program_is_no_worker() {
    assert_eq!(Command::new(PROGRAM).status().unwrap().code(), Some(2));
}

#[test]
fn a_length_beyond_the_limit_ends_the_worker() {
    let mut child =
        Command::new(PROGRAM).arg(FLAG).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&u32::MAX.to_be_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
}

#[test]
fn the_worker_gives_up_memory_files_and_dumps() {
    let mut child =
        Command::new(PROGRAM).arg(FLAG).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let path = format!("/proc/{}/limits", child.id());
    let limit = |name: &str| {
        let limits = std::fs::read_to_string(&path).unwrap();
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
        line[name.len()..].split_ascii_whitespace().next().unwrap().to_owned()
    };
    // The file limit is set last: once it is there, all are.
    let start = Instant::now();
    while limit("Max open files") != "0" {
        assert!(start.elapsed() < Duration::from_secs(20), "the worker never confined itself");
        std::thread::sleep(Duration::from_millis(10));
    }
    let memory: u64 = limit("Max address space").parse().unwrap();
    assert!((MEMORY_MAX..2 * MEMORY_MAX).contains(&memory), "{memory}");
    assert_eq!(limit("Max core file size"), "0");
    assert_eq!(limit("Max file size"), "0");
    assert_eq!(limit("Max cpu time"), "5");
    child.kill().unwrap();
    child.wait().unwrap();
}
