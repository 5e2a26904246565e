//! The secrets of this machine and where each lies in the store: the only place that knows their names.
//!
//! Envelope keys are apart, in their own table: there are several at a time. Invariant: what the phrase alone may
//! give, the seed and the root key, is not among them (protocol section 1.1).

use std::fmt;

use madang_crypto::{PARTS, PUBLIC_BYTES, Seed, SignKey, random};
use madang_model::{AccountId, DeviceId};
use madang_store::{Conn, Error, Result, meta};
use madang_wire::{Card, Message as _};
use zeroize::Zeroizing;

const ACCOUNT: &str = "account";
const DEVICE_KEY: &str = "device.key";
const OLM: &str = "device.olm";
const NETWORK_KEY: &str = "device.network";
const ACCOUNT_SLOT: &str = "slot.account";
const ESCROW_SLOTS: &str = "slot.escrow";
const ACCOUNT_SEAL: &str = "account.seal";
const BACKUP_PUBLIC: &str = "backup.public";
const DELETE_KEY: &str = "delete.key";
const TOKEN_KEY: &str = "token.key";
const CARD: &str = "card.default";

/// What this machine keeps of its account, and its own keys. `Debug` shows no secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct Secrets {
    /// The account.
    pub account: AccountId,
    /// This machine: the public part of `key`.
    pub device: DeviceId,
    /// Device key; signs ops.
    pub key: SignKey,
    /// Seed of the libp2p key, unrelated to the device key.
    pub network: Zeroizing<[u8; 32]>,
    /// Write key of the account slot (protocol section 1.2).
    pub account_slot: SignKey,
    /// Write keys of the escrow slots, by their number (protocol section 1.3).
    pub escrow_slots: Vec<SignKey>,
    /// Seals the account slot.
    pub account_seal: Zeroizing<[u8; 32]>,
    /// Public part of the backup key; escrow and backups are sealed to it.
    pub backup_public: Vec<u8>,
    /// From it follow the secrets that drop items of a relay log (protocol section 10.3).
    pub delete_key: Zeroizing<[u8; 32]>,
    /// Issues delivery tokens of the own inboxes (protocol section 10.5).
    pub token_key: Zeroizing<[u8; 32]>,
    /// The default card.
    pub card: Card,
}

impl Secrets {
    /// New secrets of a machine of the account that `seed` belongs to.
    pub(crate) fn new(
        account: AccountId,
        seed: &Seed,
        (key, network): (SignKey, Zeroizing<[u8; 32]>),
        card: Card,
        rng: &mut impl madang_crypto::CryptoRng,
    ) -> Self {
        Self {
            account,
            device: DeviceId::from_bytes(key.public()),
            key,
            network,
            account_slot: seed.account_slot(),
            escrow_slots: escrow_numbers().map(|number| seed.escrow_slot(number)).collect(),
            account_seal: seed.account_seal(),
            backup_public: seed.backup().public().to_vec(),
            delete_key: Zeroizing::new(random(rng)),
            token_key: Zeroizing::new(random(rng)),
            card,
        }
    }

    /// Writes all of them; inside the transaction that makes the account.
    pub(crate) fn save(&self, db: &Conn, olm: &[u8]) -> Result<()> {
        meta::set(db, ACCOUNT, self.account.as_bytes())?;
        meta::set(db, DEVICE_KEY, &*self.key.seed())?;
        set_olm(db, olm)?;
        meta::set(db, NETWORK_KEY, &*self.network)?;
        meta::set(db, ACCOUNT_SLOT, &*self.account_slot.seed())?;
        let mut slots = Zeroizing::new(Vec::with_capacity(self.escrow_slots.len().saturating_mul(32)));
        self.escrow_slots.iter().for_each(|slot| slots.extend_from_slice(&*slot.seed()));
        meta::set(db, ESCROW_SLOTS, &slots)?;
        meta::set(db, ACCOUNT_SEAL, &*self.account_seal)?;
        meta::set(db, BACKUP_PUBLIC, &self.backup_public)?;
        meta::set(db, DELETE_KEY, &*self.delete_key)?;
        meta::set(db, TOKEN_KEY, &*self.token_key)?;
        set_card(db, &self.card)
    }

    /// Reads all of them.
    pub(crate) fn load(db: &Conn) -> Result<Self> {
        // It is read anew whenever it is used; a home without it is damaged all the same.
        olm(db)?;
        let key = SignKey::from_seed(&*key(db, DEVICE_KEY)?);
        let escrow = value(db, ESCROW_SLOTS)?;
        let escrow_slots: Vec<SignKey> = escrow.as_chunks::<32>().0.iter().map(SignKey::from_seed).collect();
        if escrow_slots.len() != escrow_numbers().count() || !escrow.as_chunks::<32>().1.is_empty() {
            return Err(malformed(ESCROW_SLOTS));
        }
        let backup_public = value(db, BACKUP_PUBLIC)?.to_vec();
        if backup_public.len() != PUBLIC_BYTES {
            return Err(malformed(BACKUP_PUBLIC));
        }
        Ok(Self {
            account: AccountId::from_bytes(*self::key(db, ACCOUNT)?),
            device: DeviceId::from_bytes(key.public()),
            key,
            network: self::key(db, NETWORK_KEY)?,
            account_slot: SignKey::from_seed(&*self::key(db, ACCOUNT_SLOT)?),
            escrow_slots,
            account_seal: self::key(db, ACCOUNT_SEAL)?,
            backup_public,
            delete_key: self::key(db, DELETE_KEY)?,
            token_key: self::key(db, TOKEN_KEY)?,
            card: Card::decode(value(db, CARD)?.as_slice()).map_err(|_| malformed(CARD))?,
        })
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets")
            .field("account", &self.account)
            .field("device", &self.device)
            .finish_non_exhaustive()
    }
}

/// The pickled Olm account of this machine. It changes with every session that somebody opens.
///
/// # Errors
/// Those of the store.
pub(crate) fn olm(db: &Conn) -> Result<Zeroizing<Vec<u8>>> {
    value(db, OLM)
}

/// Keeps the pickled Olm account; in the transaction of what changed it (protocol section 4.2).
///
/// # Errors
/// Those of the store.
pub(crate) fn set_olm(db: &Conn, pickle: &[u8]) -> Result<()> {
    meta::set(db, OLM, pickle)
}

/// Keeps the default card.
///
/// # Errors
/// Those of the store.
pub(crate) fn set_card(db: &Conn, card: &Card) -> Result<()> {
    meta::set(db, CARD, &card.encode_to_vec())
}

/// Name on the default card.
///
/// # Errors
/// Those of the store.
pub(crate) fn own_name(db: &Conn) -> Result<String> {
    Ok(Card::decode(value(db, CARD)?.as_slice()).map_err(|_| malformed(CARD))?.name)
}

fn escrow_numbers() -> impl Iterator<Item = u32> {
    0..PARTS
}

fn value(db: &Conn, name: &'static str) -> Result<Zeroizing<Vec<u8>>> {
    meta::get(db, name)?.map(Zeroizing::new).ok_or_else(|| malformed(name))
}

fn key(db: &Conn, name: &'static str) -> Result<Zeroizing<[u8; 32]>> {
    let bytes: [u8; 32] = value(db, name)?.as_slice().try_into().map_err(|_| malformed(name))?;
    Ok(Zeroizing::new(bytes))
}

fn malformed(name: &str) -> Error {
    Error::Malformed(format!("the value {name} is missing or has the wrong length"))
}
