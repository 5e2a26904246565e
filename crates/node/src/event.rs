//! What the node announces, always after the commit it speaks of.

use madang_model::{AccountId, ConvId, DeviceId, OpId};

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
    /// Machines of a person came or went (protocol section 1.2: friends see it as a quiet notice).
    Machines {
        /// The person; also this account.
        account: AccountId,
        /// Labels of the machines that were added.
        added: Vec<String>,
        /// Labels of the machines that were removed.
        removed: Vec<String>,
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
    /// A key of a room was not given to every machine that its maker knew of; whoever lacks it asks for it.
    IncompleteKey {
        /// The room.
        room: ConvId,
        /// The machine that made the key.
        maker: DeviceId,
    },
    /// Peers or relays came or went.
    Status,
}
