//! Small questions about multiaddrs.

use madang_p2p::Multiaddr;

/// Whether an address is of this machine only.
pub(crate) fn is_loopback(addr: &Multiaddr) -> bool {
    madang_p2p::address::ip(addr).is_some_and(|ip| ip.is_loopback())
}

/// The port of an address.
pub(crate) fn port(addr: &Multiaddr) -> Option<u16> {
    madang_p2p::address::port(addr)
}
