//! Atomic files: small files that are either the old or the new version after a crash, never half of each.
//!
//! Must not know what the bytes mean. Invariant: the new content is on the disk before its name points to it.

use crate::error::OpenError;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Only the owner reads and writes what lies in a home.
const OWNER_ONLY: u32 = 0o600;

/// Writes `bytes` to `path`: temporary file, fsync, rename, fsync of the directory.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), OpenError> {
    let temporary = path.with_extension("new");
    let result = write_through(&temporary, path, bytes);
    if result.is_err() {
        // A leftover would only be overwritten next time; the first error is the one worth telling.
        let _ = std::fs::remove_file(&temporary);
    }
    result
}

fn write_through(temporary: &Path, path: &Path, bytes: &[u8]) -> Result<(), OpenError> {
    let fail = |error| OpenError::io(format!("writing {}", path.display()), error);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(OWNER_ONLY)
        .open(temporary)
        .map_err(fail)?;
    file.write_all(bytes).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    std::fs::rename(temporary, path).map_err(fail)?;
    sync_parent(path)
}

/// Makes the names in the directory of `path` durable.
pub(crate) fn sync_parent(path: &Path) -> Result<(), OpenError> {
    let Some(parent) = path.parent() else { return Ok(()) };
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let fail = |error| OpenError::io(format!("syncing {}", parent.display()), error);
    File::open(parent).map_err(fail)?.sync_all().map_err(fail)
}

/// Reads a file of at most `cap` bytes; `None` when it does not exist.
pub(crate) fn read(path: &Path, cap: u64) -> Result<Option<Vec<u8>>, OpenError> {
    let fail = |error| OpenError::io(format!("reading {}", path.display()), error);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(error)),
    };
    let length = file.metadata().map_err(fail)?.len();
    if length > cap {
        return Err(OpenError::damaged(format!("{} has {length} bytes, more than {cap}", path.display())));
    }
    let mut bytes = Vec::new();
    file.take(cap).read_to_end(&mut bytes).map_err(fail)?;
    Ok(Some(bytes))
}
