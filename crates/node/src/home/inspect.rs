//! Looking a home over, for a doctor. It shows no secret, no name and no text.

use std::path::Path;

use madang_store::Home;

use super::{Error, Held, slots, unlock};

/// Reads every page and index of the store; empty means sound. Minutes on a large store.
///
/// # Errors
/// As [`super::open`].
pub fn inspect(held: &Home, passphrase: Option<&str>) -> Result<Vec<String>, Error> {
    let opened = unlock::open(held, passphrase)?;
    Ok(opened.store.writer.inspect()?)
}

/// The ways to open the home `dir`, which may be held by somebody else.
///
/// # Errors
/// [`Error::NoHome`], [`Error::NoAccount`], [`Error::SlotsMissing`], [`Error::Damaged`], [`Error::Denied`],
/// [`Error::Io`].
pub fn slot_kinds(dir: &Path) -> Result<Vec<&'static str>, Error> {
    let peek = match Held::peek(dir) {
        Err(madang_store::OpenError::NotFound) => return Err(Error::NoHome),
        peek => peek?,
    };
    match std::fs::read(peek.paths.slots()) {
        Ok(bytes) => Ok(slots::decode(&bytes)?.iter().map(slots::Slot::name).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            // A store without its slots is no home without an account.
            super::has_account(dir)?;
            Err(Error::NoAccount)
        }
        Err(error) => Err(Error::io("reading the file of key slots", &error)),
    }
}
