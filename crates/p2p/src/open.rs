//! Streams on request: dials if needed, opens, and hands the stream over.
//!
//! Owns: requests that wait for a connection or for a stream.
//! Must not know: what the stream is for.
//! Invariant: every request is answered or its asker has gone; their number is bounded.

use crate::{
    error::OpenError,
    streams::{StreamError, Ticket},
};
use libp2p::{Multiaddr, PeerId, Stream, StreamProtocol, swarm::ConnectionId};
use std::collections::BTreeMap;
use tokio::sync::oneshot;

/// Requests that may wait at once.
const REQUESTS: usize = 256;

/// A request for a stream.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) peer: PeerId,
    /// IP addresses to dial when there is no connection.
    pub(crate) addrs: Vec<Multiaddr>,
    pub(crate) protocol: StreamProtocol,
    pub(crate) reply: oneshot::Sender<Result<Opened, OpenError>>,
}

/// A stream as handed over.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) stream: Stream,
    /// Remote address of the connection.
    pub(crate) addr: Multiaddr,
}

/// Requests under way.
#[derive(Debug, Default)]
pub(crate) struct Opens {
    /// Waiting for the dial with this id.
    dialing: Vec<(ConnectionId, Wanted)>,
    /// Waiting for the stream with this ticket, on a connection with this remote address.
    opening: BTreeMap<Ticket, (Multiaddr, Wanted)>,
}

impl Opens {
    /// Makes room by dropping requests whose asker has gone; gives the request back when there is none.
    pub(crate) fn room(&mut self) -> bool {
        self.dialing.retain(|(_, wanted)| !wanted.reply.is_closed());
        self.opening.retain(|_, (_, wanted)| !wanted.reply.is_closed());
        self.dialing.len().saturating_add(self.opening.len()) < REQUESTS
    }

    pub(crate) fn wait_for_dial(&mut self, dial: ConnectionId, wanted: Wanted) {
        self.dialing.push((dial, wanted));
    }

    pub(crate) fn wait_for_stream(&mut self, ticket: Ticket, addr: Multiaddr, wanted: Wanted) {
        self.opening.insert(ticket, (addr, wanted));
    }

    /// Requests that a new connection with this peer can serve.
    pub(crate) fn take_connected(&mut self, peer: &PeerId) -> Vec<Wanted> {
        self.dialing.extract_if(.., |(_, wanted)| wanted.peer == *peer).map(|(_, wanted)| wanted).collect()
    }

    /// A dial failed: its requests are answered.
    pub(crate) fn dial_failed(&mut self, dial: ConnectionId, reason: &str) {
        for (_, wanted) in self.dialing.extract_if(.., |(waiting, _)| *waiting == dial) {
            answer(wanted.reply, Err(OpenError::Unreachable(reason.to_owned())));
        }
    }

    /// A stream came, or not. Gives the result back when the ticket is not ours.
    pub(crate) fn on_stream(
        &mut self,
        ticket: Ticket,
        result: Result<Stream, StreamError>,
    ) -> Option<Result<Stream, StreamError>> {
        let Some((addr, wanted)) = self.opening.remove(&ticket) else {
            return Some(result);
        };
        answer(wanted.reply, result.map(|stream| Opened { stream, addr }).map_err(OpenError::Stream));
        None
    }
}

/// Answers a request; an asker that has gone meanwhile does not need it any more, and the stream is reset by its drop.
pub(crate) fn answer(reply: oneshot::Sender<Result<Opened, OpenError>>, result: Result<Opened, OpenError>) {
    if reply.send(result).is_err() {
        tracing::trace!("the asker of a stream has gone");
    }
}
