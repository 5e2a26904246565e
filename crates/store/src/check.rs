//! Check: a small file beside the store that tells a wrong key from a damaged file, and a shortened write-ahead log
//! from an ordinary crash.
//!
//! Must not know the schema. Invariant: the mark never claims more than what is durable, because it is written after
//! the commit it stands for; so it cannot accuse a log that is whole.
//!
//! Layout, 40 bytes: magic (8) | HMAC-SHA256(key, label)[..16] | salts of the write-ahead log (8) | frames (8).

use crate::error::OpenError;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"madangc1";
const LABEL: &[u8] = b"madang/store/check/1";
const TAG_BYTES: usize = 16;
const FILE_BYTES: u64 = 40;
/// Where the mark begins in the file: behind magic and tag.
const MARK_AT: u64 = 24;
/// Where SQLite keeps the two salts in the header of a write-ahead log.
const SALTS_AT: u64 = 16;

/// How far the write-ahead log reached at the last commit: salts that change whenever the log starts over, and the
/// number of its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Mark {
    pub(crate) salts: [u8; 8],
    pub(crate) frames: u64,
}

/// Verdict of the file about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The key is the one the store was made with.
    Right,
    /// It is another one.
    Wrong,
    /// The file is missing or malformed, so it says nothing.
    Unknown,
}

/// The path of the check file of a store.
pub(crate) fn path_of(store: &Path) -> PathBuf {
    store.with_extension("check")
}

/// Writes a fresh file for `key`, without a mark.
pub(crate) fn create(store: &Path, key: &[u8; 32]) -> Result<(), OpenError> {
    let mut bytes = Vec::with_capacity(40);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&tag(key)?);
    bytes.extend_from_slice(&[0; 16]);
    crate::atomic::write(&path_of(store), &bytes)
}

/// Judges `key` and reads the mark.
pub(crate) fn read(store: &Path, key: &[u8; 32]) -> Result<(Verdict, Mark), OpenError> {
    let bytes = crate::atomic::read(&path_of(store), FILE_BYTES)?.unwrap_or_default();
    let Some((magic, rest)) = bytes.split_first_chunk::<8>() else { return Ok(unknown()) };
    let Some((found, rest)) = rest.split_first_chunk::<TAG_BYTES>() else { return Ok(unknown()) };
    let Some((salts, rest)) = rest.split_first_chunk::<8>() else { return Ok(unknown()) };
    let Ok(frames) = <[u8; 8]>::try_from(rest) else { return Ok(unknown()) };
    if magic != MAGIC {
        return Ok(unknown());
    }
    if mac(key)?.verify_truncated_left(found).is_err() {
        return Ok((Verdict::Wrong, Mark::default()));
    }
    Ok((Verdict::Right, Mark { salts: *salts, frames: u64::from_be_bytes(frames) }))
}

fn unknown() -> (Verdict, Mark) {
    (Verdict::Unknown, Mark::default())
}

fn mac(key: &[u8; 32]) -> Result<Hmac<Sha256>, OpenError> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key).map_err(|error| OpenError::damaged(error.to_string()))?;
    mac.update(LABEL);
    Ok(mac)
}

fn tag(key: &[u8; 32]) -> Result<[u8; TAG_BYTES], OpenError> {
    let whole = mac(key)?.finalize().into_bytes();
    let mut tag = [0; TAG_BYTES];
    for (to, from) in tag.iter_mut().zip(whole.iter()) {
        *to = *from;
    }
    Ok(tag)
}

/// Writes marks while the store is open, and reads the salts they need.
#[derive(Debug)]
pub(crate) struct Marker {
    check: File,
    log_path: PathBuf,
    log: Option<File>,
}

impl Marker {
    pub(crate) fn open(store: &Path) -> Result<Marker, OpenError> {
        let path = path_of(store);
        let check = OpenOptions::new()
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| OpenError::io(format!("opening {}", path.display()), error))?;
        Ok(Marker { check, log_path: log_of(store), log: None })
    }

    /// Notes that the log holds `frames` frames. Called after each commit.
    pub(crate) fn set(&mut self, frames: u64) -> std::io::Result<()> {
        let log = match self.log.take() {
            Some(log) => log,
            None => File::open(&self.log_path)?,
        };
        let mut salts = [0; 8];
        let read = log.read_exact_at(&mut salts, SALTS_AT);
        self.log = Some(log);
        match read {
            Ok(()) => self.write(Mark { salts, frames }),
            // The log is empty: a checkpoint has truncated it and nothing has been written since.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => self.write(Mark::default()),
            Err(error) => Err(error),
        }
    }

    /// Waits until the log is on the disk.
    pub(crate) fn sync_log(&mut self) -> std::io::Result<()> {
        let log = match self.log.take() {
            Some(log) => log,
            None => File::open(&self.log_path)?,
        };
        let synced = log.sync_data();
        self.log = Some(log);
        synced
    }

    /// Forgets the mark, before the log is truncated or deleted on purpose.
    pub(crate) fn clear(&mut self) -> std::io::Result<()> {
        self.write(Mark::default())
    }

    fn write(&self, mark: Mark) -> std::io::Result<()> {
        let mut bytes = [0; 16];
        let (salts, frames) = bytes.split_at_mut(8);
        salts.copy_from_slice(&mark.salts);
        frames.copy_from_slice(&mark.frames.to_be_bytes());
        // Overwrites sixteen bytes in place, so it needs no space even on a full disk.
        self.check.write_all_at(&bytes, MARK_AT)
    }
}

/// The write-ahead log of a store.
pub(crate) fn log_of(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// The salts of the log as it lies there; `None` when there is no log or it has no header yet.
pub(crate) fn salts(store: &Path) -> Result<Option<[u8; 8]>, OpenError> {
    let path = log_of(store);
    let fail = |error| OpenError::io(format!("reading {}", path.display()), error);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    let mut salts = [0; 8];
    match file.read_exact_at(&mut salts, SALTS_AT) {
        Ok(()) => Ok(Some(salts)),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(fail(error)),
    }
}
