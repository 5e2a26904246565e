//! Home: the directory of one node, its single holder and the small files beside the store.
//!
//! Must not know what slots and keys mean: they are bytes here. Invariant: while a [`Home`] lives, no other process
//! has one of the same directory.

use crate::atomic;
use crate::error::OpenError;
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// Longest socket path that every platform can bind, with room to spare below the 104 bytes of macOS.
const SOCKET_PATH_CAP: usize = 100;
/// Largest file of key slots that is read; a slot has a few hundred bytes.
const SLOTS_CAP: u64 = 64 * 1024;
/// Bytes of the store key in the key file.
const KEY_BYTES: u64 = 32;
/// How often the number of the holder is looked for before 0 is told: it writes it right after taking the lock.
const PID_TRIES: u32 = 20;
/// Pause between two looks.
const PID_PAUSE: Duration = Duration::from_millis(5);
/// Directories of a home belong to their owner alone.
const OWNER_DIR: u32 = 0o700;

/// Where things lie in a home. Also usable without holding it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    dir: PathBuf,
}

impl Paths {
    /// The home itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The encrypted database.
    pub fn store(&self) -> PathBuf {
        self.dir.join("store.db")
    }

    /// The wrapped copies of the store key.
    pub fn slots(&self) -> PathBuf {
        self.dir.join("slots")
    }

    /// The key file, used when there is neither a passphrase nor a keyring.
    pub fn key(&self) -> PathBuf {
        self.dir.join("key")
    }

    /// The lock file; it holds the number of the process that runs.
    pub fn lock(&self) -> PathBuf {
        self.dir.join("lock")
    }

    /// Whether a store has been made here.
    pub fn has_store(&self) -> bool {
        self.store().exists()
    }

    /// Where the node listens: `node.sock` in the home or, when that path is longer than 100 bytes, a name derived
    /// from the canonical home under `/tmp/madang-<uid>`, which is made with mode 0700 and must belong to this user.
    ///
    /// # Errors
    /// [`OpenError::Io`] when the home does not exist or the directory under `/tmp` belongs to somebody else.
    pub fn socket(&self) -> Result<PathBuf, OpenError> {
        let near = self.dir.join("node.sock");
        if near.as_os_str().len() <= SOCKET_PATH_CAP {
            return Ok(near);
        }
        let uid = rustix::process::getuid().as_raw();
        let dir = PathBuf::from(format!("/tmp/madang-{uid}"));
        private_dir(&dir, uid)?;
        let digest = Sha256::digest(self.dir.as_os_str().as_bytes());
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Ok(dir.join(format!("{name}.sock")))
    }
}

/// Makes `dir` for this user alone, or checks that it already is so: `/tmp` is open to everybody.
fn private_dir(dir: &Path, uid: u32) -> Result<(), OpenError> {
    let fail = |error| OpenError::io(format!("making {}", dir.display()), error);
    match DirBuilder::new().mode(OWNER_DIR).create(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(fail(error)),
    }
    let found = std::fs::symlink_metadata(dir).map_err(fail)?;
    if !found.is_dir() || found.uid() != uid || found.mode() & 0o077 != 0 {
        return Err(fail(std::io::Error::new(
            std::io::ErrorKind::PermissionDenied,
            "it belongs to somebody else or is open to others",
        )));
    }
    Ok(())
}

/// What can be said about a home without holding it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peek {
    /// Where things lie.
    pub paths: Paths,
    /// Number of the process that wrote it last into the lock file. A crashed holder leaves it behind, so whether a
    /// node runs is decided by its socket.
    pub pid: Option<u32>,
}

/// A home held by this process.
#[derive(Debug)]
pub struct Home {
    paths: Paths,
    lock: File,
}

impl Home {
    /// Makes the directory (mode 0700) if needed and takes it for this process until the value is dropped.
    ///
    /// # Errors
    /// [`OpenError::InUse`] when another process holds it, [`OpenError::NoDirectory`] when it is a file,
    /// [`OpenError::Denied`] when this user may not write it, [`OpenError::Io`] when it cannot be made or locked.
    pub fn open(dir: &Path) -> Result<Home, OpenError> {
        // A home that is a file, or lies below one.
        let no_directory = |error: &std::io::Error| match error.kind() {
            ErrorKind::NotADirectory => true,
            ErrorKind::AlreadyExists => !dir.is_dir(),
            _ => false,
        };
        let fail = |error| {
            if no_directory(&error) {
                return OpenError::NoDirectory { path: dir.to_owned() };
            }
            OpenError::io(format!("opening the home {}", dir.display()), error)
        };
        DirBuilder::new().recursive(true).mode(OWNER_DIR).create(dir).map_err(fail)?;
        let paths = Paths { dir: dir.canonicalize().map_err(fail)? };
        std::fs::set_permissions(&paths.dir, Permissions::from_mode(OWNER_DIR)).map_err(fail)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(paths.lock())
            .map_err(fail)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { pid: holder(&paths) }),
            Err(TryLockError::Error(error)) => return Err(fail(error)),
        }
        write_pid(&mut lock).map_err(fail)?;
        Ok(Home { paths, lock })
    }

    /// Looks at a home without taking it.
    ///
    /// # Errors
    /// [`OpenError::NotFound`] when there is nothing, [`OpenError::NoDirectory`] when it is a file,
    /// [`OpenError::Denied`] or [`OpenError::Io`] when it cannot be read.
    pub fn peek(dir: &Path) -> Result<Peek, OpenError> {
        let dir = match dir.canonicalize() {
            Ok(dir) => dir,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(OpenError::NotFound),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Err(OpenError::NoDirectory { path: dir.to_owned() });
            }
            Err(error) => return Err(OpenError::io(format!("looking at {}", dir.display()), error)),
        };
        if !dir.is_dir() {
            return Err(OpenError::NoDirectory { path: dir });
        }
        let paths = Paths { dir };
        let pid = read_pid(&paths);
        Ok(Peek { paths, pid })
    }

    /// Where things lie.
    pub fn paths(&self) -> &Paths {
        &self.paths
    }

    /// The wrapped copies of the store key, as written; `None` in a home without an account.
    ///
    /// # Errors
    /// [`OpenError::Io`], or [`OpenError::Damaged`] when the file is implausibly large.
    pub fn read_slots(&self) -> Result<Option<Vec<u8>>, OpenError> {
        atomic::read(&self.paths.slots(), SLOTS_CAP)
    }

    /// Replaces the wrapped copies of the store key; after a crash the file is the old or the new one.
    ///
    /// # Errors
    /// [`OpenError::DiskFull`] or [`OpenError::Io`]; the old file is then unchanged.
    pub fn write_slots(&self, bytes: &[u8]) -> Result<(), OpenError> {
        atomic::write(&self.paths.slots(), bytes)
    }

    /// The key of the key file; `None` when there is none. A file that others may read is closed to them.
    ///
    /// # Errors
    /// [`OpenError::Io`], or [`OpenError::Damaged`] when the file has not exactly 32 bytes.
    pub fn read_key(&self) -> Result<Option<Zeroizing<[u8; 32]>>, OpenError> {
        let path = self.paths.key();
        let Some(bytes) = atomic::read(&path, KEY_BYTES)? else { return Ok(None) };
        let bytes = Zeroizing::new(bytes);
        let fail = |error| OpenError::io(format!("closing {} to others", path.display()), error);
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map_err(fail)?;
        let key: [u8; 32] = bytes
            .as_slice()
            .try_into()
            .map_err(|_| OpenError::damaged(format!("the key file has {} bytes", bytes.len())))?;
        Ok(Some(Zeroizing::new(key)))
    }

    /// Writes the key file with mode 0600.
    ///
    /// # Errors
    /// [`OpenError::DiskFull`] or [`OpenError::Io`].
    pub fn write_key(&self, key: &[u8; 32]) -> Result<(), OpenError> {
        atomic::write(&self.paths.key(), key)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // A number left behind would only mislead a reader; the lock itself goes with the file handle.
        let _ = self.lock.set_len(0);
    }
}

fn write_pid(lock: &mut File) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())?;
    lock.flush()
}

fn read_pid(paths: &Paths) -> Option<u32> {
    let mut text = String::new();
    File::open(paths.lock()).ok()?.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn holder(paths: &Paths) -> u32 {
    for _ in 0..PID_TRIES {
        if let Some(pid) = read_pid(paths) {
            return pid;
        }
        std::thread::sleep(PID_PAUSE);
    }
    0
}

#[cfg(test)]
#[path = "home_tests.rs"]
mod tests;
