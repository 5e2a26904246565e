//! Listening: choosing the port, keeping the listeners, and the addresses that resulted.
//!
//! Owns: the port for address templates, which of them has a listener, and the set of live listen addresses.
//! Must not know: who is told about them. Time comes in as an argument.
//! Invariants: the remembered port is tried first, so that two nodes without mDNS and relay meet again; an address that
//! was asked for either has a listener or a time for the next attempt.

use crate::{
    address::{ip, port, with_port},
    backoff,
    transport::Transports,
};
use libp2p::{Multiaddr, PeerId, core::transport::ListenerId, multiaddr::Protocol};
use std::{
    collections::BTreeSet,
    net::{SocketAddr, TcpListener, UdpSocket},
    time::Duration,
};
use tokio::time::Instant;

/// Addresses of several interfaces come one by one; they are reported together after this time.
const SETTLE: Duration = Duration::from_millis(100);
/// Random ports tried until one is free for TCP and UDP alike.
const RANDOM_TRIES: usize = 16;

/// An address that was asked for, its port chosen.
#[derive(Debug)]
struct Place {
    addr: Multiaddr,
    listener: Option<ListenerId>,
    /// Attempts that failed since the last success.
    failed: u32,
    /// When to try, if there is no listener.
    at: Option<Instant>,
}

/// The addresses that the swarm listens on.
#[derive(Debug)]
pub(crate) struct Listening {
    local: PeerId,
    places: Vec<Place>,
    addrs: BTreeSet<Multiaddr>,
    report_at: Option<Instant>,
    /// Whether the addresses of the start were reported.
    reported: bool,
}

impl Listening {
    /// Wants these addresses, at once.
    pub(crate) fn new(local: PeerId, addrs: Vec<Multiaddr>, now: Instant) -> Self {
        let place = |addr| Place { addr, listener: None, failed: 0, at: Some(now) };
        let places = addrs.into_iter().map(place).collect();
        Self { local, places, addrs: BTreeSet::new(), report_at: None, reported: false }
    }

    /// Addresses to listen on now; [`Listening::opened`] or [`Listening::failed`] must follow for each.
    pub(crate) fn take_due(&mut self, now: Instant) -> Vec<Multiaddr> {
        let due = self.places.iter_mut().filter(|place| place.at.is_some_and(|at| at <= now));
        due.map(|place| {
            place.at = None;
            place.addr.clone()
        })
        .collect()
    }

    /// The listeners that stand.
    #[cfg(test)]
    pub(crate) fn listeners(&self) -> Vec<ListenerId> {
        self.places.iter().filter_map(|place| place.listener).collect()
    }

    /// An address has a listener.
    pub(crate) fn opened(&mut self, addr: &Multiaddr, listener: ListenerId) {
        for place in self.places.iter_mut().filter(|place| place.addr == *addr) {
            (place.listener, place.at) = (Some(listener), None);
        }
    }

    /// An address could not be listened on; it is tried again later.
    pub(crate) fn failed(&mut self, addr: &Multiaddr, now: Instant) {
        let local = self.local;
        for place in self.places.iter_mut().filter(|place| place.addr == *addr) {
            place.failed = place.failed.saturating_add(1);
            place.at = now.checked_add(backoff::delay(&local, &local, place.failed));
        }
    }

    /// A listener is gone, with these addresses; it is opened again soon.
    pub(crate) fn closed(&mut self, listener: ListenerId, addrs: &[Multiaddr], now: Instant) {
        for addr in addrs {
            self.remove(addr, now);
        }
        for place in self.places.iter_mut().filter(|place| place.listener == Some(listener)) {
            // A listener that closes each time is not opened ever faster.
            let wait = backoff::delay(&self.local, &self.local, place.failed);
            place.failed = place.failed.saturating_add(1);
            (place.listener, place.at) = (None, now.checked_add(wait));
        }
    }

    /// Tries every address without a listener now. A listener that stands is left alone: its port could not be bound
    /// a second time.
    pub(crate) fn retry_now(&mut self, now: Instant) {
        for place in self.places.iter_mut().filter(|place| place.listener.is_none()) {
            (place.failed, place.at) = (0, Some(now));
        }
    }

    /// An address is listened on from now on. Returns whether it is news of the network, after the start and not only
    /// of this machine.
    pub(crate) fn add(&mut self, addr: Multiaddr, now: Instant) -> bool {
        let outside = ip(&addr).is_some_and(|ip| !ip.is_loopback());
        let fresh = self.addrs.insert(addr);
        if fresh {
            self.changed(now);
        }
        fresh && outside && self.reported
    }

    /// An address is not listened on any more.
    pub(crate) fn remove(&mut self, addr: &Multiaddr, now: Instant) {
        if self.addrs.remove(addr) {
            self.changed(now);
        }
    }

    /// Asks for a report soon: after a change, or because the last one could not be delivered.
    pub(crate) fn changed(&mut self, now: Instant) {
        self.report_at = now.checked_add(SETTLE);
    }

    /// When [`Listening::take_report`] or [`Listening::take_due`] will have something.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.places.iter().filter_map(|place| place.at).chain(self.report_at).min()
    }

    /// All addresses, when a report is due.
    pub(crate) fn take_report(&mut self, now: Instant) -> Option<Vec<Multiaddr>> {
        if self.report_at.is_none_or(|at| at > now) {
            return None;
        }
        self.report_at = None;
        self.reported = true;
        // What was reported stands: the next loss of a listener is met by a fast attempt.
        for place in self.places.iter_mut().filter(|place| place.listener.is_some()) {
            place.failed = 0;
        }
        Some(self.addrs.iter().cloned().collect())
    }
}

/// Replaces port 0 in the templates that `transports` carry: by the remembered port where it is free, else by a
/// random one that is free for all of them, so that one number serves TCP and UDP.
pub(crate) fn choose_ports(
    templates: &[Multiaddr],
    remembered: Option<u16>,
    transports: Transports,
) -> Vec<Multiaddr> {
    let carried: Vec<&Multiaddr> = templates.iter().filter(|addr| transports.carry(addr)).collect();
    let open: Vec<&Multiaddr> = carried.iter().copied().filter(|addr| port(addr) == Some(0)).collect();
    let fits = |number: u16| open.iter().all(|addr| is_free(addr, number));
    let chosen = remembered.filter(|number| *number != 0 && fits(*number)).or_else(|| {
        open.first().and_then(|_| (0..RANDOM_TRIES).filter_map(|_| random_port()).find(|n| fits(*n)))
    });
    let fill = |addr: &&Multiaddr| match (port(addr), chosen) {
        (Some(0), Some(number)) => with_port(addr, number),
        _ => (*addr).clone(),
    };
    carried.iter().map(fill).collect()
}

/// Whether nobody listens on this port of the address. libp2p sets `SO_REUSEPORT`, with which a second process
/// would share the port and steal half of the connections without any error; so it is tried here without.
fn is_free(addr: &Multiaddr, number: u16) -> bool {
    let Some(ip) = ip(addr) else { return false };
    let socket = SocketAddr::new(ip, number);
    let udp = addr.iter().any(|part| matches!(part, Protocol::Udp(_)));
    if udp { UdpSocket::bind(socket).is_ok() } else { free_tcp(socket) }
}

fn free_tcp(socket: SocketAddr) -> bool {
    match TcpListener::bind(socket) {
        Ok(_) => true,
        // A machine without IPv6 cannot bind this address on any port; that says nothing about the port.
        Err(error) => socket.is_ipv6() && error.kind() != std::io::ErrorKind::AddrInUse,
    }
}

/// A port that was free a moment ago.
fn random_port() -> Option<u16> {
    let listener = TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], 0))).ok()?;
    Some(listener.local_addr().ok()?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Transports = Transports { tcp: true, quic: true };

    fn templates() -> Vec<Multiaddr> {
        ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"].iter().map(|t| t.parse().unwrap()).collect()
    }

    #[test]
    fn a_free_remembered_port_serves_both_transports() {
        let free = random_port().unwrap();
        let chosen = choose_ports(&templates(), Some(free), BOTH);
        assert_eq!(chosen.iter().map(|addr| port(addr).unwrap()).collect::<Vec<_>>(), [free, free]);
    }

    #[test]
    fn a_taken_port_falls_back_to_a_random_one() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let number = taken.local_addr().unwrap().port();
        let chosen = choose_ports(&templates(), Some(number), BOTH);
        let ports: BTreeSet<u16> = chosen.iter().map(|addr| port(addr).unwrap()).collect();
        assert_eq!(ports.len(), 1);
        assert!(!ports.contains(&number) && !ports.contains(&0), "{ports:?}");
    }

    #[test]
    fn switched_off_transports_are_left_out_and_fixed_ports_stay() {
        let tcp = Transports { tcp: true, quic: false };
        let fixed: Multiaddr = "/ip4/127.0.0.1/tcp/77".parse().unwrap();
        let quic: Multiaddr = "/ip4/127.0.0.1/udp/77/quic-v1".parse().unwrap();
        assert_eq!(choose_ports(&[fixed.clone(), quic], Some(99), tcp), [fixed]);
    }

    #[test]
    fn a_lost_listener_is_opened_again_ever_more_rarely_or_at_once_on_order() {
        let (mut now, addrs) = (Instant::now(), templates());
        let mut listening = Listening::new(PeerId::random(), addrs.clone(), now);
        assert_eq!(listening.take_due(now), addrs);
        let (tcp, quic) = (ListenerId::next(), ListenerId::next());
        listening.opened(&addrs[0], tcp);
        listening.opened(&addrs[1], quic);
        assert!(listening.next_due().is_none());
        listening.closed(tcp, &[], now);
        assert!(listening.next_due().unwrap() - now <= Duration::from_millis(250));
        let mut last = Duration::ZERO;
        for _ in 0..8 {
            let next = listening.next_due().unwrap();
            (last, now) = (next - now, next);
            assert_eq!(listening.take_due(now), addrs[..1]);
            listening.failed(&addrs[0], now);
        }
        assert!(last >= Duration::from_secs(16), "{last:?}");
        listening.retry_now(now);
        assert_eq!(listening.take_due(now), addrs[..1], "the other one stands and is left alone");
    }

    #[test]
    fn an_address_of_the_network_after_the_start_is_news() {
        let now = Instant::now();
        let mut listening = Listening::new(PeerId::random(), Vec::new(), now);
        let addr = |text: &str| text.parse::<Multiaddr>().unwrap();
        assert!(!listening.add(addr("/ip4/192.0.2.1/tcp/1"), now), "it belongs to the start");
        assert!(listening.take_report(now + SETTLE).is_some());
        assert!(listening.add(addr("/ip4/192.0.2.2/tcp/1"), now));
        assert!(!listening.add(addr("/ip4/192.0.2.2/tcp/1"), now), "it was known");
        assert!(!listening.add(addr("/ip4/127.0.0.1/tcp/1"), now));
    }

    #[test]
    fn changes_are_reported_together() {
        let now = Instant::now();
        let mut listening = Listening::new(PeerId::random(), Vec::new(), now);
        for addr in templates() {
            listening.add(addr, now);
        }
        assert!(listening.take_report(now).is_none());
        assert_eq!(listening.take_report(now + SETTLE).unwrap().len(), 2);
        assert!(listening.take_report(now + SETTLE).is_none());
    }
}
