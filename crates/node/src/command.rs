//! Everything that a shell can ask of the node: one closed list.

use madang_model::{AccountId, ConvId, InviteId, OpId};
use tokio::sync::oneshot;

use crate::{effect::Effects, error::Error, view};

/// Where the answer of a command goes.
#[derive(Debug)]
pub(crate) struct Reply<T>(oneshot::Sender<Result<T, Error>>);

impl<T: Send + 'static> Reply<T> {
    /// A reply and the place where it arrives.
    pub(crate) fn pair() -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (tx, rx) = oneshot::channel();
        (Self(tx), rx)
    }

    /// Answers now. A caller who has gone away is no error.
    pub(crate) fn send(self, result: Result<T, Error>) {
        drop(self.0.send(result));
    }

    /// Answers after the commit of the current turn.
    pub(crate) fn later(self, effects: &mut Effects, result: Result<T, Error>) {
        effects.answers.push(Box::new(move |failed| self.send(failed.map_or(result, Err))));
    }
}

/// Answer of a send: the last message, its room and its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// Id of the last message.
    pub message: OpId,
    /// Its room.
    pub room: ConvId,
    /// Its time, ms.
    pub at: u64,
}

/// What to change about a friend; none leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct FriendChange {
    /// Favourite or not.
    pub favourite: Option<bool>,
    /// Hidden or not.
    pub hidden: Option<bool>,
    /// Blocked or not.
    pub blocked: Option<bool>,
    /// Own name; an empty one removes it.
    pub alias: Option<String>,
}

/// A command and where its answer goes. Queries that change nothing are not here: they read the
/// store beside the engine.
#[derive(Debug)]
pub(crate) enum Command {
    /// State of the node.
    Status(Reply<view::Status>),
    /// Path per device.
    NetWhy(Reply<Vec<view::DevicePath>>),
    /// Relays with their states.
    Relays(Reply<Vec<view::Relay>>),
    /// Adds a relay.
    AddRelay {
        /// Its address with `/p2p/`.
        addr: String,
        /// Admission code.
        code: Option<String>,
        /// Answer: all relays.
        reply: Reply<Vec<view::Relay>>,
    },
    /// Removes a relay.
    RemoveRelay {
        /// Its address.
        addr: String,
        /// Answer: all relays.
        reply: Reply<Vec<view::Relay>>,
    },
    /// Makes an invite.
    CreateInvite {
        /// For one person.
        once: bool,
        /// Life in hours.
        hours: u32,
        /// Answer: link and invite.
        reply: Reply<(String, view::Invite)>,
    },
    /// Withdraws an invite.
    RevokeInvite {
        /// Which one.
        invite: InviteId,
        /// Answer: the invite.
        reply: Reply<view::Invite>,
    },
    /// Looks at a link.
    ShowInvite {
        /// The link.
        link: String,
        /// Answer: who made it.
        reply: Reply<view::InviteInfo>,
    },
    /// Asks the inviter of a link.
    AddFriend {
        /// The link.
        link: String,
        /// Greeting.
        greeting: String,
        /// Answer: whom, and what was reached.
        reply: Reply<(AccountId, view::FriendState)>,
    },
    /// Accepts a request.
    AcceptRequest {
        /// Which one.
        request: InviteId,
        /// Answer: whom, and the room.
        reply: Reply<(AccountId, ConvId)>,
    },
    /// Declines a request.
    DeclineRequest {
        /// Which one.
        request: InviteId,
        /// Answer: whom.
        reply: Reply<AccountId>,
    },
    /// Ends a friendship on this side.
    RemoveFriend {
        /// Whom.
        account: AccountId,
        /// Answer: the friend as it was.
        reply: Reply<view::Friend>,
    },
    /// Changes what is kept about a friend.
    SetFriend {
        /// Whom.
        account: AccountId,
        /// What.
        change: FriendChange,
        /// Answer: the friend.
        reply: Reply<view::Friend>,
    },
    /// The 1:1 room with an account.
    DirectRoom {
        /// The account.
        account: AccountId,
        /// Answer: the room.
        reply: Reply<ConvId>,
    },
    /// Sends a text.
    SendText {
        /// The room.
        room: ConvId,
        /// The text.
        text: String,
        /// The message it answers.
        answers: Option<OpId>,
        /// Answer once durable.
        reply: Reply<Sent>,
    },
    /// Marks a room read.
    MarkRead {
        /// The room.
        room: ConvId,
        /// Up to this message; the newest when none.
        message: Option<OpId>,
        /// Answer.
        reply: Reply<ConvId>,
    },
    /// Changes a setting of the shells.
    SetSetting {
        /// Name.
        key: String,
        /// Value; none removes it.
        value: Option<String>,
        /// Answer.
        reply: Reply<()>,
    },
    /// Dial everybody now: the network changed or the machine woke up.
    Redial,
}

impl Command {
    /// Answers a command that cannot run.
    pub(crate) fn refuse(self, error: &Error) {
        let error = error.clone();
        match self {
            Self::Status(reply) => reply.send(Err(error)),
            Self::NetWhy(reply) => reply.send(Err(error)),
            Self::Relays(reply) | Self::AddRelay { reply, .. } | Self::RemoveRelay { reply, .. } => {
                reply.send(Err(error));
            }
            Self::CreateInvite { reply, .. } => reply.send(Err(error)),
            Self::RevokeInvite { reply, .. } => reply.send(Err(error)),
            Self::ShowInvite { reply, .. } => reply.send(Err(error)),
            Self::AddFriend { reply, .. } => reply.send(Err(error)),
            Self::AcceptRequest { reply, .. } => reply.send(Err(error)),
            Self::DeclineRequest { reply, .. } => reply.send(Err(error)),
            Self::RemoveFriend { reply, .. } | Self::SetFriend { reply, .. } => reply.send(Err(error)),
            Self::DirectRoom { reply, .. } | Self::MarkRead { reply, .. } => reply.send(Err(error)),
            Self::SendText { reply, .. } => reply.send(Err(error)),
            Self::SetSetting { reply, .. } => reply.send(Err(error)),
            Self::Redial => {}
        }
    }
}
