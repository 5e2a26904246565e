//! The data directory: its lock, its version and the key of the relay.
//!
//! Owns the files beside the database. It must not know what the database holds. Invariant: one process works on a
//! directory at a time, and secrets are readable by their owner only.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Layout of the directory; a newer one is refused.
const VERSION: u32 = 1;

/// Bytes of a key file that are looked at: 64 digits and blanks; one that holds more is damaged.
const KEY_FILE_BYTES: usize = 128;

/// Largest file read here, bytes; all of them hold a line or two.
const FILE_BYTES: u64 = 4096;

/// Why the data directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataDirError {
    /// Another relay works on it.
    #[error("{path} is in use by another relay, process {}", shown(*pid))]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Process id of the other relay, when it has written it already.
        pid: Option<u32>,
    },
    /// A newer relay wrote it.
    #[error("{path} was written by a newer relay (layout {found}, this one knows {known})")]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Layout found.
        found: u32,
        /// Newest layout this program knows.
        known: u32,
    },
    /// A file of it has wrong content.
    #[error("{path} is damaged: {damage}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        damage: Damage,
    },
    /// A file could not be read or written.
    #[error("Cannot use {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What is wrong with the content of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file of the layout holds this instead of a number.
    #[error("{0:?} is not a version")]
    Version(String),
    /// A key file holds more than a key.
    #[error("it is too long to hold a key")]
    LongKey,
    /// A key file holds something of another length than a key.
    #[error("it does not hold a key of 64 hexadecimal digits")]
    Key,
    /// A key file holds something of the length of a key that is not written in hexadecimal digits.
    #[error("it does not hold a key in hexadecimal digits")]
    Digits,
}

fn shown(pid: Option<u32>) -> String {
    pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string())
}

/// A directory this process holds the lock of; the lock goes with the value.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: File,
}

/// What a running relay tells about itself in the lock file.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct Running {
    /// Process id.
    pub pid: u32,
    /// Address of its web server, once it is ready.
    pub http: Option<String>,
    /// Address for clients, once it is ready.
    pub addr: Option<String>,
}

impl DataDir {
    /// Takes a directory for this process; makes it when missing.
    ///
    /// # Errors
    /// `InUse` when another process holds it, `Newer` and `Damaged` by what is in it.
    pub fn open(path: &Path) -> Result<Self, DataDirError> {
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(io(path))?;
        let lock_path = path.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&lock_path)
            .map_err(io(&lock_path))?;
        if let Err(error) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            if error != rustix::io::Errno::WOULDBLOCK {
                return Err(DataDirError::Io { path: lock_path, source: error.into() });
            }
            let pid = read_running(&mut lock).map(|other| other.pid);
            return Err(DataDirError::InUse { path: path.to_owned(), pid });
        }
        let mut dir = Self { path: path.to_owned(), lock };
        dir.announce(&Running { pid: std::process::id(), http: None, addr: None })?;
        dir.check_version()?;
        Ok(dir)
    }

    /// Writes what the running relay tells about itself into the lock file.
    ///
    /// # Errors
    /// `Io` when the file cannot be written.
    pub fn announce(&mut self, running: &Running) -> Result<(), DataDirError> {
        let path = self.path.join("lock");
        let text = serde_json::to_vec(running).map_err(|error| io(&path)(error.into()))?;
        let mut write = || {
            self.lock.set_len(0)?;
            self.lock.seek(SeekFrom::Start(0))?;
            self.lock.write_all(&text)?;
            self.lock.flush()
        };
        write().map_err(io(&path))
    }

    /// The file of the database.
    pub fn database(&self) -> PathBuf {
        self.path.join("relay.db")
    }

    /// The secret key in `file`, or beside the directory in a file of its name with `.key` when that is empty; made
    /// when missing. The key is the address of the relay: it survives when somebody empties the directory.
    ///
    /// # Errors
    /// `Damaged` when the file does not hold a key, `Io` when it cannot be read or made.
    pub fn key(&self, file: &Path) -> Result<Zeroizing<[u8; 32]>, DataDirError> {
        if file.as_os_str().is_empty() {
            read_or_make_key(&beside(&self.path)?)
        } else {
            read_or_make_key(file)
        }
    }

    fn check_version(&self) -> Result<(), DataDirError> {
        let path = self.path.join("version");
        if !path.exists() {
            return whole(&path, std::fs::write(&path, format!("{VERSION}\n"))).map_err(io(&path));
        }
        let text = read_small(&path)?;
        let found: u32 = text.trim().parse().map_err(|_| DataDirError::Damaged {
            path: path.clone(),
            damage: Damage::Version(text.trim().to_owned()),
        })?;
        if found > VERSION {
            return Err(DataDirError::Newer { path: self.path.clone(), found, known: VERSION });
        }
        Ok(())
    }
}

/// What the relay that runs on a directory tells about itself; `None` when none runs.
///
/// # Errors
/// `Io` when the lock file cannot be read.
pub fn running(path: &Path) -> Result<Option<Running>, DataDirError> {
    let lock_path = path.join("lock");
    let mut lock = match File::open(&lock_path) {
        Ok(lock) => lock,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DataDirError::Io { path: lock_path, source }),
    };
    match flock(&lock, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(None),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(read_running(&mut lock)),
        Err(error) => Err(DataDirError::Io { path: lock_path, source: error.into() }),
    }
}

/// The file of the key that goes with a directory.
fn beside(directory: &Path) -> Result<PathBuf, DataDirError> {
    let absolute = std::path::absolute(directory)
        .map_err(|source| DataDirError::Io { path: directory.to_owned(), source })?;
    // Collected again from its parts, a path has no slash at its end.
    let mut name = absolute.components().collect::<PathBuf>().into_os_string();
    name.push(".key");
    Ok(PathBuf::from(name))
}

/// Reads a secret key (64 hexadecimal digits), or makes one with mode 0600. The key and every copy made on the way are
/// overwritten with zeros when they are dropped.
///
/// # Errors
/// `Damaged` when the file does not hold a key, `Io` when it cannot be read or made.
pub fn read_or_make_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, DataDirError> {
    if path.exists() { read_key(path) } else { make_key(path) }
}

fn read_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, DataDirError> {
    let damaged = |damage| DataDirError::Damaged { path: path.to_owned(), damage };
    // A buffer of fixed size: one that grows leaves copies behind.
    let mut text = Zeroizing::new([0u8; KEY_FILE_BYTES]);
    let mut file = File::open(path).map_err(io(path))?;
    let mut filled = 0usize;
    while let Some(rest) = text.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest).map_err(io(path))? {
            0 => break,
            n => filled = filled.saturating_add(n),
        }
    }
    if filled == KEY_FILE_BYTES {
        return Err(damaged(Damage::LongKey));
    }
    let digits = text.get(..filled).unwrap_or_default().trim_ascii();
    let mut key = Zeroizing::new([0u8; 32]);
    if digits.len() != 64 {
        return Err(damaged(Damage::Key));
    }
    data_encoding::HEXLOWER_PERMISSIVE
        .decode_mut(digits, &mut key[..])
        .map_err(|_| damaged(Damage::Digits))?;
    Ok(key)
}

fn make_key(path: &Path) -> Result<Zeroizing<[u8; 32]>, DataDirError> {
    let mut key = Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut key[..]).map_err(|error| DataDirError::Io {
        path: path.to_owned(),
        source: std::io::Error::other(error.to_string()),
    })?;
    let mut text = Zeroizing::new([b'\n'; 65]);
    if let Some(digits) = text.first_chunk_mut::<64>() {
        data_encoding::HEXLOWER.encode_mut(&key[..], digits);
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io(path))?;
    whole(path, file.write_all(&text[..]).and_then(|()| file.sync_all())).map_err(io(path))?;
    Ok(key)
}

/// A new file after what became of writing it. One that has found no room on the disk goes again: the next start would
/// take its half for damage.
pub(crate) fn whole(path: &Path, written: std::io::Result<()>) -> std::io::Result<()> {
    written.inspect_err(|_| {
        // What cannot be removed either is told as damaged by the next start.
        drop(std::fs::remove_file(path));
    })
}

fn read_small(path: &Path) -> Result<String, DataDirError> {
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(FILE_BYTES).read_to_string(&mut text)).map_err(io(path))?;
    Ok(text)
}

fn read_running(lock: &mut File) -> Option<Running> {
    let mut text = String::new();
    lock.seek(SeekFrom::Start(0)).ok()?;
    lock.take(FILE_BYTES).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> DataDirError {
    let path = path.to_owned();
    move |source| DataDirError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_second_holder_is_refused_and_told_the_process() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = DataDir::open(dir.path()).unwrap();
        let error = DataDir::open(dir.path()).unwrap_err();
        assert!(
            matches!(&error, DataDirError::InUse { pid, .. } if *pid == Some(std::process::id())),
            "{error}"
        );
        let told = Running { pid: std::process::id(), http: Some("127.0.0.1:1".into()), addr: None };
        first.announce(&told).unwrap();
        assert_eq!(running(dir.path()).unwrap(), Some(told));
        drop(first);
        assert_eq!(running(dir.path()).unwrap(), None);
        DataDir::open(dir.path()).unwrap();
    }

    #[test]
    fn a_newer_or_damaged_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        drop(DataDir::open(dir.path()).unwrap());
        std::fs::write(dir.path().join("version"), "2\n").unwrap();
        assert!(matches!(DataDir::open(dir.path()).unwrap_err(), DataDirError::Newer { found: 2, .. }));
        std::fs::write(dir.path().join("version"), "soon\n").unwrap();
        assert!(matches!(DataDir::open(dir.path()).unwrap_err(), DataDirError::Damaged { .. }));
    }

    #[test]
    fn a_file_that_found_no_room_does_not_stay_by_half() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("version");
        std::fs::write(&path, "").unwrap();
        whole(&path, Ok(())).unwrap();
        assert!(path.exists());
        let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
        assert_eq!(whole(&path, Err(full)).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
        assert!(!path.exists());
    }

    #[test]
    fn the_key_is_wiped_when_it_is_dropped() {
        fn wiped<T: zeroize::ZeroizeOnDrop>(_: &T) {}
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("relay.key");
        // Made and read: whoever holds it cannot keep a copy by holding it.
        wiped(&read_or_make_key(&path).unwrap());
        wiped(&read_or_make_key(&path).unwrap());
    }

    #[test]
    fn the_key_is_private_and_stays() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(&dir.path().join("data/")).unwrap();
        let key = data.key(Path::new("")).unwrap();
        assert_eq!(data.key(Path::new("")).unwrap(), key);
        let path = dir.path().join("data.key");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("{}\n", data_encoding::HEXLOWER.encode(&key[..])));
        std::fs::write(&path, format!("  {}\r\n\n", text.trim().to_uppercase())).unwrap();
        assert_eq!(data.key(Path::new("")).unwrap(), key, "blanks and capitals do not matter");
        let digits = text.trim();
        let too_long = " ".repeat(200);
        for wrong in
            ["abcd", "", &digits[1..], &format!("{digits}00"), &digits.replace(&digits[..1], "g"), &too_long]
        {
            std::fs::write(&path, wrong).unwrap();
            let error = data.key(Path::new("")).unwrap_err();
            assert!(matches!(error, DataDirError::Damaged { .. }), "{wrong:?}: {error}");
        }
        let elsewhere = dir.path().join("elsewhere.key");
        assert_ne!(data.key(&elsewhere).unwrap(), key);
        assert!(elsewhere.exists());
    }
}
