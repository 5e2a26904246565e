//! Listening: choosing the port, and the addresses that resulted.
//!
//! Owns: the port for address templates, and the set of live listen addresses.
//! Must not know: who is told about them.
//! Invariant: the remembered port is tried first, so that two nodes without mDNS and relay meet again.

use crate::{
    address::{ip, port, with_port},
    transport::Transports,
};
use libp2p::{Multiaddr, multiaddr::Protocol};
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

/// The addresses that the swarm listens on.
#[derive(Debug, Default)]
pub(crate) struct Listening {
    addrs: BTreeSet<Multiaddr>,
    report_at: Option<Instant>,
}

impl Listening {
    /// An address is listened on from now on.
    pub(crate) fn add(&mut self, addr: Multiaddr, now: Instant) {
        if self.addrs.insert(addr) {
            self.changed(now);
        }
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

    /// When [`Listening::take_report`] will have something.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.report_at
    }

    /// All addresses, when a report is due.
    pub(crate) fn take_report(&mut self, now: Instant) -> Option<Vec<Multiaddr>> {
        if self.report_at.is_none_or(|at| at > now) {
            return None;
        }
        self.report_at = None;
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
    fn changes_are_reported_together() {
        let (mut listening, now) = (Listening::default(), Instant::now());
        for addr in templates() {
            listening.add(addr, now);
        }
        assert!(listening.take_report(now).is_none());
        assert_eq!(listening.take_report(now + SETTLE).unwrap().len(), 2);
        assert!(listening.take_report(now + SETTLE).is_none());
    }
}
