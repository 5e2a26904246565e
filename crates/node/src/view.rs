//! What the node shows of its state: plain values for the shells, without secrets and without wire types.
//!
//! They carry typed ids and codes, never words in a language; `api` re-declares them for JSON.

use madang_model::{AccountId, ConvId, DeviceId, InviteId, OpId};

/// The own account on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Id of the account.
    pub account: AccountId,
    /// Id of this machine.
    pub device: DeviceId,
    /// Name on the default card.
    pub name: String,
    /// Addresses of the account's relays, the preferred one first.
    pub relays: Vec<String>,
}

/// One entry of the friend list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Friend {
    /// Account of the friend.
    pub account: AccountId,
    /// Name on the card that this friend shows to me.
    pub name: String,
    /// My own name for the friend.
    pub alias: Option<String>,
    /// Shown among the favourites.
    pub favourite: bool,
    /// Left out of the list.
    pub hidden: bool,
    /// 1:1 closed.
    pub blocked: bool,
    /// The 1:1 room with this friend.
    pub room: ConvId,
}

/// Whether somebody is a friend already or was only asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FriendState {
    /// The request waits for the other side.
    Requested,
    /// Both sides agreed.
    Friend,
}

/// A contact request that waits for an answer of this person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Id of the request.
    pub request: InviteId,
    /// Who asks.
    pub account: AccountId,
    /// Name on the card in the request.
    pub name: String,
    /// Greeting, possibly empty.
    pub greeting: String,
    /// When it was written, ms.
    pub at: u64,
}

/// An invite of this account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// Id of the invite.
    pub invite: InviteId,
    /// Accepts the first requester by itself and nobody after.
    pub once: bool,
    /// When it expires, ms.
    pub expires: u64,
    /// How many people have used it.
    pub used: u32,
    /// Withdrawn by this person.
    pub revoked: bool,
}

/// What an invite link says about the inviter, checked against the account id in the link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteInfo {
    /// Account of the inviter.
    pub account: AccountId,
    /// Name on the inviter's card.
    pub name: String,
}

/// Kind of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomKind {
    /// The conversation among one's own machines.
    SelfRoom,
    /// Two people.
    Direct,
    /// A closed group.
    Group,
    /// An open room.
    Open,
}

/// One entry of the room list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Id of the room.
    pub room: ConvId,
    /// Kind of the room.
    pub kind: RoomKind,
    /// Title; of a 1:1 the name of the friend, of self the own name.
    pub title: String,
    /// The other account of a 1:1.
    pub peer: Option<AccountId>,
    /// Messages of others that were not read on any own machine.
    pub unread: u32,
    /// Newest message.
    pub last: Option<Message>,
    /// Number of people in the room.
    pub members: u32,
    /// Messages known to be missing.
    pub missing: u32,
    /// Keys that were not given to every machine that their maker knew of.
    pub incomplete_keys: u32,
}

/// A person in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Account of the member.
    pub account: AccountId,
    /// Name to show.
    pub name: String,
    /// Role in the room.
    pub role: madang_model::Role,
}

/// Delivery state of an own message (protocol section 6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MessageState {
    /// Durable on this machine.
    Sending,
    /// Stored on a relay that every recipient without it reads.
    Relayed,
    /// Every recipient has it on one machine.
    Delivered,
    /// Everybody has read it.
    Read,
    /// Retrying cannot cure it.
    Failed,
}

/// One line of a room's timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Id of the message: the id of its op.
    pub message: OpId,
    /// Its room.
    pub room: ConvId,
    /// Who wrote it.
    pub sender: AccountId,
    /// Name of the sender to show.
    pub sender_name: String,
    /// Text; none when deleted.
    pub text: Option<String>,
    /// Time to show, ms: the earlier of the author's time and the arrival here.
    pub at: u64,
    /// State of an own message.
    pub state: Option<MessageState>,
    /// Why it is still sending or has failed, as a code.
    pub reason: Option<&'static str>,
    /// How many people have not read it; none when receipts are off or it is older than 30 days.
    pub unread: Option<u32>,
    /// Arrived after newer messages had been shown.
    pub late: bool,
    /// The message it answers.
    pub reply: Option<OpId>,
}

/// Where one recipient device stands with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceDelivery {
    /// Account of the device.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// Its state.
    pub state: DeviceState,
    /// When that state was reached, ms; 0 when unknown.
    pub at: u64,
    /// Why it goes no further, as a code.
    pub reason: Option<&'static str>,
}

/// Delivery state at one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceState {
    /// Waits on this machine.
    Queued,
    /// Lies on a relay that the device reads.
    Relayed,
    /// Committed there.
    Delivered,
    /// Displayed there.
    Read,
}

/// A hole in what an author wrote, known from sequence numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The room.
    pub room: ConvId,
    /// Whose messages are missing.
    pub account: AccountId,
    /// Which machine wrote them.
    pub device: DeviceId,
    /// Name of that machine.
    pub device_name: String,
    /// How many.
    pub count: u32,
    /// When it was noticed, ms.
    pub since: u64,
    /// Given up after 30 days with a lost machine.
    pub closed: bool,
    /// Why they are not shown though they are here: `clock` when their time has not come. None when they are not here.
    pub reason: Option<&'static str>,
}

/// State of a relay as this node sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayState {
    /// Authenticated and subscribed.
    Connected,
    /// On the way.
    Connecting,
    /// The last attempt failed; it is tried again.
    Failed,
}

/// A relay of this account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Its address with `/p2p/`.
    pub addr: String,
    /// State of the connection.
    pub state: RelayState,
    /// Why it failed.
    pub reason: Option<String>,
    /// Since when it is in this state, ms; unknown just after it changed.
    pub since: Option<u64>,
}

/// A connected device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// Through a circuit of a relay.
    pub relayed: bool,
    /// Round trip in ms, once measured.
    pub rtt_ms: Option<u32>,
}

/// State of the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Own account.
    pub account: AccountId,
    /// This machine.
    pub device: DeviceId,
    /// Addresses it listens on.
    pub addrs: Vec<String>,
    /// Connected devices.
    pub peers: Vec<Peer>,
    /// Relays.
    pub relays: Vec<Relay>,
    /// Own messages that some recipient does not have yet.
    pub outbox: u64,
    /// Ops that came by reconciliation since the account was made.
    pub repaired: u64,
    /// Offset of the own clock against relays and friends in ms, when it is corrected.
    pub clock_offset_ms: Option<i64>,
}

/// Path by which the last message reached a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Path {
    /// gossipsub.
    Gossip,
    /// The sync stream.
    Stream,
    /// The log or inbox of a relay.
    Relay,
    /// Nothing has reached it yet.
    None,
}

/// How a device is connected now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Directly.
    Direct,
    /// Through a circuit of a relay.
    Relayed,
    /// Not at all.
    None,
}

/// Path per device, for `net why`: how the last message went, and how it stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DevicePath {
    /// Account of the device.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// The path.
    pub path: Path,
    /// Why this path, as a code.
    pub reason: &'static str,
    /// The connection of this moment.
    pub connection: Connection,
    /// Connected: since when, ms. Not connected: when the device was last heard of, if ever.
    pub since: Option<u64>,
    /// Own messages that it has not acknowledged.
    pub waiting: u64,
    /// Those of them that lie at a relay.
    pub at_relay: u64,
}
