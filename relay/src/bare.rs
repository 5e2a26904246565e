//! A relay without its network, for tests: state, a clock that the test moves, peers from invented places.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use libp2p::PeerId;
use libp2p::swarm::ConnectionId;

use crate::clock::Clock;
use crate::config::{Config, RatesConfig};
use crate::hub::Hub;
use crate::metrics::Metrics;
use crate::peers::{Peer, Peers};
use crate::state::State;
use crate::storage::{self, SqliteStorage};
use crate::terms::{InForce, Terms};
use crate::writer::WriterKey;

/// No rates at all; a test switches on the one it is about.
pub(crate) const OFF: RatesConfig = RatesConfig {
    ip_requests: 0,
    ip_kib: 0,
    box_requests: 0,
    token_requests: 0,
    writer_requests: 0,
    writer_kib: 0,
    ip_creations: 0,
};

/// The state of a relay with an empty database in memory. Its clock tells `now`, ms since 1970.
pub(crate) fn state(dev: bool, rates: &RatesConfig, now: &Arc<AtomicU64>) -> State {
    let told = Arc::clone(now);
    let config = Config { rates: rates.clone(), ..Config::default() };
    let database = Box::new(SqliteStorage::in_memory().unwrap());
    State {
        in_force: InForce::new(Terms::new(&config, None).unwrap()),
        relay_key: [0; 32],
        writer_key: WriterKey::derive(&[0; 32]),
        storage: storage::spawn(database, |_| ()).unwrap().0,
        hub: Hub::default(),
        metrics: Arc::new(Metrics::new()),
        clock: Clock::new(move || told.load(Ordering::SeqCst)),
        trace: None,
        dev,
        draining: AtomicBool::new(false),
    }
}

/// A connection; every number comes from another network.
pub(crate) fn peer(n: u8) -> Arc<Peer> {
    let (peers, connection) = (Peers::default(), ConnectionId::new_unchecked(n.into()));
    let address = format!("/ip4/10.0.0.{n}/tcp/1").parse().unwrap();
    peers.connected(connection, PeerId::random(), &address);
    peers.get(connection).unwrap()
}
