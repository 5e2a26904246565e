//! Opening a home: the key of the store from the first way that works, then the store and the secrets in it.
//!
//! The order is: the passphrase given, the key in the keyring, the key file. Invariant: nothing is written before
//! the key was found.

use std::{fs, path::PathBuf};

use madang_crypto::{DataKey, SlotKind, SlotSecret};
use madang_store::{Home, Store};

use super::{
    Error, Secrets, keyring, making,
    slots::{self, Place, Slot},
};

/// An open home.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// The secrets of this machine.
    pub me: Secrets,
}

/// Opens the home with the passphrase given, or with a key of this machine. Takes a fraction of a second: passphrases
/// are stretched.
///
/// # Errors
/// [`Error::NoAccount`], [`Error::Locked`], [`Error::KeyMissing`], [`Error::WrongSecret`], [`Error::NewerHome`],
/// [`Error::SlotsMissing`], [`Error::Damaged`], [`Error::Denied`], [`Error::DiskFull`], [`Error::Io`]. The home is then unchanged.
pub fn open(held: &Home, passphrase: Option<&str>) -> Result<Opened, Error> {
    let key = data_key(held, passphrase)?;
    let scratch = Scratch::before(held);
    let opened = open_store(held, &key);
    if opened.is_err() {
        scratch.sweep();
    }
    opened
}

fn open_store(held: &Home, key: &DataKey) -> Result<Opened, Error> {
    let store = Store::open(&held.paths().store(), key.bytes())?;
    let me = Secrets::load(store.writer.conn())?;
    Ok(Opened { store, me })
}

/// The files beside the store that looking at it makes. They go again when it could not be opened, so that a failed
/// try leaves the home as it was.
struct Scratch(Vec<PathBuf>);

impl Scratch {
    /// Those that are not there yet.
    fn before(held: &Home) -> Self {
        let beside = ["store.db-wal", "store.db-shm"].map(|name| held.paths().dir().join(name));
        Self(beside.into_iter().filter(|path| !path.exists()).collect())
    }

    fn sweep(self) {
        for path in self.0 {
            // The failure that leads here is the one worth telling.
            drop(fs::remove_file(path));
        }
    }
}

/// The key of the store.
fn data_key(held: &Home, passphrase: Option<&str>) -> Result<DataKey, Error> {
    let slots = read_slots(held)?;
    let of_kind = |kind| slots.iter().filter(move |slot| slot.slot.kind() == kind);
    let has_passphrase = of_kind(SlotKind::Passphrase).next().is_some();
    if let Some(passphrase) = passphrase.filter(|_| has_passphrase) {
        for slot in of_kind(SlotKind::Passphrase) {
            if let Some(key) = slot.try_secret(SlotSecret::Passphrase(passphrase))? {
                return Ok(key);
            }
        }
        return Err(Error::WrongSecret);
    }
    let mut refusals = Vec::new();
    for slot in of_kind(SlotKind::Key) {
        match machine_key(held, slot)? {
            Ok(key) => return Ok(key),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() {
        return Err(Error::Locked);
    }
    Err(Error::KeyMissing(refusals.join("; ")))
}

/// The key by a slot of this machine, or why that way is closed.
fn machine_key(held: &Home, slot: &Slot) -> Result<Result<DataKey, String>, Error> {
    let secret = match slot.place {
        Place::Keyring => keyring::find(&slots::slot_name(&slot.slot)),
        Place::File | Place::Person => Ok(held.read_key()?),
    };
    let missing = || format!("the {} does not hold it", slot.name());
    match secret {
        Ok(Some(secret)) => {
            let key = slot.try_secret(SlotSecret::Key(&secret))?;
            Ok(key.ok_or_else(|| format!("the {} holds another key", slot.name())))
        }
        Ok(None) => Ok(Err(missing())),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// The slots of a home with an account.
pub(crate) fn read_slots(held: &Home) -> Result<Vec<Slot>, Error> {
    making::settle(held.paths().dir())?;
    match held.read_slots()? {
        Some(bytes) => slots::decode(&bytes),
        None if held.paths().has_store() => Err(Error::SlotsMissing),
        None => Err(Error::NoAccount),
    }
}
