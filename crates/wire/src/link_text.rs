//! The text form shared by all links: prefix, base64url, checksum.
//!
//! Owns that form; must not know what a link carries. Invariant: a damaged link is refused before
//! any byte of it is used (protocol section 7.1).

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

/// Longest link, characters (protocol section 7.1).
pub(crate) const LINK_CHARS: usize = madang_model::limits::INVITE_LINK_MAX;
/// Bytes of the checksum at the end.
const CHECKSUM_BYTES: usize = 4;

/// Why a link was refused: all cases of the code `bad_link`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadLink {
    /// It does not start with `madang://`.
    #[error("not a madang link")]
    NotALink,
    /// It is a link of another kind than the one expected.
    #[error("a link of another kind")]
    Kind,
    /// It is of a version this program does not know.
    #[error("a link of a newer version")]
    Version,
    /// It has more than 400 characters.
    #[error("link of {chars} characters, at most 400 are allowed")]
    TooLong {
        /// Length found, characters.
        chars: usize,
    },
    /// It holds a character that does not belong there.
    #[error("a character in the link is wrong")]
    Characters,
    /// The checksum does not fit: a character was changed or cut off.
    #[error("a character was changed, or the end is cut off")]
    Checksum,
    /// A field is missing or has the wrong length.
    #[error("the field {0} of the link is wrong")]
    Field(&'static str),
}

/// Text form of `body` under `madang://<kind>/1/`.
pub(crate) fn to_text(kind: &str, body: &[u8]) -> Result<String, BadLink> {
    let bytes = [body, &checksum(body)].concat();
    let text = format!("madang://{kind}/1/{}", BASE64URL_NOPAD.encode(&bytes));
    if text.len() > LINK_CHARS {
        return Err(BadLink::TooLong { chars: text.len() });
    }
    Ok(text)
}

/// Body of a link of this kind. White space around and line breaks inside, as mail programs add
/// them, do not matter.
pub(crate) fn from_text(kind: &str, text: &str) -> Result<Vec<u8>, BadLink> {
    // Pasted text may be anything; a generous cut keeps the work small before the exact check.
    if text.len() > LINK_CHARS.saturating_mul(4) {
        return Err(BadLink::TooLong { chars: text.chars().count() });
    }
    let text: String = text.split_whitespace().collect();
    let rest = text.strip_prefix("madang://").ok_or(BadLink::NotALink)?;
    let (found, rest) = rest.split_once('/').ok_or(BadLink::NotALink)?;
    if found != kind {
        return Err(BadLink::Kind);
    }
    let (version, payload) = rest.split_once('/').ok_or(BadLink::NotALink)?;
    if version != "1" {
        return Err(BadLink::Version);
    }
    if text.len() > LINK_CHARS {
        return Err(BadLink::TooLong { chars: text.chars().count() });
    }
    if !payload.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_') {
        return Err(BadLink::Characters);
    }
    // All characters are right, so what does not decode has a wrong length: something is missing.
    let bytes = BASE64URL_NOPAD.decode(payload.as_bytes()).map_err(|_| BadLink::Checksum)?;
    let (body, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(BadLink::Checksum)?;
    if *sum != checksum(body) {
        return Err(BadLink::Checksum);
    }
    Ok(body.to_vec())
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut sum = [0; CHECKSUM_BYTES];
    for (to, from) in sum.iter_mut().zip(Sha256::digest(body)) {
        *to = from;
    }
    sum
}
