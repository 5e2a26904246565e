//! The table of limits: byte limit, counts and lengths of every message.
//!
//! Owns the table only; the numbers are in [`limits`](crate::limits). Invariant: every repeated
//! field and every nested message of a message that is decoded from remote bytes has a line here.

use crate::limits::*;
use crate::shape::{Field, MAX_FIELDS, Shape};
use crate::*;

/// Ids, keys, hashes: nothing with a fixed length in the protocol is longer than a signature.
const ID: usize = 64;

macro_rules! bounded {
    ($($name:ident, $max:expr, [$($field:expr),* $(,)?];)*) => {$(
        impl Bounded for $name {
            const MAX_BYTES: usize = $max;
            const SHAPE: &'static Shape = &Shape(&[$($field),*]);
        }
        // The scan counts in an array of this size.
        const _: () = assert!($name::SHAPE.0.len() <= MAX_FIELDS);
    )*};
}

const fn ids(tag: u32, count: usize) -> Field {
    Field::many_bytes(tag, count, ID)
}
const fn texts(tag: u32, count: usize) -> Field {
    Field::many_bytes(tag, count, TEXT_FIELD_BYTES)
}
const fn one<T: Bounded>(tag: u32) -> Field {
    Field::one(tag, T::SHAPE)
}
const fn many<T: Bounded>(tag: u32, count: usize) -> Field {
    Field::many(tag, count, T::SHAPE)
}
const fn bytes(tag: u32, len: usize) -> Field {
    Field::bytes(tag, len)
}

// Objects: ops, registers, seals, keys.
bounded! {
    Signed, SLOT_BYTES, [bytes(3, ID), bytes(4, ID)];
    SignedOp, SEALED_BYTES, [bytes(1, OP_HEADER_BYTES), bytes(2, ID), bytes(3, OP_PAYLOAD_BYTES)];
    OpHeader, OP_HEADER_BYTES, [ids(6, DEPS)];
    Register, REGISTER_BYTES, [bytes(3, TEXT_FIELD_BYTES)];
    Signal, SIGNAL_BYTES, [];
    Prefs, REGISTER_BYTES, [];
    Frontier, REGISTER_BYTES, [ids(1, FRONTIER_IDS)];
    Sealed, SEALED_BYTES, [bytes(1, ID), bytes(2, ID), bytes(4, ID)];
    Inner, SEALED_BYTES, [one::<SignedOp>(1), one::<Signed>(2), one::<Signed>(3)];
    Key, KEY_BYTES, [ids(6, CONTROL_HEADS)];
    EscrowPart, SLOT_BYTES, [];
    EscrowData, SLOT_BYTES, [
        many::<SignedOp>(1, ACCOUNT_OPS), many::<EscrowRoom>(2, ESCROW_ITEMS), many::<EscrowFriend>(3, ESCROW_ITEMS),
        many::<EscrowSetting>(4, ESCROW_ITEMS),
    ];
    EscrowRoom, SLOT_BYTES, [bytes(2, KEY_BYTES), texts(3, RELAYS)];
    EscrowFriend, SLOT_BYTES, [
        many::<Signed>(2, BUNDLES), many::<Signed>(3, BUNDLES), many::<Token>(4, CONTACT_TOKENS),
    ];
    EscrowSetting, SLOT_BYTES, [bytes(1, TEXT_FIELD_BYTES), bytes(2, TEXT_FIELD_BYTES)];
}

// Account log.
bounded! {
    AccountGenesis, OP_PAYLOAD_BYTES, [bytes(5, LABEL_BYTES)];
    AddDevice, OP_PAYLOAD_BYTES, [bytes(2, LABEL_BYTES)];
    RemoveDevice, OP_PAYLOAD_BYTES, [many::<Cosig>(3, COSIGS)];
    RotateRoot, OP_PAYLOAD_BYTES, [many::<RemoveDevice>(2, ROTATE_REMOVALS)];
    Cosig, OP_PAYLOAD_BYTES, [bytes(1, ID), bytes(2, ID)];
}

// Control log.
bounded! {
    Control, OP_PAYLOAD_BYTES, [
        ids(1, CONTROL_HEADS), one::<Genesis>(2), one::<AddMany>(3), one::<Remove>(4), one::<DeviceAdded>(5),
        one::<DeviceRemoved>(6), one::<Role>(7), one::<Transfer>(8), one::<Leave>(9), one::<Title>(10),
        one::<Relays>(11), one::<Join>(12), one::<Policy>(13), one::<Greet>(14), one::<Timer>(15),
    ];
    Genesis, OP_PAYLOAD_BYTES, [bytes(7, TITLE_BYTES), ids(5, ACCOUNT_HEADS), texts(11, RELAYS)];
    Entry, OP_PAYLOAD_BYTES, [ids(3, ACCOUNT_HEADS)];
    AddMany, OP_PAYLOAD_BYTES, [many::<Entry>(1, ADD_ENTRIES)];
    Cut, OP_PAYLOAD_BYTES, [];
    Remove, OP_PAYLOAD_BYTES, [many::<Cut>(2, CUTS)];
    DeviceAdded, OP_PAYLOAD_BYTES, [one::<SignedOp>(1)];
    DeviceRemoved, OP_PAYLOAD_BYTES, [one::<SignedOp>(1)];
    Role, OP_PAYLOAD_BYTES, [];
    Transfer, OP_PAYLOAD_BYTES, [];
    Leave, OP_PAYLOAD_BYTES, [];
    Title, OP_PAYLOAD_BYTES, [bytes(1, TITLE_BYTES)];
    Relays, OP_PAYLOAD_BYTES, [texts(1, RELAYS)];
    Join, OP_PAYLOAD_BYTES, [one::<Entry>(1)];
    Policy, OP_PAYLOAD_BYTES, [];
    Greet, OP_PAYLOAD_BYTES, [texts(3, GREETERS)];
    Timer, OP_PAYLOAD_BYTES, [];
}

// Content.
bounded! {
    Text, OP_PAYLOAD_BYTES, [many::<Mention>(2, MENTIONS), one::<Preview>(5), many::<FileRef>(6, FILES)];
    Edit, OP_PAYLOAD_BYTES, [many::<Mention>(3, MENTIONS)];
    Delete, OP_PAYLOAD_BYTES, [];
    React, OP_PAYLOAD_BYTES, [bytes(2, EMOJI_BYTES)];
    Purge, OP_PAYLOAD_BYTES, [];
    Pin, OP_PAYLOAD_BYTES, [];
    Introduce, OP_PAYLOAD_BYTES, [
        many::<SignedOp>(2, ACCOUNT_OPS), many::<Signed>(3, INTRODUCED_BUNDLES), one::<Card>(4),
    ];
    Mention, OP_PAYLOAD_BYTES, [];
    Preview, PREVIEW_BYTES, [];
    FileRef, OP_PAYLOAD_BYTES, [];
    Card, REGISTER_BYTES, [
        bytes(1, NAME_BYTES), bytes(2, STATUS_BYTES), bytes(3, BIRTHDAY_BYTES), one::<FileRef>(4), one::<FileRef>(5),
        bytes(7, THUMB_BYTES),
    ];
    FriendSet, OP_PAYLOAD_BYTES, [];
    RoomSet, OP_PAYLOAD_BYTES, [texts(3, RELAYS)];
    PersonaSet, OP_PAYLOAD_BYTES, [];
    ProfileSet, OP_PAYLOAD_BYTES, [one::<Card>(2)];
    Hide, OP_PAYLOAD_BYTES, [];
}

/// What a request tells of a stranger: fewer bundles and a smaller thumbnail than a friend may send
/// (protocol section 7.3), so that it fits the 16 KiB bucket.
const REQUEST_CONTACT: &Shape = &Shape(&[
    many::<SignedOp>(1, ACCOUNT_OPS),
    many::<Signed>(2, REQUEST_BUNDLES),
    one::<Signed>(3),
    Field::one(4, REQUEST_CARD),
    many::<Token>(5, CONTACT_TOKENS),
]);
const REQUEST_CARD: &Shape = &Shape(&[
    bytes(1, NAME_BYTES),
    bytes(2, STATUS_BYTES),
    bytes(3, BIRTHDAY_BYTES),
    one::<FileRef>(4),
    one::<FileRef>(5),
    bytes(7, REQUEST_THUMB_BYTES),
]);

// Lane, bundles, contacts.
bounded! {
    Envelope, SEALED_BYTES, [bytes(2, ID), bytes(3, pad::XWING_ENC_BYTES)];
    InboxItem, INBOX_ITEM_BYTES, [one::<Envelope>(1), one::<Sealed>(2)];
    EnvelopeInner, SEALED_BYTES, [one::<LanePacket>(1), one::<Signed>(2)];
    LanePacket, SEALED_BYTES, [];
    LanePlain, SEALED_BYTES, [
        ids(7, ACCOUNT_HEADS), ids(8, ACCOUNT_HEADS), many::<LaneMessage>(9, LANE_MESSAGES), one::<Signed>(10),
    ];
    LaneMessage, SEALED_BYTES, [
        one::<KeyShare>(1), one::<KeyRequest>(2), one::<KeyDenied>(3), one::<Welcome>(4),
        one::<ContactAccept>(5), one::<ContactUpdate>(6), one::<AccountHint>(7), one::<Reset>(8),
        one::<LaneAck>(9), one::<GreetKey>(10),
    ];
    KeyShare, SEALED_BYTES, [Field::many_bytes(1, SHARED_KEYS, KEY_BYTES), texts(2, RELAYS)];
    KeyRequest, SEALED_BYTES, [ids(2, REQUESTED_KEYS)];
    KeyDenied, SEALED_BYTES, [];
    Welcome, SEALED_BYTES, [many::<SignedOp>(4, CONTROL_OPS), many::<SignedOp>(5, ACCOUNT_OPS), texts(6, RELAYS)];
    AccountHint, SEALED_BYTES, [many::<SignedOp>(1, ACCOUNT_OPS)];
    Reset, SEALED_BYTES, [];
    LaneAck, SEALED_BYTES, [];
    GreetKey, SEALED_BYTES, [];
    DeviceBundle, REGISTER_BYTES, [many::<InboxRef>(8, INBOXES)];
    InboxRef, TEXT_FIELD_BYTES, [];
    BundleEntry, REGISTER_BYTES, [one::<Signed>(1), many::<Token>(2, INBOXES)];
    Token, TEXT_FIELD_BYTES, [];
    AddressRecord, REGISTER_BYTES, [Field::many_bytes(3, ADDRESSES, TEXT_FIELD_BYTES), texts(4, RELAYS)];
    InviteLink, LINK_BYTES, [
        Field::many_bytes(5, LINK_RELAYS, invite_link::ADDRESS_BYTES),
        Field::many_bytes(7, LINK_ADDRESSES, invite_link::ADDRESS_BYTES),
    ];
    InviteRecord, SLOT_BYTES, [
        many::<SignedOp>(1, ACCOUNT_OPS), many::<Signed>(2, BUNDLES), one::<Card>(3), one::<Signed>(4),
        many::<Token>(5, CONTACT_TOKENS),
    ];
    Contact, SEALED_BYTES, [
        many::<SignedOp>(1, ACCOUNT_OPS), many::<Signed>(2, BUNDLES), one::<Signed>(3), one::<Card>(4),
        many::<Token>(5, CONTACT_TOKENS),
    ];
    ContactRequest, STRANGER_FRAME_BYTES, [Field::one(2, REQUEST_CONTACT)];
    ContactAccept, SEALED_BYTES, [one::<Contact>(2), one::<KeyShare>(3)];
    ContactUpdate, SEALED_BYTES, [one::<Contact>(1)];
    ContactFrame, CONTACT_FRAME_BYTES, [
        one::<InviteGet>(1), one::<InviteRec>(2), one::<ContactPut>(3), one::<ContactOk>(4), one::<ContactErr>(5),
    ];
    InviteGet, STRANGER_FRAME_BYTES, [bytes(1, ID)];
    InviteRec, CONTACT_FRAME_BYTES, [];
    ContactPut, CONTACT_FRAME_BYTES, [one::<Envelope>(1)];
    ContactOk, STRANGER_FRAME_BYTES, [];
    ContactErr, STRANGER_FRAME_BYTES, [bytes(1, TEXT_FIELD_BYTES)];
}

// Linking a machine.
bounded! {
    LinkFrame, CONTACT_FRAME_BYTES, [
        one::<LinkHello>(1), one::<LinkSealed>(2), one::<LinkDevice>(3), one::<LinkIntro>(4),
        one::<LinkAccount>(5), one::<LinkDone>(6),
    ];
    LinkSealed, CONTACT_FRAME_BYTES, [];
    LinkIntro, CONTACT_FRAME_BYTES, [bytes(3, THUMB_BYTES)];
    LinkHello, CONTACT_FRAME_BYTES, [];
    LinkDevice, CONTACT_FRAME_BYTES, [bytes(2, LABEL_BYTES), one::<Signed>(3)];
    LinkAccount, CONTACT_FRAME_BYTES, [];
    LinkDone, CONTACT_FRAME_BYTES, [];
}

// Sync stream.
bounded! {
    StreamFrame, STREAM_FRAME_BYTES, [
        one::<StreamHello>(2), one::<ConvOpen>(3), one::<Heads>(4), one::<Ops>(5), one::<Want>(6), one::<Neg>(7),
        one::<NegEnd>(8), one::<BulkGet>(9), one::<BulkEnd>(10), one::<RegHave>(11), one::<StreamKeyRequest>(12),
        one::<Envelope>(13), one::<AccountGet>(14), one::<AccountOps>(15), one::<StreamErr>(16),
    ];
    StreamHello, STREAM_FRAME_BYTES, [bytes(2, ID), texts(4, FEATURES)];
    ConvOpen, STREAM_FRAME_BYTES, [ids(1, OPEN_TAGS)];
    Heads, STREAM_FRAME_BYTES, [many::<Upto>(2, HEADS_UPTO), ids(3, HEADS_ALSO)];
    Upto, STREAM_FRAME_BYTES, [];
    Ops, STREAM_FRAME_BYTES, [many::<Sealed>(2, OPS_SEALED)];
    Want, STREAM_FRAME_BYTES, [ids(2, WANT_IDS)];
    Neg, STREAM_FRAME_BYTES, [bytes(4, NEGENTROPY_BYTES)];
    NegEnd, STREAM_FRAME_BYTES, [];
    BulkGet, STREAM_FRAME_BYTES, [];
    BulkEnd, STREAM_FRAME_BYTES, [];
    RegHave, STREAM_FRAME_BYTES, [many::<RegVer>(3, REGISTER_VERSIONS)];
    RegVer, STREAM_FRAME_BYTES, [];
    StreamKeyRequest, STREAM_FRAME_BYTES, [ids(2, REQUESTED_KEYS)];
    AccountGet, STREAM_FRAME_BYTES, [ids(2, ACCOUNT_HEADS)];
    AccountOps, STREAM_FRAME_BYTES, [many::<SignedOp>(2, ACCOUNT_OPS)];
    StreamErr, STREAM_FRAME_BYTES, [bytes(1, TEXT_FIELD_BYTES)];
}

// Relay.
bounded! {
    RelayFrame, RELAY_FRAME_BYTES, [
        one::<RHello>(2), one::<HelloOk>(3), one::<RAuth>(4), one::<InboxCreate>(5), one::<LogCreate>(6),
        one::<Created>(7), one::<Put>(8), one::<PutMany>(9), one::<Stored>(10), one::<Fetch>(11),
        one::<Subscribe>(12), one::<Items>(13), one::<Credit>(14), one::<RAck>(15), one::<Drop>(16),
        one::<SlotPut>(17), one::<SlotGet>(18), one::<Slot>(19), one::<SlotDelete>(20), one::<TokenRevoke>(21),
        one::<PushSet>(22), one::<PushClear>(23), one::<GreetSet>(24), one::<Login1>(25), one::<Login1Ok>(26),
        one::<Login2>(27), one::<ROk>(28), one::<RErr>(29), one::<GreetReg>(30),
    ];
    RHello, RELAY_FRAME_BYTES, [texts(2, FEATURES)];
    HelloOk, RELAY_FRAME_BYTES, [one::<Limits>(5), texts(7, FEATURES)];
    RAuth, RELAY_FRAME_BYTES, [bytes(1, ID), bytes(2, ID)];
    InboxCreate, RELAY_FRAME_BYTES, [bytes(1, ID), bytes(2, ID), bytes(3, TEXT_FIELD_BYTES)];
    LogCreate, RELAY_FRAME_BYTES, [bytes(1, ID), bytes(3, TEXT_FIELD_BYTES), bytes(4, ID)];
    Created, RELAY_FRAME_BYTES, [bytes(1, ID), bytes(2, ID)];
    Put, RELAY_FRAME_BYTES, [
        bytes(1, ID), bytes(3, ID), one::<Pow>(4), bytes(5, ID), bytes(6, ID), bytes(7, SLOT_BYTES),
    ];
    PutMany, RELAY_FRAME_BYTES, [many::<Put>(1, PUTS)];
    Stored, RELAY_FRAME_BYTES, [bytes(1, ID), bytes(2, ID)];
    Fetch, RELAY_FRAME_BYTES, [bytes(1, ID), bytes(2, ID)];
    Subscribe, RELAY_FRAME_BYTES, [many::<Fetch>(1, SUBSCRIBED_BOXES)];
    Items, RELAY_FRAME_BYTES, [bytes(1, ID), bytes(2, ID), many::<Item>(3, ITEMS)];
    Item, RELAY_FRAME_BYTES, [bytes(2, ID), bytes(3, ID), bytes(4, SLOT_BYTES)];
    Credit, RELAY_FRAME_BYTES, [];
    RAck, RELAY_FRAME_BYTES, [bytes(1, ID), Field::packed(2, ACKED)];
    Drop, RELAY_FRAME_BYTES, [bytes(1, ID), bytes(3, ID)];
    SlotPut, RELAY_FRAME_BYTES, [
        bytes(1, ID), bytes(3, SLOT_BYTES), bytes(4, ID), bytes(5, TEXT_FIELD_BYTES), bytes(6, ID),
    ];
    SlotGet, RELAY_FRAME_BYTES, [bytes(1, ID)];
    Slot, RELAY_FRAME_BYTES, [bytes(2, SLOT_BYTES), bytes(3, ID), bytes(4, ID)];
    SlotDelete, RELAY_FRAME_BYTES, [bytes(1, ID), bytes(3, ID)];
    TokenRevoke, RELAY_FRAME_BYTES, [bytes(1, ID)];
    PushSet, RELAY_FRAME_BYTES, [bytes(1, ID)];
    PushClear, RELAY_FRAME_BYTES, [bytes(1, ID)];
    GreetReg, RELAY_FRAME_BYTES, [bytes(1, ID)];
    GreetSet, RELAY_FRAME_BYTES, [bytes(1, ID), bytes(4, ID), bytes(5, ID)];
    Login1, RELAY_FRAME_BYTES, [bytes(1, ID)];
    Login1Ok, RELAY_FRAME_BYTES, [];
    Login2, RELAY_FRAME_BYTES, [];
    Pow, RELAY_FRAME_BYTES, [bytes(1, ID)];
    ROk, RELAY_FRAME_BYTES, [];
    Limits, RELAY_FRAME_BYTES, [];
    RErr, RELAY_FRAME_BYTES, [bytes(1, TEXT_FIELD_BYTES)];
}
