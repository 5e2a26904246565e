//! What a shell is told without asking. Every event comes after the commit it speaks of.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::{friends, messages, rooms};

/// A domain fact. Shells refetch what they show; they keep no second truth.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A message was committed, of others or from an own machine.
    Message(Box<messages::Message>),
    /// Delivery or read state of messages changed.
    Receipt {
        /// The room.
        room: String,
        /// The messages whose state or unread number changed; empty means any.
        messages: Vec<String>,
    },
    /// A friend was added, changed or removed.
    Friend {
        /// Account of the friend.
        account: String,
    },
    /// A contact request came.
    Request(friends::Request),
    /// A contact request of this person was answered.
    Answer {
        /// Account that was asked.
        account: String,
        /// Whether it was accepted.
        accepted: bool,
        /// Code of the refusal.
        code: Option<String>,
    },
    /// A room appeared or changed (title, unread count, last line).
    Room {
        /// The room.
        room: String,
    },
    /// A gap opened, changed or closed.
    Gap(rooms::Gap),
    /// Machines of a person came or went.
    Machines {
        /// The person; also the own account.
        account: String,
        /// Labels of the machines that were added.
        added: Vec<String>,
        /// Labels of the machines that were removed.
        removed: Vec<String>,
    },
    /// A key of a room was not given to every machine of its people; whoever lacks it asks for it.
    IncompleteKey {
        /// The room.
        room: String,
        /// The machine that made the key.
        maker: String,
    },
    /// Peers or relays came or went.
    Status {},
    /// So many events were lost because the reader was slow: ask again for what is on screen.
    Resync {
        /// How many were lost.
        missed: u64,
    },
    /// A shell should bring this room to the front (a notification or a link was clicked).
    Open {
        /// The room.
        room: String,
        /// The message, if it is about one.
        message: Option<String>,
    },
    /// A link was handed to the program; a shell asks before it does anything with it.
    Link {
        /// The link.
        link: String,
    },
}
