//! How far an own message has come (protocol section 6.2).
//!
//! Owns the states and their transitions. Must not know paths, relays or timers. Invariant: a state never goes
//! backwards, except from relayed to sending when the relay let go of the message.

/// What retrying cannot cure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The author is no member any more.
    NotMember,
    /// The message is larger than the protocol allows.
    TooLarge,
    /// The clock is more than 24 hours ahead.
    Clock,
    /// Everybody refuses it.
    Refused,
}

/// State of an own message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Delivery {
    /// Durable here.
    Sending {
        /// A relay had it and let it go before everybody had fetched it.
        relay_expired: bool,
    },
    /// Stored on a relay that every recipient it has not reached yet lists.
    Relayed,
    /// Every recipient account has one device that committed it.
    Delivered,
    /// Nobody has it unread, and receipts are on.
    Read,
    /// It will not arrive.
    Failed(Failure),
}

/// What is known about an own message at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// Recipient accounts.
    pub recipients: usize,
    /// Recipient accounts of which at least one device committed it.
    pub committed: usize,
    /// Whether a relay that every other recipient lists holds it now.
    pub on_relay: bool,
    /// Unread number; none if receipts are off.
    pub unread: Option<usize>,
    /// Something that retrying cannot cure.
    pub failure: Option<Failure>,
}

impl Delivery {
    /// State of a message that was just committed here. Without other accounts it is delivered at once.
    pub fn first(recipients: usize) -> Self {
        if recipients == 0 { Delivery::Delivered } else { Delivery::Sending { relay_expired: false } }
    }

    fn rank(self) -> u8 {
        match self {
            Delivery::Sending { .. } => 0,
            Delivery::Relayed => 1,
            Delivery::Delivered => 2,
            Delivery::Read => 3,
            Delivery::Failed(_) => 4,
        }
    }

    /// The state that follows from the evidence. Delivered and read are kept whatever the evidence says later:
    /// members who join or devices that are wiped do not undo them.
    #[must_use]
    pub fn next(self, evidence: &Evidence) -> Self {
        if matches!(self, Delivery::Failed(_) | Delivery::Read) {
            return self;
        }
        let delivered = evidence.committed >= evidence.recipients || self == Delivery::Delivered;
        if delivered {
            let read = evidence.recipients > 0 && evidence.unread == Some(0);
            return if read { Delivery::Read } else { Delivery::Delivered };
        }
        if let Some(failure) = evidence.failure {
            return Delivery::Failed(failure);
        }
        match (self, evidence.on_relay) {
            (_, true) => Delivery::Relayed,
            (Delivery::Relayed, false) => Delivery::Sending { relay_expired: true },
            (state, false) => state,
        }
    }

    /// Whether going from this state to `next` is allowed at all; a guard for stored states.
    pub fn may_become(self, next: Self) -> bool {
        match (self, next) {
            (Delivery::Relayed, Delivery::Sending { relay_expired }) => relay_expired,
            (Delivery::Delivered | Delivery::Read, Delivery::Failed(_)) => false,
            _ => next.rank() >= self.rank(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn evidence(committed: usize, on_relay: bool, unread: Option<usize>) -> Evidence {
        Evidence { recipients: 2, committed, on_relay, unread, failure: None }
    }

    #[test]
    fn a_message_goes_through_its_states() {
        let start = Delivery::first(2);
        assert_eq!(start, Delivery::Sending { relay_expired: false });
        let relayed = start.next(&evidence(1, true, Some(2)));
        assert_eq!(relayed, Delivery::Relayed);
        let delivered = relayed.next(&evidence(2, true, Some(1)));
        assert_eq!(delivered, Delivery::Delivered);
        assert_eq!(delivered.next(&evidence(2, false, Some(0))), Delivery::Read);
        assert_eq!(delivered.next(&evidence(2, false, None)), Delivery::Delivered);
    }

    #[test]
    fn only_an_expired_relay_leads_back() {
        let expired = Delivery::Relayed.next(&evidence(1, false, Some(1)));
        assert_eq!(expired, Delivery::Sending { relay_expired: true });
        assert_eq!(expired.next(&evidence(1, false, Some(1))), expired);
        assert_eq!(expired.next(&evidence(1, true, Some(1))), Delivery::Relayed);
        assert_eq!(Delivery::Delivered.next(&evidence(0, false, Some(2))), Delivery::Delivered);
    }

    #[test]
    fn alone_a_message_is_delivered_at_once_and_never_read() {
        assert_eq!(Delivery::first(0), Delivery::Delivered);
        let alone = Evidence { unread: Some(0), ..Evidence::default() };
        assert_eq!(Delivery::first(0).next(&alone), Delivery::Delivered);
    }

    #[test]
    fn a_failure_ends_what_was_not_delivered() {
        let failed = Evidence { failure: Some(Failure::NotMember), ..evidence(1, true, None) };
        assert_eq!(Delivery::Relayed.next(&failed), Delivery::Failed(Failure::NotMember));
        assert_eq!(Delivery::Delivered.next(&failed), Delivery::Delivered);
    }

    proptest! {
        #[test]
        fn no_evidence_leads_backwards(
            steps in prop::collection::vec((0usize..4, any::<bool>(), prop::option::of(0usize..3), any::<bool>()), 1..12),
        ) {
            let mut state = Delivery::first(2);
            for (committed, on_relay, unread, fails) in steps {
                let failure = fails.then_some(Failure::Refused);
                let next = state.next(&Evidence { recipients: 2, committed, on_relay, unread, failure });
                prop_assert!(state.may_become(next), "{state:?} -> {next:?}");
                state = next;
            }
        }
    }
}
