//! Limits of encoded bytes and of counts inside frames (protocol section 0 and the sections named).
//!
//! Owns the numbers of encodings; those that the rules know too are the model's. Invariant: every repeated field of a remote message has one here.

use madang_model::limits as model;

/// Largest encoded [`Sealed`](crate::Sealed) or [`Envelope`](crate::Envelope), bytes (protocol section 0).
pub const SEALED_BYTES: usize = model::SEALED_FRAME_MAX;
/// Largest gossip message, bytes (protocol section 0).
pub const GOSSIP_BYTES: usize = model::GOSSIP_MESSAGE_MAX;
/// Largest frame of `/madang/sync/1`, bytes (protocol section 0).
pub const STREAM_FRAME_BYTES: usize = model::SYNC_FRAME_MAX;
/// Largest frame of `/madang/contact/1` and `/madang/link/1`, bytes (protocol section 0).
pub const CONTACT_FRAME_BYTES: usize = model::CONTACT_FRAME_MAX;
/// Largest contact frame of an unknown peer, bytes: one 16 KiB bucket plus framing (protocol section 0). An envelope in
/// its frame takes 8 bytes more than its bucket, two tags and two lengths; the rest is for a field that a later version adds.
pub const STRANGER_FRAME_BYTES: usize = model::STRANGER_FRAME_MAX + 64;
/// Largest frame of `/madang/relay/1`, bytes (protocol section 0).
pub const RELAY_FRAME_BYTES: usize = model::RELAY_FRAME_MAX;
/// Largest negentropy message, bytes (protocol section 0).
pub const NEGENTROPY_BYTES: usize = model::NEGENTROPY_MESSAGE_MAX;
/// Largest op payload, salt included, bytes (protocol section 0).
pub const OP_PAYLOAD_BYTES: usize = model::OP_PAYLOAD_MAX;
/// Largest encoded op header, bytes: all known fields take under 700, the rest is for later ones.
pub const OP_HEADER_BYTES: usize = 2 * 1024;
/// Largest register, bytes (protocol section 0).
pub const REGISTER_BYTES: usize = model::REGISTER_MAX;
/// Largest signal, bytes (protocol section 0).
pub const SIGNAL_BYTES: usize = model::SIGNAL_MAX;
/// Largest body of a slot, bytes (protocol section 10.1).
pub const SLOT_BYTES: usize = 64 * 1024;
/// Largest encoded conversation key, bytes: 64 basis ids and the fixed fields.
pub const KEY_BYTES: usize = 4 * 1024;
/// Largest single text field (label, title, code, relay address), bytes.
pub const TEXT_FIELD_BYTES: usize = 1024;

/// `deps` of an op (protocol section 0).
pub const DEPS: usize = model::DEPS_MAX;
/// `ctl_deps` of a control op, and control heads named as basis of a key (protocol section 5.1).
pub const CONTROL_HEADS: usize = model::CTL_DEPS_MAX;
/// Account-log heads named in an entry or a lane message.
pub const ACCOUNT_HEADS: usize = model::ACCOUNT_HEADS_MAX;
/// Ops of an account log in one message; 64 KiB hold fewer.
pub const ACCOUNT_OPS: usize = 1_024;
/// Control ops in one part of a Welcome; 56 KiB hold fewer.
pub const CONTROL_OPS: usize = 1_024;
/// Co-signatures of a removal (protocol section 1.2 needs one).
pub const COSIGS: usize = model::COSIGNATURES_MAX;
/// Cuts named by one Remove.
pub const CUTS: usize = model::CUTS_MAX;
/// Devices removed by one RotateRoot.
pub const ROTATE_REMOVALS: usize = model::ROTATE_REMOVALS_MAX;
/// Entries of one AddMany (protocol section 5.1).
pub const ADD_ENTRIES: usize = model::ADD_ENTRIES_MAX;
/// Relays of a conversation or device (protocol section 5.1).
pub const RELAYS: usize = model::RELAYS_MAX;
/// Greeters of an open room.
pub const GREETERS: usize = model::GREETERS_MAX;
/// Ids of a frontier (protocol section 6.2).
pub const FRONTIER_IDS: usize = model::FRONTIER_IDS_MAX;
/// Mentions of a text (protocol section 6.1).
pub const MENTIONS: usize = model::MENTIONS_MAX;
/// Files of a text (protocol section 6.1).
pub const FILES: usize = model::FILES_MAX;
/// Bundles of an introduction (protocol section 6.1).
pub const INTRODUCED_BUNDLES: usize = model::INTRODUCE_BUNDLES_MAX;
/// Bundles of an invite record or contact (protocol section 7.2).
pub const BUNDLES: usize = model::INVITE_BUNDLES_MAX;
/// Inboxes of a bundle (protocol section 4.3).
pub const INBOXES: usize = model::BUNDLE_INBOXES_MAX;
/// Tokens of a contact: one per inbox of each bundle.
pub const CONTACT_TOKENS: usize = BUNDLES * INBOXES;
/// Addresses of an address record (protocol section 7.4).
pub const ADDRESSES: usize = model::ADDRESSES_MAX;
/// Relays in an invite link (protocol section 7.1).
pub const LINK_RELAYS: usize = 2;
/// LAN addresses in an invite link (protocol section 7.1).
pub const LINK_ADDRESSES: usize = 4;
/// Keys of one KeyShare (protocol section 4.1).
pub const SHARED_KEYS: usize = model::KEY_SHARE_KEYS_MAX;
/// Key ids of one KeyRequest (protocol section 4.1).
pub const REQUESTED_KEYS: usize = model::KEY_REQUEST_IDS_MAX;
/// Lane messages under one Olm message.
pub const LANE_MESSAGES: usize = 256;
/// Parts of a Welcome (protocol section 4.1).
pub const WELCOME_PARTS: u32 = 16;
/// Parts of a LinkAccount (protocol section 8).
pub const LINK_PARTS: u32 = 256;
/// Tags of one ConvOpen (protocol section 9.1).
pub const OPEN_TAGS: usize = model::TAGS_MAX;
/// Lines of one Heads; larger rooms send several frames.
pub const HEADS_UPTO: usize = 1_024;
/// Ids beyond a gap in one Heads (protocol section 9.1).
pub const HEADS_ALSO: usize = model::HEADS_ALSO_MAX;
/// Sealed frames in one Ops: as many of 512 B as a stream frame holds.
pub const OPS_SEALED: usize = 128;
/// Ids of one Want (protocol section 9.1).
pub const WANT_IDS: usize = model::WANT_IDS_MAX;
/// Lines of one RegHave (protocol section 9.1).
pub const REGISTER_VERSIONS: usize = model::REGISTER_VERSIONS_MAX;
/// Ops of the answer to one BulkGet (protocol section 9.1).
pub const BULK_OPS: u32 = model::BULK_OPS_MAX;
/// Feature names of a hello.
pub const FEATURES: usize = 32;
/// Puts of one PutMany (protocol section 10.2).
pub const PUTS: usize = 64;
/// Boxes of one Subscribe (protocol section 10.2).
pub const SUBSCRIBED_BOXES: usize = 1_024;
/// Items of one Items frame; 256 KiB of the smallest sealed bucket hold fewer.
pub const ITEMS: usize = 1_024;
/// Sequences of one RAck (protocol section 10.2).
pub const ACKED: usize = 1_024;
/// Capabilities proven on one relay stream (protocol section 10.2).
pub const CAPABILITIES: usize = 4_096;
/// Largest emoji of a reaction, bytes (protocol section 6.1).
pub const EMOJI_BYTES: usize = model::EMOJI_MAX;
/// Largest link preview, bytes (protocol section 6.1).
pub const PREVIEW_BYTES: usize = model::PREVIEW_MAX;
/// Largest thumbnail of a card, bytes (protocol section 6.4).
pub const THUMB_BYTES: usize = model::CARD_THUMB_MAX;
/// Largest [`InboxItem`](crate::InboxItem), bytes: the largest bucket with its tag and length.
pub const INBOX_ITEM_BYTES: usize = SEALED_BYTES + 8;
/// Largest content of an invite link, bytes: 400 characters of base64url hold fewer.
pub const LINK_BYTES: usize = 300;
/// Bundles of a contact request (protocol section 7.3).
pub const REQUEST_BUNDLES: usize = 4;
/// Largest thumbnail of a contact request, bytes (protocol section 7.3).
pub const REQUEST_THUMB_BYTES: usize = 4 * 1024;
/// Longest name, status, device label and title, bytes. Characters are counted where they are typed:
/// what a character is changes with Unicode, and all nodes must take the same ops alike.
pub const NAME_BYTES: usize = model::NAME_MAX * model::BYTES_PER_CHARACTER_MAX;
/// See [`NAME_BYTES`].
pub const STATUS_BYTES: usize = model::STATUS_MAX * model::BYTES_PER_CHARACTER_MAX;
/// See [`NAME_BYTES`].
pub const LABEL_BYTES: usize = model::DEVICE_LABEL_MAX * model::BYTES_PER_CHARACTER_MAX;
/// See [`NAME_BYTES`].
pub const TITLE_BYTES: usize = model::TITLE_MAX * model::BYTES_PER_CHARACTER_MAX;
/// `MM-DD`, bytes (protocol section 6.4).
pub const BIRTHDAY_BYTES: usize = 5;
/// Items of one kind in a part of the escrow.
pub const ESCROW_ITEMS: usize = 1_024;
