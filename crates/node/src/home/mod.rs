//! The home of an account on this machine: its making, its locks, and the secrets that lie in it.
//!
//! It must not know the network nor what a conversation is. Invariant: whatever happens while an account is made,
//! the home afterwards either has the whole account or nothing of it; and opening changes nothing when it fails.

mod create;
mod error;
mod inspect;
mod keyring;
mod making;
mod restore;
pub(crate) mod secrets;
mod slots;
mod unlock;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

#[cfg(test)]
pub(crate) use create::write_store;
pub use create::{Created, NewAccount, create};
pub use error::Error;
pub use inspect::{inspect, slot_kinds};
pub use madang_crypto::Phrase;
pub use madang_store::Home as Held;
pub use restore::restore;
pub use secrets::Secrets;
pub use unlock::{Opened, open};

/// Whether an account lies in the home `dir`, which may be held by somebody else or not be there at all.
///
/// # Errors
/// [`Error::SlotsMissing`] when there is a store that nothing opens, [`Error::NoDirectory`], [`Error::Denied`] and
/// [`Error::Io`] when the directory cannot be looked at.
pub fn has_account(dir: &Path) -> Result<bool, Error> {
    match Held::peek(dir) {
        Ok(peek) if peek.paths.slots().exists() || making::is_made(peek.paths.dir()) => Ok(true),
        Ok(peek) if peek.paths.has_store() => Err(Error::SlotsMissing),
        Ok(_) => Ok(false),
        Err(madang_store::OpenError::NotFound) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Refuses a home with an account, before anything is made for a new one.
///
/// # Errors
/// [`Error::Exists`], and those of [`has_account`].
pub fn check_empty(dir: &Path) -> Result<(), Error> {
    if has_account(dir)? { Err(Error::Exists) } else { Ok(()) }
}

/// Takes the home `dir` for this process, making the directory if it is not there.
///
/// # Errors
/// [`Error::InUse`] when another process holds it, [`Error::DiskFull`], [`Error::Io`].
pub fn hold(dir: &Path) -> Result<Held, Error> {
    Ok(Held::open(dir)?)
}

/// Number of the process that holds the home `dir`, as far as it can be seen.
pub fn holder(dir: &Path) -> Option<u32> {
    Held::peek(dir).ok().and_then(|peek| peek.pid)
}

/// Where the node of the home `dir` serves its socket. A home that is not there has none.
///
/// # Errors
/// [`Error::NoHome`] when there is no such directory, [`Error::Io`].
pub fn socket_path(dir: &Path) -> Result<PathBuf, Error> {
    match Held::peek(dir) {
        Ok(peek) => Ok(peek.paths.socket()?),
        Err(madang_store::OpenError::NotFound) => Err(Error::NoHome),
        Err(error) => Err(error.into()),
    }
}

/// Name of this machine as its owner calls it, cut to what a label may have; friends see it.
pub fn machine_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let first = name.split('.').next().unwrap_or_default();
    let label: String =
        first.chars().filter(|c| !c.is_control()).take(madang_model::limits::DEVICE_LABEL_MAX).collect();
    if madang_model::text::check_device_label(&label).is_ok() { label } else { String::new() }
}
