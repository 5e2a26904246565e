//! Author's time: the local clock, corrected by relays and friends when it is off (protocol section
//! 2.4).

use madang_model::{clock::Source, limits::CLOCK_CORRECTION_MS};
use madang_p2p::PeerId;

use crate::{core::Core, effect::Send, error::Error, timer::Due, turn::Turn};

/// Whose clock a sample is from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reference {
    /// A connected device.
    Peer(PeerId),
    /// A relay.
    Relay(PeerId),
}

impl Reference {
    fn name(self) -> Vec<u8> {
        match self {
            Self::Peer(peer) => [b"p".as_slice(), &peer.to_bytes()].concat(),
            Self::Relay(relay) => [b"r".as_slice(), &relay.to_bytes()].concat(),
        }
    }
}

impl Core {
    /// Takes a sample of somebody's clock.
    pub(crate) fn clock_sample(&mut self, turn: &mut Turn<'_>, from: Reference, theirs: u64) {
        let kind = match from {
            Reference::Peer(_) => Source::Friend,
            Reference::Relay(_) => Source::Relay,
        };
        let before = self.reference.correction_ms(turn.now.wall);
        self.reference.record(&from.name(), kind, theirs, turn.now.wall);
        let after = self.reference.correction_ms(turn.now.wall);
        if before != after {
            turn.status_changed = true;
        }
        if before.abs_diff(after) > CLOCK_CORRECTION_MS {
            // By the old time this machine may look as if it slept (protocol section 4.5).
            self.timers.set(Due::Chores, turn.now.mono);
        }
    }

    /// Corrected time for own ops, ms.
    pub(crate) fn author_time(&self, turn: &Turn<'_>) -> u64 {
        self.reference.author_time_ms(turn.now.wall)
    }

    /// The own clock was set back. Others hear of a new time with a new stream alone.
    pub(crate) fn clock_set_back(&mut self, turn: &mut Turn<'_>, by_ms: u64) {
        self.reference.local_set_back(by_ms);
        turn.status_changed = true;
        if by_ms > CLOCK_CORRECTION_MS {
            turn.send(Send::Redial);
        }
    }

    /// The own clock ran ahead: it was set, or this machine slept, and connections that look alive are not.
    pub(crate) fn clock_ran_ahead(&mut self, turn: &mut Turn<'_>, by_ms: u64) {
        self.reference.local_ran_ahead(by_ms);
        turn.status_changed = true;
        turn.send(Send::Redial);
    }

    /// A device or relay is gone; its clock may count no more.
    pub(crate) fn clock_gone(&mut self, turn: &mut Turn<'_>, from: Reference) {
        let before = self.reference.correction_ms(turn.now.wall);
        self.reference.gone(&from.name());
        turn.status_changed |= before != self.reference.correction_ms(turn.now.wall);
    }

    /// Refuses to send while the clock is more than a day ahead of relays and friends.
    pub(crate) fn check_clock(&self) -> Result<(), Error> {
        self.reference.check_send().map_err(|_| Error::Clock)
    }
}
