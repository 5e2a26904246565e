//! `madang room …`

use clap::Subcommand;

/// Verbs of rooms.
#[derive(Debug, Subcommand)]
pub(crate) enum Room {
    /// All rooms, latest first
    List,
    /// The 1:1 room with a friend, the same one every time
    Direct {
        /// Account of the friend
        account: String,
    },
    /// What newcomers see, and from when I see
    History {
        /// The room
        room: String,
    },
    /// The people in a room
    Members {
        /// The room
        room: String,
    },
}
