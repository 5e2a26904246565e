//! Author's time: the local clock, corrected by relays and friends when it is off (protocol section
//! 2.4).

use madang_p2p::PeerId;

use crate::{core::Core, error::Error, turn::Turn};

/// Whose clock a sample is from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reference {
    /// A connected device.
    Peer(PeerId),
    /// A relay.
    Relay(PeerId),
}

impl Core {
    /// Takes a sample of somebody's clock.
    pub(crate) fn clock_sample(&mut self, turn: &mut Turn<'_>, from: Reference, theirs: u64) {
        let source = match from {
            Reference::Peer(peer) => [b"p".as_slice(), &peer.to_bytes()].concat(),
            Reference::Relay(relay) => [b"r".as_slice(), &relay.to_bytes()].concat(),
        };
        let before = self.reference.correction_ms();
        self.reference.record(&source, theirs, turn.now.wall);
        if before != self.reference.correction_ms() {
            turn.status_changed = true;
        }
    }

    /// Corrected time for own ops, ms.
    pub(crate) fn author_time(&self, turn: &Turn<'_>) -> u64 {
        self.reference.author_time_ms(turn.now.wall)
    }

    /// Refuses to write when the clock is more than a day ahead of every reference.
    pub(crate) fn check_clock(&self, turn: &Turn<'_>) -> Result<(), Error> {
        self.reference.check_send(self.author_time(turn), turn.now.wall).map_err(|_| Error::Clock)
    }
}
