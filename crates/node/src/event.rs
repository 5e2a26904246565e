//! What the node announces, always after the commit it speaks of.

use madang_model::{AccountId, ConvId, OpId};

use crate::view;

/// A domain fact.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A message was committed.
    Message(Box<view::Message>),
    /// Delivery or read state of messages changed; empty means any of the room.
    Receipt {
        /// The room.
        room: ConvId,
        /// The messages.
        messages: Vec<OpId>,
    },
    /// A friend was added, changed or removed.
    Friend {
        /// Account of the friend.
        account: AccountId,
    },
    /// A contact request came.
    Request(view::Request),
    /// A contact request of this person was answered.
    Answer {
        /// Account that was asked.
        account: AccountId,
        /// None when accepted, else the code of the refusal.
        refused: Option<&'static str>,
    },
    /// A room appeared or changed.
    Room {
        /// The room.
        room: ConvId,
    },
    /// A gap opened, changed or closed.
    Gap(view::Gap),
    /// Peers or relays came or went.
    Status,
}
