//! Olm sessions of the ordered lane (protocol sections 4.1 to 4.4).
//!
//! Owns sessions and the check of names. Must not know the queue: order, acknowledgement and resets
//! are decided above. Invariant: a plaintext is handed out only if the names in it fit the session
//! and the packet, which blocks unknown-key-share attacks.
//!
//! vodozemac draws randomness from the operating system; pickles leave as bytes, the encrypted store
//! protects them.

use crate::kdf::array;
use crate::random::os_rng;
use crate::xwing;
use madang_wire::{DecodeError, LaneMessage, LanePacket, LanePlain, Message, Signed, decode};
use std::fmt;
use vodozemac::olm::{
    Account, AccountPickle, OlmMessage, PreKeyMessage, Session, SessionConfig, SessionPickle,
};
use vodozemac::{Curve25519PublicKey, Curve25519SecretKey};
use zeroize::{Zeroize, Zeroizing};

/// Why a lane could not be opened or a packet not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LaneError {
    /// The stored state does not read.
    #[error("stored lane state does not read")]
    Pickle,
    /// A key of the other side is of low order.
    #[error("a key of the other side is not acceptable")]
    Key,
    /// The packet is not an Olm message of this version.
    #[error("not an Olm message")]
    Malformed,
    /// The packet starts another session than this one.
    #[error("the packet belongs to another session")]
    OtherSession,
    /// The packet is not the first of a session, and there is none.
    #[error("the packet needs a session that is not there")]
    NoSession,
    /// The fallback key it was made for is gone.
    #[error("the fallback key of the packet is gone")]
    FallbackGone,
    /// It does not decrypt: damaged, repeated, or too far out of order.
    #[error("the packet does not decrypt")]
    Decrypt,
    /// Nothing can be encrypted with this session.
    #[error("the session cannot encrypt")]
    Encrypt,
    /// The plaintext does not decode.
    #[error("lane plaintext: {0}")]
    Plain(#[from] DecodeError),
    /// A name in the plaintext does not fit session or packet.
    #[error("the name {0} does not fit the session")]
    Name(&'static str),
}

/// The Olm account of a device: identity key and fallback keys.
pub struct LaneAccount(Account);

impl LaneAccount {
    /// A new account with its first fallback key.
    pub fn generate() -> Self {
        let mut account = Account::new();
        account.generate_fallback_key();
        Self(account)
    }
    /// Restores an account.
    ///
    /// # Errors
    /// [`LaneError::Pickle`].
    pub fn from_pickle(bytes: &[u8]) -> Result<Self, LaneError> {
        let pickle: AccountPickle = serde_json::from_slice(bytes).map_err(|_| LaneError::Pickle)?;
        Ok(Self(Account::from_pickle(pickle)))
    }
    /// The account as bytes. To be stored in the transaction of what changed it.
    ///
    /// # Errors
    /// [`LaneError::Pickle`] if it cannot be written, which no known state causes.
    pub fn pickle(&self) -> Result<Zeroizing<Vec<u8>>, LaneError> {
        serde_json::to_vec(&self.0.pickle()).map(Zeroizing::new).map_err(|_| LaneError::Pickle)
    }
    /// `olm_identity` of the bundle.
    pub fn identity(&self) -> [u8; 32] {
        self.0.curve25519_key().to_bytes()
    }
    /// `fallback` of the bundle.
    ///
    /// # Errors
    /// [`LaneError::Pickle`] if a restored state has none.
    pub fn fallback(&self) -> Result<[u8; 32], LaneError> {
        // Keys are never marked as published, so that the current one stays readable.
        self.0.fallback_key().values().next().map(|key| key.to_bytes()).ok_or(LaneError::Pickle)
    }
    /// Makes a new fallback key; the one before stays usable until the next rotation or
    /// [`LaneAccount::forget_fallback`] (protocol section 4.3: weekly).
    pub fn rotate_fallback(&mut self) {
        self.0.generate_fallback_key();
    }
    /// Forgets the previous fallback key, after the inboxes were drained. True if there was one.
    pub fn forget_fallback(&mut self) -> bool {
        self.0.forget_fallback_key()
    }
}

impl fmt::Debug for LaneAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneAccount").finish_non_exhaustive()
    }
}

/// Whether a lane can be opened with the keys of a bundle (protocol section 4.3): all of their length, none of low
/// order, and the envelope key one to which a box can be made. Costs about as much as sealing an envelope.
pub fn are_lane_keys(olm_identity: &[u8], fallback: &[u8], envelope_pk: &[u8]) -> bool {
    let contributes = |key: &[u8]| {
        array::<32>(key).is_some_and(|key| {
            Curve25519SecretKey::new().diffie_hellman(&Curve25519PublicKey::from_bytes(key)).is_some()
        })
    };
    // The last part of an X-Wing key is a Curve25519 key (draft-connolly-cfrg-xwing-kem, section 5.2).
    envelope_pk.len() == xwing::PUBLIC_BYTES
        && contributes(olm_identity)
        && contributes(fallback)
        && envelope_pk.split_last_chunk::<32>().is_some_and(|(_, last)| contributes(last))
        && xwing::seal_box(envelope_pk, b"", b"", b"", &mut os_rng()).is_ok()
}

/// One end of a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneEnd {
    /// Account id.
    pub account: [u8; 32],
    /// Device key.
    pub device: [u8; 32],
    /// Olm identity key of the device's bundle.
    pub olm: [u8; 32],
}

/// Place of a packet: session generation and sequence (protocol section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LanePlace {
    /// Generation, raised by a reset.
    pub generation: u32,
    /// Sequence within the generation, from 1.
    pub td_seq: u64,
}

/// What a packet carries besides names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LaneContent {
    /// Messages; none is a valid packet that turns the ratchet.
    pub messages: Vec<LaneMessage>,
    /// Account-log heads known of the sender's account.
    pub from_heads: Vec<[u8; 32]>,
    /// Account-log heads known of the receiver's account.
    pub to_heads: Vec<[u8; 32]>,
    /// The sender's bundle, until the first acknowledgement of this generation.
    pub bundle: Option<Signed>,
}

/// A session between two devices.
pub struct LaneSession(Session);

impl LaneSession {
    /// Opens a session to the device of a bundle.
    ///
    /// # Errors
    /// [`LaneError::Key`] for keys of low order.
    pub fn outbound(own: &LaneAccount, peer: &LaneEnd, fallback: &[u8; 32]) -> Result<Self, LaneError> {
        own.0
            .create_outbound_session(
                SessionConfig::version_1(),
                Curve25519PublicKey::from_bytes(peer.olm),
                Curve25519PublicKey::from_bytes(*fallback),
            )
            .map(Self)
            .map_err(|_| LaneError::Key)
    }

    /// Opens the session that a packet starts, and reads the packet.
    ///
    /// # Errors
    /// Any [`LaneError`] but `Pickle` and `Encrypt`.
    pub fn inbound(
        account: &mut LaneAccount,
        own: &LaneEnd,
        peer: &LaneEnd,
        packet: &LanePacket,
    ) -> Result<(Self, LanePlain), LaneError> {
        use vodozemac::olm::SessionCreationError as E;
        let OlmMessage::PreKey(first) = olm_message(packet)? else {
            return Err(LaneError::NoSession);
        };
        let identity = Curve25519PublicKey::from_bytes(peer.olm);
        let created = account
            .0
            .create_inbound_session(SessionConfig::version_1(), identity, &first)
            .map_err(|error| match error {
                E::MissingOneTimeKey(_) => LaneError::FallbackGone,
                E::MismatchedIdentityKey(..) => LaneError::Name("from_olm"),
                E::MismatchedSessionConfig { .. } => LaneError::Malformed,
                E::NonContributoryKey => LaneError::Key,
                E::Decryption(_) => LaneError::Decrypt,
            })?;
        let plain = read_plain(created.plaintext, own, peer, packet)?;
        Ok((Self(created.session), plain))
    }

    /// Restores a session.
    ///
    /// # Errors
    /// [`LaneError::Pickle`].
    pub fn from_pickle(bytes: &[u8]) -> Result<Self, LaneError> {
        let pickle: SessionPickle = serde_json::from_slice(bytes).map_err(|_| LaneError::Pickle)?;
        Ok(Self(Session::from_pickle(pickle)))
    }
    /// The session as bytes. Store it with the outbox row before the packet leaves
    /// (protocol section 4.2).
    ///
    /// # Errors
    /// [`LaneError::Pickle`] if it cannot be written, which no known state causes.
    pub fn pickle(&self) -> Result<Zeroizing<Vec<u8>>, LaneError> {
        serde_json::to_vec(&self.0.pickle()).map(Zeroizing::new).map_err(|_| LaneError::Pickle)
    }

    /// True once the other side has answered: forward secrecy no longer rests on the fallback key.
    pub fn is_answered(&self) -> bool {
        self.0.has_received_message()
    }

    /// Encrypts a packet; the names are filled in from both ends.
    ///
    /// # Errors
    /// [`LaneError::Encrypt`].
    pub fn encrypt(
        &mut self,
        own: &LaneEnd,
        peer: &LaneEnd,
        place: LanePlace,
        content: LaneContent,
    ) -> Result<LanePacket, LaneError> {
        let heads = |ids: Vec<[u8; 32]>| ids.into_iter().map(|id| id.to_vec()).collect();
        let plain = LanePlain {
            from_account: own.account.to_vec(),
            from_device: own.device.to_vec(),
            to_account: peer.account.to_vec(),
            to_device: peer.device.to_vec(),
            from_olm: own.olm.to_vec(),
            to_olm: peer.olm.to_vec(),
            from_heads: heads(content.from_heads),
            to_heads: heads(content.to_heads),
            m: content.messages,
            bundle: content.bundle,
        };
        let plain = Zeroizing::new(plain.encode_to_vec());
        let message = self.0.encrypt(plain.as_slice()).map_err(|_| LaneError::Encrypt)?;
        let (olm_type, olm) = message.to_parts();
        Ok(LanePacket {
            from: own.device.to_vec(),
            to: peer.device.to_vec(),
            r#gen: place.generation,
            td_seq: place.td_seq,
            olm_type: u32::try_from(olm_type).map_err(|_| LaneError::Encrypt)?,
            olm,
        })
    }

    /// Reads the next packet of this session. On an error the session is as before: also when the packet
    /// opened, but the names in it do not fit.
    ///
    /// # Errors
    /// [`LaneError::OtherSession`] for a packet that starts another one, else any but `Pickle`.
    pub fn decrypt(
        &mut self,
        own: &LaneEnd,
        peer: &LaneEnd,
        packet: &LanePacket,
    ) -> Result<LanePlain, LaneError> {
        let message = olm_message(packet)?;
        if let OlmMessage::PreKey(first) = &message
            && !self.is_started_by(first)
        {
            return Err(LaneError::OtherSession);
        }
        // Opening a packet moves the ratchet, and what its names say is known only then.
        let before = self.0.pickle();
        let plaintext = self.0.decrypt(&message).map_err(|_| LaneError::Decrypt)?;
        read_plain(plaintext, own, peer, packet).inspect_err(|_| self.0 = Session::from_pickle(before))
    }

    fn is_started_by(&self, first: &PreKeyMessage) -> bool {
        self.0.session_id() == first.session_id()
    }
}

impl fmt::Debug for LaneSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneSession").finish_non_exhaustive()
    }
}

fn olm_message(packet: &LanePacket) -> Result<OlmMessage, LaneError> {
    let kind = usize::try_from(packet.olm_type).map_err(|_| LaneError::Malformed)?;
    OlmMessage::from_parts(kind, &packet.olm).map_err(|_| LaneError::Malformed)
}

fn read_plain(
    mut bytes: Vec<u8>,
    own: &LaneEnd,
    peer: &LaneEnd,
    packet: &LanePacket,
) -> Result<LanePlain, LaneError> {
    let plain = decode::<LanePlain>(&bytes);
    bytes.zeroize();
    let plain = plain?;
    let is = |field: &[u8], end: &[u8; 32]| array::<32>(field).as_ref() == Some(end);
    let names = [
        ("from", is(&packet.from, &peer.device)),
        ("to", is(&packet.to, &own.device)),
        ("from_account", is(&plain.from_account, &peer.account)),
        ("from_device", is(&plain.from_device, &peer.device)),
        ("from_olm", is(&plain.from_olm, &peer.olm)),
        ("to_account", is(&plain.to_account, &own.account)),
        ("to_device", is(&plain.to_device, &own.device)),
        ("to_olm", is(&plain.to_olm, &own.olm)),
    ];
    match names.iter().find(|(_, fits)| !fits) {
        Some((name, _)) => Err(LaneError::Name(name)),
        None => Ok(plain),
    }
}
