//! Text form of the link that joins a new machine, `madang://link/1/…` (protocol section 8).
//!
//! Owns the layout `hpke_pk 32 | SHA-256(xwing_pk) 32 | token 16 | expiry 4 | addresses | checksum 4`.
//! The expiry is in seconds since 1970, each address has a 4-byte big-endian length in front.
//! Invariant: what [`parse`] returns encodes to the same text again.

use crate::{BadLink, link_text};
use std::fmt;

const KIND: &str = "link";
/// Addresses in a link: one relay and the LAN addresses that fit.
pub const ADDRESSES: usize = 6;

/// Content of the link a new machine shows. Its `Debug` hides the token.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceLink {
    /// Key of the channel on `/madang/link/1`.
    pub hpke_pk: [u8; 32],
    /// SHA-256 of the X-Wing key that the hello will carry.
    pub xwing_hash: [u8; 32],
    /// Secret that both ends mix into the channel.
    pub token: [u8; 16],
    /// Seconds since 1970 after which the link is refused.
    pub expiry_s: u32,
    /// Binary multiaddrs, at most 6: the relay's or those in the LAN.
    pub addrs: Vec<Vec<u8>>,
}

impl fmt::Debug for DeviceLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeviceLink").field("expiry_s", &self.expiry_s).finish_non_exhaustive()
    }
}

/// Writes a link.
///
/// # Errors
/// [`BadLink::Field`] for too many or empty addresses, [`BadLink::TooLong`] above 400 characters.
pub fn format(link: &DeviceLink) -> Result<String, BadLink> {
    if link.addrs.len() > ADDRESSES || link.addrs.iter().any(Vec::is_empty) {
        return Err(BadLink::Field("addrs"));
    }
    let mut body = [&link.hpke_pk[..], &link.xwing_hash, &link.token, &link.expiry_s.to_be_bytes()].concat();
    for addr in &link.addrs {
        let len = u32::try_from(addr.len()).map_err(|_| BadLink::Field("addrs"))?;
        body.extend_from_slice(&len.to_be_bytes());
        body.extend_from_slice(addr);
    }
    link_text::to_text(KIND, &body)
}

/// Reads a link; white space around it does not matter.
///
/// # Errors
/// Any [`BadLink`].
pub fn parse(text: &str) -> Result<DeviceLink, BadLink> {
    let body = link_text::from_text(KIND, text)?;
    let mut rest = body.as_slice();
    let link = DeviceLink {
        hpke_pk: take(&mut rest, "hpke_pk")?,
        xwing_hash: take(&mut rest, "xwing_hash")?,
        token: take(&mut rest, "token")?,
        expiry_s: u32::from_be_bytes(take(&mut rest, "expiry_s")?),
        addrs: addresses(rest)?,
    };
    Ok(link)
}

fn addresses(mut rest: &[u8]) -> Result<Vec<Vec<u8>>, BadLink> {
    let bad = BadLink::Field("addrs");
    let mut addrs = Vec::new();
    while !rest.is_empty() {
        let len = usize::try_from(u32::from_be_bytes(take(&mut rest, "addrs")?)).map_err(|_| bad)?;
        let (addr, tail) = rest.split_at_checked(len).ok_or(bad)?;
        if addr.is_empty() || addrs.len() == ADDRESSES {
            return Err(bad);
        }
        addrs.push(addr.to_vec());
        rest = tail;
    }
    Ok(addrs)
}

fn take<const N: usize>(rest: &mut &[u8], name: &'static str) -> Result<[u8; N], BadLink> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(BadLink::Field(name))?;
    *rest = tail;
    Ok(*head)
}
