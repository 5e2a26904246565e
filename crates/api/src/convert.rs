//! From what the node shows to what the contract says. The node's types are not serialised themselves, so that
//! a change inside never changes the contract unseen.

use madang_model::{Role, control};
use madang_node::{home, view};

use crate::{
    account,
    error::{Code, Error},
    event::Event,
    friends, messages, network, rooms,
};

impl From<madang_node::Error> for Error {
    fn from(error: madang_node::Error) -> Self {
        use madang_node::Error as Node;
        let code = match &error {
            Node::NotFound(_) => Code::NotFound,
            Node::BadLink(_) => Code::BadLink,
            Node::InviteUsed => Code::InviteUsed,
            Node::InviteExpired => Code::InviteExpired,
            Node::InviteRevoked => Code::InviteRevoked,
            Node::NotMember | Node::NotFriend | Node::Blocked => Code::NotMember,
            Node::TooLarge => Code::TooLarge,
            Node::Alias(_) | Node::OwnInvite => Code::Usage,
            Node::Damaged(_) => Code::Damaged,
            Node::Clock => Code::Clock,
            Node::DiskFull => Code::DiskFull,
            Node::Offline(_) => Code::Offline,
            Node::Denied(_) => Code::Denied,
            Node::Usage(_) => Code::Usage,
            Node::Closed => Code::NotRunning,
            _ => Code::Internal,
        };
        let reason = match &error {
            Node::NotFriend => Some("not_friend"),
            Node::Blocked => Some("blocked"),
            Node::Alias(_) => Some("name"),
            Node::OwnInvite => Some("own_invite"),
            _ => None,
        };
        Self { reason: reason.map(str::to_owned), ..Self::new(code, error.to_string()) }
    }
}

impl From<home::Error> for Error {
    fn from(error: home::Error) -> Self {
        use home::Error as Home;
        let code = match &error {
            Home::Exists => Code::Exists,
            Home::NoAccount => Code::NoAccount,
            Home::NoHome => Code::NotRunning,
            Home::Locked | Home::KeyMissing(_) => Code::Locked,
            Home::WrongSecret | Home::Phrase(_) => Code::WrongSecret,
            Home::InUse { .. } => Code::InUse,
            Home::NewerHome { .. } => Code::NewerHome,
            Home::Damaged(_) | Home::SlotsMissing => Code::Damaged,
            Home::DiskFull => Code::DiskFull,
            Home::Name(_) | Home::NoDirectory(_) => Code::Usage,
            Home::Offline(_) => Code::Offline,
            Home::Unkept(_) | Home::Denied(_) => Code::Denied,
            _ => Code::Internal,
        };
        let reason = match &error {
            Home::SlotsMissing => Some("slots"),
            Home::KeyMissing(_) => Some("key"),
            Home::Name(_) => Some("name"),
            Home::NoDirectory(_) => Some("no_directory"),
            Home::Denied(_) => Some("home"),
            Home::Unkept(_) => Some("unkept"),
            _ => None,
        };
        Self { reason: reason.map(str::to_owned), ..Self::new(code, error.to_string()) }
    }
}

impl From<madang_node::StartError> for Error {
    fn from(error: madang_node::StartError) -> Self {
        use madang_node::StartError as Start;
        let message = error.to_string();
        match error {
            Start::Listen { .. } | Start::Refused { .. } => {
                Self::new(Code::Usage, message).because("address")
            }
            Start::InUse { .. } => Self::new(Code::Usage, message).because("address_in_use"),
            Start::Store(error) => home::Error::from(error).into(),
            _ => Self::new(Code::Internal, message),
        }
    }
}

impl From<view::Account> for account::Account {
    fn from(own: view::Account) -> Self {
        Self {
            account: own.account.to_string(),
            device: own.device.to_string(),
            name: own.name,
            relays: own.relays,
        }
    }
}

impl From<view::Friend> for friends::Friend {
    fn from(friend: view::Friend) -> Self {
        Self {
            account: friend.account.to_string(),
            name: friend.name,
            alias: friend.alias,
            favourite: friend.favourite,
            hidden: friend.hidden,
            blocked: friend.blocked,
            room: friend.room.to_string(),
        }
    }
}

impl From<view::FriendState> for friends::FriendState {
    fn from(state: view::FriendState) -> Self {
        match state {
            view::FriendState::Requested => Self::Requested,
            view::FriendState::Friend => Self::Friend,
        }
    }
}

impl From<view::Request> for friends::Request {
    fn from(request: view::Request) -> Self {
        Self {
            request: request.request.to_string(),
            account: request.account.to_string(),
            name: request.name,
            greeting: request.greeting,
            at: request.at,
        }
    }
}

impl From<view::Invite> for friends::Invite {
    fn from(invite: view::Invite) -> Self {
        Self {
            invite: invite.invite.to_string(),
            once: invite.once,
            expires: invite.expires,
            used: invite.used,
            revoked: invite.revoked,
        }
    }
}

impl From<view::InviteInfo> for friends::InviteInfo {
    fn from(info: view::InviteInfo) -> Self {
        // The node hands out nothing that it has not checked against the account id in the link.
        Self { account: info.account.to_string(), name: info.name, verified: true }
    }
}

impl From<view::RoomKind> for rooms::RoomKind {
    fn from(kind: view::RoomKind) -> Self {
        match kind {
            view::RoomKind::SelfRoom => Self::SelfRoom,
            view::RoomKind::Direct => Self::Direct,
            view::RoomKind::Group => Self::Group,
            view::RoomKind::Open => Self::Open,
        }
    }
}

impl From<view::Room> for rooms::Room {
    fn from(room: view::Room) -> Self {
        Self {
            room: room.room.to_string(),
            kind: room.kind.into(),
            title: room.title,
            peer: room.peer.map(|peer| peer.to_string()),
            unread: room.unread,
            last: room.last.map(Into::into),
            members: room.members,
            missing: room.missing,
            incomplete_keys: room.incomplete_keys,
        }
    }
}

impl From<view::Member> for rooms::Member {
    fn from(member: view::Member) -> Self {
        let role = match member.role {
            Role::Owner => "owner",
            Role::Admin => "admin",
            Role::Moderator => "moderator",
            Role::Member => "member",
            Role::Reader => "reader",
        };
        Self { account: member.account.to_string(), name: member.name, role: role.to_owned() }
    }
}

impl From<control::History> for rooms::History {
    fn from(history: control::History) -> Self {
        let history = match history {
            control::History::All => "all".to_owned(),
            control::History::Days(days) => format!("days:{days}"),
            control::History::Now => "now".to_owned(),
            control::History::None => "none".to_owned(),
        };
        Self { history, since: None }
    }
}

impl From<view::Gap> for rooms::Gap {
    fn from(gap: view::Gap) -> Self {
        Self {
            room: gap.room.to_string(),
            account: gap.account.to_string(),
            device: gap.device.to_string(),
            device_name: gap.device_name,
            count: gap.count,
            since: gap.since,
            closed: gap.closed,
            reason: gap.reason.map(str::to_owned),
        }
    }
}

impl From<view::MessageState> for messages::MessageState {
    fn from(state: view::MessageState) -> Self {
        match state {
            view::MessageState::Sending => Self::Sending,
            view::MessageState::Relayed => Self::Relayed,
            view::MessageState::Delivered => Self::Delivered,
            view::MessageState::Read => Self::Read,
            view::MessageState::Failed => Self::Failed,
        }
    }
}

impl From<view::Message> for messages::Message {
    fn from(message: view::Message) -> Self {
        Self {
            message: message.message.to_string(),
            room: message.room.to_string(),
            sender: message.sender.to_string(),
            sender_name: message.sender_name,
            deleted: message.text.is_none(),
            text: message.text,
            at: message.at,
            kind: "text".to_owned(),
            state: message.state.map(Into::into),
            reason: message.reason.map(str::to_owned),
            unread: message.unread,
            late: message.late,
            edited: false,
            reply: message.reply.map(|reply| reply.to_string()),
            reactions: Vec::new(),
        }
    }
}

impl From<view::DeviceState> for messages::DeviceState {
    fn from(state: view::DeviceState) -> Self {
        match state {
            view::DeviceState::Queued => Self::Queued,
            view::DeviceState::Relayed => Self::Relayed,
            view::DeviceState::Delivered => Self::Delivered,
            view::DeviceState::Read => Self::Read,
        }
    }
}

impl From<view::DeviceDelivery> for messages::DeviceDelivery {
    fn from(delivery: view::DeviceDelivery) -> Self {
        Self {
            account: delivery.account.to_string(),
            device: delivery.device.to_string(),
            state: delivery.state.into(),
            at: delivery.at,
            reason: delivery.reason.map(str::to_owned),
        }
    }
}

impl From<madang_node::Sent> for messages::Sent {
    fn from(sent: madang_node::Sent) -> Self {
        Self { message: sent.message.to_string(), room: sent.room.to_string(), at: sent.at }
    }
}

impl From<view::RelayState> for network::RelayState {
    fn from(state: view::RelayState) -> Self {
        match state {
            view::RelayState::Connected => Self::Connected,
            view::RelayState::Connecting => Self::Connecting,
            view::RelayState::Failed => Self::Failed,
        }
    }
}

impl From<view::Relay> for network::Relay {
    fn from(relay: view::Relay) -> Self {
        Self { addr: relay.addr, state: relay.state.into(), reason: relay.reason, since: relay.since }
    }
}

impl From<view::Peer> for network::Peer {
    fn from(peer: view::Peer) -> Self {
        let path = if peer.relayed { "relayed" } else { "direct" };
        Self {
            account: peer.account.to_string(),
            device: peer.device.to_string(),
            path: path.to_owned(),
            rtt_ms: peer.rtt_ms,
        }
    }
}

impl From<view::Status> for network::Status {
    fn from(status: view::Status) -> Self {
        Self {
            account: status.account.to_string(),
            device: status.device.to_string(),
            addrs: status.addrs,
            peers: status.peers.into_iter().map(Into::into).collect(),
            relays: status.relays.into_iter().map(Into::into).collect(),
            outbox: status.outbox,
            repaired: status.repaired,
            clock_offset_ms: status.clock_offset_ms,
        }
    }
}

impl From<view::DevicePath> for network::DevicePath {
    fn from(path: view::DevicePath) -> Self {
        let word = match path.path {
            view::Path::Gossip => "gossip",
            view::Path::Stream => "stream",
            view::Path::Relay => "relay",
            view::Path::None => "none",
        };
        let connection = match path.connection {
            view::Connection::Direct => "direct",
            view::Connection::Relayed => "relayed",
            view::Connection::None => "none",
        };
        Self {
            account: path.account.to_string(),
            device: path.device.to_string(),
            path: word.to_owned(),
            reason: path.reason.to_owned(),
            connection: connection.to_owned(),
            since: path.since,
            waiting: path.waiting,
            at_relay: path.at_relay,
        }
    }
}

/// An event of the node in the words of the contract; `None` for one that this contract does not know yet.
pub(crate) fn event(event: madang_node::Event) -> Option<Event> {
    use madang_node::Event as Node;
    Some(match event {
        Node::Message(message) => Event::Message(Box::new((*message).into())),
        Node::Receipt { room, messages } => Event::Receipt {
            room: room.to_string(),
            messages: messages.iter().map(ToString::to_string).collect(),
        },
        Node::Friend { account } => Event::Friend { account: account.to_string() },
        Node::Request(request) => Event::Request(request.into()),
        Node::Answer { account, refused } => Event::Answer {
            account: account.to_string(),
            accepted: refused.is_none(),
            code: refused.map(str::to_owned),
        },
        Node::Room { room } => Event::Room { room: room.to_string() },
        Node::Gap(gap) => Event::Gap(gap.into()),
        Node::Machines { account, added, removed } => {
            Event::Machines { account: account.to_string(), added, removed }
        }
        Node::IncompleteKey { room, maker } => {
            Event::IncompleteKey { room: room.to_string(), maker: maker.to_string() }
        }
        Node::Status => Event::Status {},
        _ => return None,
    })
}
