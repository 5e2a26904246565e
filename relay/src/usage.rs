//! What a request on a box counts on (protocol section 10.4).
//!
//! Owns the order of these rates. It must not know frames. Invariant: it is asked only after the right to the box was
//! checked, so that a stranger can make no box `busy`.

use crate::peers::Peer;
use crate::rates::Exceeded;
use crate::state::State;
use crate::storage::{BoxId, Mailbox, MailboxKind, Writer};

/// The writer that a peer is in a log.
pub(crate) fn writer(state: &State, peer: &Peer, log: &Mailbox) -> Writer {
    state.writer_key.writer(log.root, peer.owner().as_ref(), peer.network)
}

/// Counts a request of a peer that has proved the key of the box. In a log it counts on the writer first, so that one
/// of them alone cannot use up what all have together.
///
/// # Errors
/// The rate that was exceeded; then nothing was counted on the box.
pub(crate) fn count(state: &State, peer: &Peer, id: BoxId, mailbox: &Mailbox) -> Result<(), Exceeded> {
    if mailbox.kind == MailboxKind::Log {
        state.terms().rates.writer_request(writer(state, peer, mailbox).tag)?;
    }
    state.terms().rates.capability(id)
}
