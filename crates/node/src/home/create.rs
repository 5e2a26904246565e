//! Making an account in an empty home (protocol section 1.1 and 1.2).
//!
//! Invariant: no disk ever holds the phrase, the seed or the root key, unless the caller puts the phrase there.

use std::{io, path::Path};

use madang_crypto::{
    Cost, CryptoRng, DataKey, DeviceKeys, KeySlot, Phrase, SlotSecret, XWingSecret, genesis, os_rng,
    public_id, random,
};
use madang_model::{AccountId, DeviceId, Hlc, OpId, text};
use madang_store::{
    Home, Store, accounts, devices,
    envelopes::{self, EnvelopeKey},
};
use madang_wire::Card;
use zeroize::Zeroizing;

use super::{
    Error, Secrets,
    error::is_full,
    has_account, keyring,
    making::Making,
    slots::{self, Place, Slot, slot_name},
};

/// Cost of one guess at the passphrase.
const COST: Cost = Cost::STANDARD;

/// What somebody says who wants an account.
#[derive(Debug, Clone, Copy)]
pub struct NewAccount<'a> {
    /// Name on the default card, at most 20 characters.
    pub name: &'a str,
    /// Name of this machine, at most 32 characters; friends see it.
    pub machine: &'a str,
    /// Locks the home; without it the keyring of the system or a key file does.
    pub passphrase: Option<&'a str>,
    /// Time of the genesis, ms since 1970.
    pub now_ms: u64,
}

/// A new account.
#[derive(Debug)]
pub struct Created {
    /// Id of the account.
    pub account: AccountId,
    /// This machine.
    pub device: DeviceId,
    /// Name on the default card.
    pub name: String,
    /// The recovery phrase, to be shown once.
    pub phrase: Phrase,
    /// Neither a passphrase nor a keyring was there, so the key lies in a file of the home: worth a warning.
    pub key_in_file: bool,
}

/// Makes an account in the held home. `keep` is given the phrase before the account comes to be: when it fails, or
/// anything else, there is no account.
///
/// # Errors
/// [`Error::Exists`], [`Error::Name`], [`Error::Unkept`], [`Error::DiskFull`], [`Error::SlotsMissing`] when files
/// of a lost account lie in the home, [`Error::Denied`], [`Error::Io`].
pub fn create(
    held: &Home,
    new: NewAccount<'_>,
    keep: impl FnOnce(&Phrase) -> io::Result<()>,
) -> Result<Created, Error> {
    let home = held.paths().dir();
    if has_account(home)? {
        return Err(Error::Exists);
    }
    if held.paths().has_store() {
        return Err(Error::SlotsMissing);
    }
    let name = check_name(new.name)?;
    text::check_device_label(new.machine).map_err(Error::Name)?;
    let mut rng = os_rng();
    let phrase = Phrase::generate(&mut rng);
    let data_key = DataKey::generate(&mut rng);

    let making = Making::begin(home)?;
    let me = write_store(&making.path("store.db"), &data_key, &phrase, new, &name, &mut rng)?;
    let mut kept_in_keyring = KeptInKeyring(None);
    let slots = write_slots(&making, &data_key, &phrase, new.passphrase, &mut kept_in_keyring, &mut rng)?;
    keep(&phrase).map_err(|error| if is_full(&error) { Error::DiskFull } else { Error::Unkept(error) })?;
    making.finish()?;
    kept_in_keyring.0 = None;

    let key_in_file = slots.iter().any(|slot| slot.place == Place::File);
    Ok(Created { account: me.account, device: me.device, name, phrase, key_in_file })
}

/// The name without white space around it, if it is one.
pub(crate) fn check_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    text::check_name(name).map_err(Error::Name)?;
    Ok(name.to_owned())
}

/// The store with everything that an account begins with, in one transaction.
pub(crate) fn write_store(
    path: &Path,
    key: &DataKey,
    phrase: &Phrase,
    new: NewAccount<'_>,
    name: &str,
    rng: &mut impl CryptoRng,
) -> Result<Secrets, Error> {
    let seed = phrase.seed();
    let keys = DeviceKeys::generate(rng);
    let hlc = Hlc::from_millis(new.now_ms).as_u64();
    let op = genesis(&seed.root(), &keys.sign.public(), new.machine, hlc, rng)
        .map_err(|error| Error::Io(format!("the account could not be signed: {error}")))?;
    let account = AccountId::from_bytes(op.id);
    let card = Card { name: name.to_owned(), ..Card::default() };
    let me = Secrets::new(account, &seed, (keys.sign, keys.network), card, rng);
    let olm = keys.lane.pickle().map_err(|error| Error::Io(format!("the lane account: {error}")))?;

    let mut store = Store::create(path, key.bytes())?;
    let tx = store.writer.begin()?;
    let first = accounts::AccountOp {
        id: OpId::from_bytes(op.id),
        account,
        header: op.op.header,
        sig: op.op.sig,
        payload: op.op.payload.unwrap_or_default(),
    };
    accounts::insert(&tx, &first)?;
    devices::intern(&tx, &me.device, Some(&account))?;
    envelopes::insert_key(&tx, &envelope_key(&keys.envelope, new.now_ms))?;
    me.save(&tx, &olm)?;
    tx.commit()?;
    drop(store.readers);
    store.writer.close()?;
    Ok(me)
}

/// The first key that opens envelopes to this machine; a newer one takes its place every week.
fn envelope_key(key: &XWingSecret, now_ms: u64) -> EnvelopeKey {
    EnvelopeKey {
        id: public_id(key.public()),
        secret: key.seed().to_vec(),
        public: key.public().to_vec(),
        made_at: now_ms,
        retired_at: None,
    }
}

/// The ways to the key: one for every day, and the phrase for the day on which it is lost.
fn write_slots(
    making: &Making<'_>,
    key: &DataKey,
    phrase: &Phrase,
    passphrase: Option<&str>,
    kept_in_keyring: &mut KeptInKeyring,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Slot>, Error> {
    let mut wrap = |place, secret: SlotSecret<'_>| {
        let slot = KeySlot::wrap(key, secret, COST, rng);
        slot.map(|slot| Slot { place, slot }).map_err(|error| Error::Io(format!("a key slot: {error}")))
    };
    let by_phrase = wrap(Place::Person, SlotSecret::Phrase(phrase))?;
    let daily = match passphrase {
        Some(passphrase) => wrap(Place::Person, SlotSecret::Passphrase(passphrase))?,
        None => {
            let secret = Zeroizing::new(random(&mut os_rng()));
            let mut slot = wrap(Place::Keyring, SlotSecret::Key(&secret))?;
            match keyring::keep(&slot_name(&slot.slot), &secret) {
                Ok(()) => kept_in_keyring.0 = Some(slot_name(&slot.slot)),
                Err(refusal) => {
                    tracing::info!(refusal, "no keyring keeps the key of this home, a file does");
                    making.write("key", &*secret)?;
                    slot.place = Place::File;
                }
            }
            slot
        }
    };
    let slots = vec![daily, by_phrase];
    making.write("slots", &slots::encode(&slots)?)?;
    Ok(slots)
}

/// A key in the keyring that goes again unless the account comes to be.
struct KeptInKeyring(Option<String>);

impl Drop for KeptInKeyring {
    fn drop(&mut self) {
        if let Some(name) = self.0.take()
            && let Err(refusal) = keyring::forget(&name)
        {
            tracing::warn!(refusal, "an unused key stays in the keyring");
        }
    }
}
