//! Every bound of the protocol, by name and with its unit.
//!
//! Owns numbers only. Invariant: whoever handles remote data checks it against these before allocating.

/// One second in milliseconds.
pub const SECOND_MS: u64 = 1_000;
/// One minute in milliseconds.
pub const MINUTE_MS: u64 = 60 * SECOND_MS;
/// One hour in milliseconds.
pub const HOUR_MS: u64 = 60 * MINUTE_MS;
/// One day in milliseconds.
pub const DAY_MS: u64 = 24 * HOUR_MS;

// ---- frames and encodings (protocol section 0), bytes ----

/// Largest sealed frame, bytes.
pub const SEALED_FRAME_MAX: usize = 60 * 1024;
/// Largest gossip message, bytes.
pub const GOSSIP_MESSAGE_MAX: usize = 32 * 1024;
/// Largest frame of a sync stream, bytes.
pub const SYNC_FRAME_MAX: usize = 64 * 1024;
/// Largest negentropy message, bytes.
pub const NEGENTROPY_MESSAGE_MAX: usize = 60_000;
/// Largest frame between client and relay, bytes.
pub const RELAY_FRAME_MAX: usize = 256 * 1024;
/// Largest frame of a contact stream with a known peer, bytes.
pub const CONTACT_FRAME_MAX: usize = 64 * 1024;
/// Largest frame of a link stream, bytes.
pub const LINK_FRAME_MAX: usize = 64 * 1024;
/// Payload bytes that an unknown peer may send in one contact frame.
pub const STRANGER_FRAME_MAX: usize = 16 * 1024;
/// Contact frames that are read from an unknown peer per minute.
pub const STRANGER_FRAMES_PER_MINUTE: u32 = 10;
/// Largest payload of an op, bytes, its 16 random bytes included.
pub const OP_PAYLOAD_MAX: usize = 60_000;
/// Random bytes in front of the content of every payload (protocol section 2.1).
pub const PAYLOAD_SALT_LEN: usize = 16;
/// Most heads named in `OpHeader.deps`.
pub const DEPS_MAX: usize = 8;
/// Most control heads named in `Control.ctl_deps`.
pub const CTL_DEPS_MAX: usize = 64;
/// Largest register, bytes.
pub const REGISTER_MAX: usize = 24 * 1024;
/// Largest personal setting register (`prefs.<key>`), bytes.
pub const PREFS_VALUE_MAX: usize = 4 * 1024;
/// Largest signal, bytes.
pub const SIGNAL_MAX: usize = 512;
/// Signals older than this are dropped, milliseconds.
pub const SIGNAL_AGE_MAX_MS: u64 = 30 * SECOND_MS;
/// Sizes to which sealed frames and envelopes are padded, bytes (protocol section 2.3).
pub const PAD_BUCKETS: [usize; 8] =
    [512, 1024, 2 * 1024, 4 * 1024, 8 * 1024, 16 * 1024, 32 * 1024, SEALED_FRAME_MAX];

// ---- clock (protocol section 2.4), milliseconds ----

/// How far ahead of the own clock a timestamp may be and still be applied at once.
pub const FUTURE_TOLERANCE_MS: u64 = DAY_MS;
/// Median offset up to which the local clock is used unchanged.
pub const CLOCK_CORRECTION_MS: u64 = 2 * MINUTE_MS;
/// No clock is right that shows an earlier time, ms since 1970: 1 January 2026, when nobody spoke this protocol yet
/// (docs/adr/0034).
pub const CLOCK_EPOCH_MS: u64 = 1_767_225_600_000;
/// Clocks of other people that are remembered; a median needs no more.
pub const CLOCK_REFERENCES_MAX: usize = 64;

// ---- keys (protocol section 3) ----

/// Up to this number of devices a conversation rotates daily and forgets keys after a week.
pub const SMALL_CONVERSATION_DEVICES: usize = 16;
/// Above this number of devices rule (e) lets a newcomer read back to the last hourly rotation.
pub const HOURLY_EXCEPTION_DEVICES: usize = 250;
/// Age at which a key of a small conversation is no longer usable for sending, milliseconds.
pub const ROTATION_AGE_SMALL_MS: u64 = DAY_MS;
/// Age at which a key of a large conversation is no longer usable for sending, milliseconds.
pub const ROTATION_AGE_LARGE_MS: u64 = 7 * DAY_MS;
/// How long a superseded key of a small conversation is kept after its last gap closed, milliseconds.
pub const KEY_RETENTION_SMALL_MS: u64 = 7 * DAY_MS;
/// How long a superseded key of a large conversation is kept after its last gap closed, milliseconds.
pub const KEY_RETENTION_LARGE_MS: u64 = 30 * DAY_MS;
/// How long a superseded route is still followed, milliseconds.
pub const ROUTE_RETENTION_MS: u64 = 15 * DAY_MS;
/// Parked frames of unknown keys per conversation.
pub const PARK_FRAMES_MAX: usize = 1_000;
/// Parked bytes of unknown keys per conversation.
pub const PARK_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Unknown key ids asked for per conversation and hour.
pub const KEY_ASKS_PER_HOUR: usize = 10;
/// Key ids in one request.
pub const KEY_REQUEST_IDS_MAX: usize = 16;
/// Keys in one share.
pub const KEY_SHARE_KEYS_MAX: usize = 64;
/// Wait before a key is asked for in the lane, milliseconds.
pub const KEY_ASK_DELAY_MS: u64 = 30 * SECOND_MS;
/// Largest jitter on top of [`KEY_ASK_DELAY_MS`], milliseconds.
pub const KEY_ASK_JITTER_MS: u64 = 60 * SECOND_MS;
/// Pause before another holder is asked for the same key, milliseconds.
pub const KEY_ASK_AGAIN_MS: u64 = 10 * MINUTE_MS;
/// A holder answers the same device for the same key at most once in this time, milliseconds.
pub const KEY_ANSWER_PAUSE_MS: u64 = HOUR_MS;

// ---- lane (protocol section 4) ----

/// Parts of a Welcome.
pub const WELCOME_PARTS_MAX: usize = 16;
/// Bytes of one part of a Welcome.
pub const WELCOME_PART_MAX: usize = 56 * 1024;
/// Inboxes named in a bundle.
pub const BUNDLE_INBOXES_MAX: usize = 3;
/// Lane packets that may be skipped before a reset is needed.
pub const LANE_SKIP_MAX: u64 = 32;
/// How long a bundle may be used after its envelope key ran out, milliseconds.
pub const BUNDLE_GRACE_MS: u64 = 45 * DAY_MS;

// ---- account and control logs (protocol sections 1 and 5) ----

/// A two-device removal ignores single removals of its signers by its target that are younger, milliseconds.
pub const SINGLE_REMOVAL_WINDOW_MS: u64 = 30 * DAY_MS;
/// Bytes of one account log that are kept: it travels as a whole in a contact, beside bundles and a photo, and has
/// to fit into one envelope with them. About 70 ops. What is void does not count.
pub const ACCOUNT_LOG_BYTES_MAX: usize = 24 * 1024;
/// Part of [`ACCOUNT_LOG_BYTES_MAX`] that one device may fill, what is void of it included. About 50 ops: whoever has one
/// machine that admits all the others fills no more.
pub const ACCOUNT_LOG_BYTES_DEVICE: usize = 12 * 1024;
/// Bytes of one account log, what is void included, up to which ops are kept that are needed for nothing else.
pub const ACCOUNT_LOG_BYTES_ANY: usize = 32 * 1024;
/// The same for a removal by one device of a device that was active until then.
pub const ACCOUNT_LOG_BYTES_ONE: usize = 36 * 1024;
/// The same for such a removal by two devices.
pub const ACCOUNT_LOG_BYTES_TWO: usize = 40 * 1024;
/// The same for what the phrase has signed. No log is longer: it still fits into the account slot.
pub const ACCOUNT_LOG_BYTES_END: usize = 48 * 1024;
/// Bytes of a removal that may use the space kept for those that take effect; with eight deps and three cosignatures
/// one has less than 1 KiB.
pub const ACCOUNT_REMOVAL_BYTES_MAX: usize = 1_536;
/// Part of [`ACCOUNT_LOG_BYTES_MAX`] that only removals may use: a log full of additions must not hold them up.
pub const ACCOUNT_LOG_REMOVALS: usize = 6 * 1024;
/// Cosignatures of one removal.
pub const COSIGNATURES_MAX: usize = 8;
/// Removals inside one RotateRoot.
pub const ROTATE_REMOVALS_MAX: usize = 64;
/// Entries of one AddMany.
pub const ADD_ENTRIES_MAX: usize = 750;
/// Cuts of one Remove.
pub const CUTS_MAX: usize = 64;
/// Account heads named for one entry.
pub const ACCOUNT_HEADS_MAX: usize = 64;
/// Relays of a conversation.
pub const RELAYS_MAX: usize = 3;
/// Greeters named by one Greet op.
pub const GREETERS_MAX: usize = 64;
/// Escrow slots of an account.
pub const ESCROW_SLOTS_MAX: usize = 64;
/// Up to this number of members `direct` is on by default.
pub const DIRECT_DEFAULT_MEMBERS: usize = 50;

// ---- content (protocol section 6) ----

/// Length of a message text, grapheme clusters.
pub const TEXT_GRAPHEMES_MAX: usize = 10_000;
/// Length of a name, characters as a person counts them.
pub const NAME_MAX: usize = 20;
/// Length of the own name for a friend, characters as a person counts them.
pub const ALIAS_MAX: usize = 40;
/// Length of a status line, characters as a person counts them.
pub const STATUS_MAX: usize = 60;
/// Length of a device label, characters as a person counts them.
pub const DEVICE_LABEL_MAX: usize = 32;
/// Length of a room title, characters as a person counts them.
pub const TITLE_MAX: usize = 60;
/// Bytes that one of the characters above may take on average; stops towers of combining marks.
pub const BYTES_PER_CHARACTER_MAX: usize = 16;
/// Mentions in one message.
pub const MENTIONS_MAX: usize = 100;
/// Length of a reaction, bytes.
pub const EMOJI_MAX: usize = 64;
/// Size of a link preview, bytes.
pub const PREVIEW_MAX: usize = 8 * 1024;
/// Files in one message.
pub const FILES_MAX: usize = 30;
/// Pinned messages in a room.
pub const PINS_MAX: usize = 20;
/// Bundles in a contact card.
pub const INTRODUCE_BUNDLES_MAX: usize = 4;
/// Bundles in an invite record.
pub const INVITE_BUNDLES_MAX: usize = 8;
/// Thumbnail in a card, bytes.
pub const CARD_THUMB_MAX: usize = 16 * 1024;
/// How long a message may be edited or deleted for everyone, milliseconds by hlc.
pub const EDIT_WINDOW_MS: u64 = DAY_MS;

// ---- delivery, gaps, sync (protocol sections 2.1, 6.2 and 9) ----

/// Ids in a frontier, normally.
pub const FRONTIER_IDS_USUAL: usize = 8;
/// Ids in a frontier when more heads are really concurrent.
pub const FRONTIER_IDS_MAX: usize = 64;
/// Unread numbers are kept for messages younger than this, milliseconds.
pub const UNREAD_WINDOW_MS: u64 = 30 * DAY_MS;
/// A gap of a revoked or unseen device becomes a closed line after this time, milliseconds.
pub const GAP_CLOSE_MS: u64 = 30 * DAY_MS;
/// Conversation tags in one ConvOpen.
pub const TAGS_MAX: usize = 1_024;
/// Ids in one Want.
pub const WANT_IDS_MAX: usize = 1_024;
/// Op ids beyond a gap in one Heads.
pub const HEADS_ALSO_MAX: usize = 64;
/// Ops served for one BulkGet.
pub const BULK_OPS_MAX: u32 = 1_000;
/// Versions in one RegHave.
pub const REGISTER_VERSIONS_MAX: usize = 1_024;
/// Rounds of reconciliation per peer and hour.
pub const RECONCILE_ROUNDS_MAX: u32 = 64;
/// Addresses in an AddressRecord.
pub const ADDRESSES_MAX: usize = 16;
/// Length of an invite link, characters.
pub const INVITE_LINK_MAX: usize = 400;
/// A device puts its own registers again after this time while awake, milliseconds.
pub const REGISTER_REPUT_MS: u64 = 7 * DAY_MS;
