//! Text form of invite links, `madang://invite/1/…` (protocol section 7.1).
//!
//! Owns the form and the lengths of the fields; must not know invites themselves.
//! Invariant: what [`parse`] returns has every field in its right length.

use crate::limits::{LINK_ADDRESSES, LINK_RELAYS};
use crate::{BadLink, InviteLink, decode, link_text};
use prost::Message;

const KIND: &str = "invite";
/// Longest binary multiaddr or PeerId in a link, bytes; 400 characters hold fewer in sum.
pub(crate) const ADDRESS_BYTES: usize = 256;

/// Writes a link.
///
/// # Errors
/// [`BadLink::Field`] for a field of the wrong length, [`BadLink::TooLong`] above 400 characters
/// (leave out addresses then).
pub fn format(link: &InviteLink) -> Result<String, BadLink> {
    check(link)?;
    link_text::to_text(KIND, &link.encode_to_vec())
}

/// Reads a link; white space around it does not matter.
///
/// # Errors
/// Any [`BadLink`].
pub fn parse(text: &str) -> Result<InviteLink, BadLink> {
    let body = link_text::from_text(KIND, text)?;
    let link = decode::<InviteLink>(&body).map_err(|_| BadLink::Field("body"))?;
    check(&link)?;
    Ok(link)
}

fn check(link: &InviteLink) -> Result<(), BadLink> {
    let addressed = !link.slot_id.is_empty() || !link.addrs.is_empty() || !link.peer.is_empty();
    let fields = [
        ("slot_id", link.slot_id.is_empty() || link.slot_id.len() == 16),
        ("account16", link.account16.len() == 16),
        ("secret", link.secret.len() == 16),
        ("expiry_h", link.expiry_h != 0),
        ("relays", link.relays.len() <= LINK_RELAYS && link.slot_id.is_empty() == link.relays.is_empty()),
        ("peer", link.peer.len() <= ADDRESS_BYTES),
        ("addrs", link.addrs.len() <= LINK_ADDRESSES && addressed),
    ];
    match fields.iter().find(|(_, fits)| !fits) {
        Some((name, _)) => Err(BadLink::Field(name)),
        None => Ok(()),
    }
}
