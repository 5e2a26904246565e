//! The file of key slots: every way to the key of the store, and where the secret of each lies.
//!
//! Layout: magic (8) | number of slots (1) | for each: place (1), length (2), slot | SHA-256 of all before (32).
//! The sum tells a damaged file from a wrong secret. Invariant: a file that does not fit its sum opens nothing.

use madang_crypto::{DataKey, KeySlot, SlotError, SlotKind, sha256};

use super::Error;

const MAGIC: &[u8; 8] = b"madangs1";
/// Most slots of a home: one per way to open it, with room for changes of the keyring.
const SLOTS_CAP: usize = 16;
const SUM_BYTES: usize = 32;

/// Where the secret of a slot lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Place {
    /// In somebody's head or on paper.
    Person = 0,
    /// In the keyring of the system, under the id of the slot.
    Keyring = 1,
    /// In the key file of the home.
    File = 2,
}

/// A slot and the place of its secret.
#[derive(Debug, Clone)]
pub(crate) struct Slot {
    pub(crate) place: Place,
    pub(crate) slot: KeySlot,
}

impl Slot {
    /// What a person calls this way to open the home.
    pub(crate) fn name(&self) -> &'static str {
        match (self.slot.kind(), self.place) {
            (SlotKind::Passphrase, _) => "passphrase",
            (SlotKind::Phrase, _) => "recovery phrase",
            (SlotKind::Key, Place::Keyring) => "keyring",
            (SlotKind::Key, _) => "key file",
        }
    }

    /// Tries a secret: `None` when it is a wrong one.
    pub(crate) fn try_secret(&self, secret: madang_crypto::SlotSecret<'_>) -> Result<Option<DataKey>, Error> {
        match self.slot.unlock(secret) {
            Ok(key) => Ok(Some(key)),
            Err(SlotError::WrongSecret | SlotError::Kind) => Ok(None),
            Err(error) => Err(Error::Damaged(format!("a key slot: {error}"))),
        }
    }
}

/// Id of a slot in letters, under which a keyring keeps its key.
pub(crate) fn slot_name(slot: &KeySlot) -> String {
    slot.id().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The file for these slots.
pub(crate) fn encode(slots: &[Slot]) -> Result<Vec<u8>, Error> {
    let many = || Error::Io("there are too many key slots".to_owned());
    let count = u8::try_from(slots.len()).ok().filter(|_| slots.len() <= SLOTS_CAP).ok_or_else(many)?;
    let mut bytes = MAGIC.to_vec();
    bytes.push(count);
    for slot in slots {
        let encoded = slot.slot.to_bytes();
        bytes.push(slot.place as u8);
        bytes.extend(u16::try_from(encoded.len()).map_err(|_| many())?.to_be_bytes());
        bytes.extend(encoded);
    }
    bytes.extend(sha256(&bytes));
    Ok(bytes)
}

/// Reads the file.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Slot>, Error> {
    parse(bytes).ok_or_else(|| Error::Damaged("the file of key slots is not whole".to_owned()))
}

fn parse(bytes: &[u8]) -> Option<Vec<Slot>> {
    let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM_BYTES)?)?;
    if sha256(body) != *sum {
        return None;
    }
    let (magic, rest) = body.split_first_chunk::<8>()?;
    let (count, mut rest) = rest.split_first()?;
    if magic != MAGIC || usize::from(*count) > SLOTS_CAP {
        return None;
    }
    let mut slots = Vec::new();
    for _ in 0..*count {
        let ([place, high, low], tail) = rest.split_first_chunk::<3>()?;
        let (slot, tail) = tail.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        let place = match place {
            0 => Place::Person,
            1 => Place::Keyring,
            2 => Place::File,
            _ => return None,
        };
        slots.push(Slot { place, slot: KeySlot::from_bytes(slot).ok()? });
        rest = tail;
    }
    rest.is_empty().then_some(slots)
}
