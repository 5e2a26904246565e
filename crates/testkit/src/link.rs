//! Links as somebody else would hand them on.

use anyhow::Result;
use madang_wire::invite_link;

/// The same invite link without the addresses of its maker: whoever uses it must find the maker otherwise.
///
/// # Errors
/// When it is no link.
pub fn without_addresses(link: &str) -> Result<String> {
    let mut parsed = invite_link::parse(link)?;
    parsed.addrs.clear();
    Ok(invite_link::format(&parsed)?)
}
