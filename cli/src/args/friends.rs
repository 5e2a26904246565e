//! `madang invite …` and `madang friend …`

use clap::{Args, Subcommand, ValueEnum};

/// Verbs of invites.
#[derive(Debug, Subcommand)]
pub(crate) enum Invite {
    /// Make a link
    Create(CreateInvite),
    /// All links
    List,
    /// Withdraw a link
    Revoke {
        /// Id of the invite
        invite: String,
    },
    /// Who made a link, without accepting anything
    Show {
        /// The link; `-` reads standard input
        link: String,
    },
}

/// `invite create`
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  madang invite create --once --expires-hours 24\n")]
pub(crate) struct CreateInvite {
    /// For one person, who is accepted without asking
    #[arg(long)]
    pub(crate) once: bool,
    /// Life in hours; a week when absent
    #[arg(long, value_name = "N")]
    pub(crate) expires_hours: Option<u32>,
}

/// Verbs of friends.
#[derive(Debug, Subcommand)]
pub(crate) enum Friend {
    /// Ask the maker of a link to become a friend
    Add(Add),
    /// Requests that wait for an answer
    Requests,
    /// Accept a request
    Accept {
        /// Id of the request
        request: String,
    },
    /// Decline a request
    Decline {
        /// Id of the request
        request: String,
    },
    /// End a friendship: the 1:1 is closed, what was said stays
    Remove {
        /// Account of the friend
        account: String,
    },
    /// All friends
    List,
    /// Change what is kept about a friend
    Set(FriendSet),
}

/// `friend add`
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  madang friend add 'madang://invite/1/…' --greeting 'It is me, Bob'\n")]
pub(crate) struct Add {
    /// The link; `-` reads standard input
    pub(crate) link: String,
    /// Shown to the maker of the link
    #[arg(long, value_name = "TEXT")]
    pub(crate) greeting: Option<String>,
}

/// `friend set`
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  madang friend set ACCOUNT --favourite on --alias Bobby\n")]
pub(crate) struct FriendSet {
    /// Account of the friend
    pub(crate) account: String,
    /// Shown among the favourites
    #[arg(long, value_name = "on|off")]
    pub(crate) favourite: Option<Switch>,
    /// Left out of the list
    #[arg(long, value_name = "on|off")]
    pub(crate) hidden: Option<Switch>,
    /// Nothing goes between us in 1:1
    #[arg(long, value_name = "on|off")]
    pub(crate) blocked: Option<Switch>,
    /// My own name for the friend; an empty one removes it
    #[arg(long, value_name = "NAME")]
    pub(crate) alias: Option<String>,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

impl From<Switch> for bool {
    fn from(switch: Switch) -> Self {
        switch == Switch::On
    }
}
