//! Backup files: sealed to the backup key or to a passphrase (protocol section 1.5).
//!
//! Owns the file's frame; must not know what is in a backup. Invariant: the whole file is one
//! authenticated box, so one flipped bit refuses it before any of it is used.
//!
//! Layout: `"madang-backup" | version 1 | kind 1`, then for kind 1 `enc 1120 | ciphertext`, for kind 2
//! `cost 12 | salt 16 | nonce 24 | ciphertext`.

use crate::cipher;
use crate::passphrase::{COST_BYTES, Cost};
use crate::random::{CryptoRng, random};
use crate::xwing::{self, XWingSecret, open_box, seal_box};
use zeroize::Zeroizing;

const MAGIC: &[u8; 13] = b"madang-backup";
const VERSION: u8 = 1;
const TO_KEY: u8 = 1;
const TO_PASSPHRASE: u8 = 2;
const INFO: &[u8] = b"madang/backup/1";

/// Why a backup was not made or not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The file is no backup.
    #[error("not a backup file")]
    NotABackup,
    /// The file is of a newer version.
    #[error("backup of version {0}")]
    Version(u8),
    /// The file is sealed to a passphrase, not to the phrase, or the reverse.
    #[error("the backup is opened in another way")]
    Kind,
    /// The backup key or the cost is not acceptable.
    #[error("the backup key is not usable")]
    Key,
    /// Wrong secret, or a damaged file.
    #[error("wrong secret or damaged file")]
    Open,
}

/// What opens a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BackupKind {
    /// The recovery phrase.
    Phrase,
    /// A passphrase chosen when it was made.
    Passphrase,
}

fn head(kind: u8) -> Vec<u8> {
    [MAGIC, &[VERSION, kind][..]].concat()
}

/// Reads how a file is opened, without opening it.
///
/// # Errors
/// [`BackupError::NotABackup`], [`BackupError::Version`].
pub fn backup_kind(file: &[u8]) -> Result<BackupKind, BackupError> {
    split(file).map(|(kind, _)| kind)
}

fn split(file: &[u8]) -> Result<(BackupKind, &[u8]), BackupError> {
    let rest = file.strip_prefix(MAGIC).ok_or(BackupError::NotABackup)?;
    match rest.split_first_chunk::<2>() {
        Some(([VERSION, TO_KEY], body)) => Ok((BackupKind::Phrase, body)),
        Some(([VERSION, TO_PASSPHRASE], body)) => Ok((BackupKind::Passphrase, body)),
        Some(([version, _], _)) if *version != VERSION => Err(BackupError::Version(*version)),
        _ => Err(BackupError::NotABackup),
    }
}

/// Seals a backup to the public backup key.
///
/// # Errors
/// [`BackupError::Key`].
pub fn seal_backup_to_key(
    backup_pub: &[u8],
    data: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, BackupError> {
    let head = head(TO_KEY);
    let sealed = seal_box(backup_pub, INFO, &head, data, rng).map_err(|_| BackupError::Key)?;
    Ok([head, sealed.enc, sealed.ct].concat())
}

/// Opens a backup with the backup key of the phrase.
///
/// # Errors
/// Any [`BackupError`].
pub fn open_backup_with_key(secret: &XWingSecret, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    let (BackupKind::Phrase, body) = split(file)? else {
        return Err(BackupError::Kind);
    };
    let (enc, ct) = body.split_at_checked(xwing::ENC_BYTES).ok_or(BackupError::NotABackup)?;
    open_box(secret, INFO, &head(TO_KEY), enc, ct).map_err(|_| BackupError::Open)
}

/// Seals a backup to a passphrase.
///
/// # Errors
/// [`BackupError::Key`].
pub fn seal_backup_to_passphrase(
    passphrase: &str,
    cost: Cost,
    data: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, BackupError> {
    let salt: [u8; 16] = random(rng);
    let key = cost.derive(passphrase, &salt).ok_or(BackupError::Key)?;
    let head = [&head(TO_PASSPHRASE)[..], &cost.to_bytes(), &salt].concat();
    let sealed = cipher::seal(&key, &head, data, rng).map_err(|_| BackupError::Key)?;
    Ok([head, sealed].concat())
}

/// Opens a backup with its passphrase.
///
/// # Errors
/// Any [`BackupError`].
pub fn open_backup_with_passphrase(passphrase: &str, file: &[u8]) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    let (BackupKind::Passphrase, body) = split(file)? else {
        return Err(BackupError::Kind);
    };
    let (cost_bytes, rest) = body.split_first_chunk::<COST_BYTES>().ok_or(BackupError::NotABackup)?;
    let (salt, sealed) = rest.split_first_chunk::<16>().ok_or(BackupError::NotABackup)?;
    let cost = Cost::from_bytes(cost_bytes).ok_or(BackupError::Open)?;
    let key = cost.derive(passphrase, salt).ok_or(BackupError::Open)?;
    let head = [&head(TO_PASSPHRASE)[..], cost_bytes, salt].concat();
    cipher::open(&key, &head, sealed).map_err(|_| BackupError::Open)
}
