//! Sending, reading and finding messages.

use clap::{Args, Subcommand};

/// `send`
#[derive(Debug, Args)]
#[command(before_help = "Examples:\n  madang send ROOM 'See you at six'\n  date | madang send ROOM -\n")]
pub(crate) struct Send {
    /// The room
    pub(crate) room: String,
    /// The text; `-` reads standard input
    #[arg(allow_hyphen_values = true)]
    pub(crate) text: String,
    /// The message it answers
    #[arg(long, value_name = "MESSAGE")]
    pub(crate) reply: Option<String>,
    /// Send so many, each with ` #i` behind the text
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<u32>,
}

/// `messages`
#[derive(Debug, Args)]
pub(crate) struct List {
    /// The room
    pub(crate) room: String,
    /// At most so many (50 when absent)
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u32>,
    /// Only older than this one
    #[arg(long, value_name = "MESSAGE")]
    pub(crate) before: Option<String>,
    /// Only newer than this one
    #[arg(long, value_name = "MESSAGE")]
    pub(crate) after: Option<String>,
}

/// Verbs of one message.
#[derive(Debug, Subcommand)]
pub(crate) enum Message {
    /// Where a message is, machine by machine
    Why {
        /// The message
        message: String,
    },
}

/// `read`
#[derive(Debug, Args)]
pub(crate) struct Read {
    /// The room
    pub(crate) room: String,
    /// Up to this message; the newest when absent
    pub(crate) message: Option<String>,
}

/// `tail`
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  madang --json tail --room ROOM | while read -r event; do …; done\n")]
pub(crate) struct Tail {
    /// Only of this room
    #[arg(long)]
    pub(crate) room: Option<String>,
}

/// `search`
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// What to look for
    pub(crate) text: String,
    /// Only in this room
    #[arg(long)]
    pub(crate) room: Option<String>,
    /// Only of this account
    #[arg(long, value_name = "ACCOUNT")]
    pub(crate) from: Option<String>,
    /// At most so many (50 when absent)
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u32>,
}
