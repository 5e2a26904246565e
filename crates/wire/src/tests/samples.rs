//! A filled sample of every message: each field set, each list with two elements.

use crate::*;

/// Fills a value with numbers that follow from a running count, so that no two fields are equal.
pub(super) trait Fill: Sized {
    fn fill(count: &mut u8) -> Self;
}

fn next(count: &mut u8) -> u8 {
    *count = count.wrapping_add(1);
    *count
}

impl Fill for u32 {
    fn fill(count: &mut u8) -> Self {
        next(count).into()
    }
}
impl Fill for u64 {
    fn fill(count: &mut u8) -> Self {
        // Larger than 32 bits, so that a wrong width shows.
        (1 << 40) + u64::from(next(count))
    }
}
impl Fill for bool {
    fn fill(_: &mut u8) -> Self {
        true
    }
}
impl Fill for String {
    fn fill(count: &mut u8) -> Self {
        format!("t {}", next(count))
    }
}
impl Fill for Vec<u8> {
    fn fill(count: &mut u8) -> Self {
        vec![next(count); 4]
    }
}
impl<T: Fill> Fill for Vec<T> {
    fn fill(count: &mut u8) -> Self {
        vec![T::fill(count), T::fill(count)]
    }
}
impl<T: Fill> Fill for Option<T> {
    fn fill(count: &mut u8) -> Self {
        Some(T::fill(count))
    }
}

macro_rules! fill {
    ($($name:ident { $($field:ident),* })*) => {$(
        impl Fill for $name {
            #[allow(unused_variables)] // Some messages have no field.
            fn fill(count: &mut u8) -> Self {
                Self { $($field: Fill::fill(count)),* }
            }
        }
    )*};
}
macro_rules! fill_first_case {
    ($($name:ident::$case:ident)*) => {$(
        impl Fill for $name {
            fn fill(count: &mut u8) -> Self {
                Self::$case(Fill::fill(count))
            }
        }
    )*};
}

/// A sample of a message.
pub(super) fn sample<T: Fill>() -> T {
    T::fill(&mut 0)
}

fill! {
    Signed { r#type, body, signer, sig }
    AccountGenesis { v, root_pub, salt, first_device, label }
    AddDevice { device, label }
    RemoveDevice { device, cut, cosig }
    RotateRoot { root_pub, remove }
    Cosig { device, sig }
    EscrowPart { account, part, of, at, data }
    SignedOp { header, sig, payload }
    OpHeader { v, conv, author, seq, prev, deps, hlc, ctl, kind, payload_hash, payload_len, ttl_s }
    Register { conv, author, name, version, payload }
    Signal { conv, author, name, hlc, payload }
    Prefs { receipts, typing }
    Frontier { ids }
    Sealed { key_id, nonce, ct, rmac }
    Inner { body }
    Key { suite, conv, secret, route, epoch, basis, creator, created_hlc, recipients }
    Envelope { v, to, enc, ct }
    InboxItem { body }
    EnvelopeInner { body }
    LanePacket { from, to, r#gen, td_seq, olm_type, olm }
    LanePlain { from_account, from_device, to_account, to_device, from_olm, to_olm, from_heads, to_heads, m, bundle }
    LaneMessage { body }
    KeyShare { keys, relays, conv }
    KeyRequest { conv, key_ids }
    KeyDenied { conv, key_id, before_you }
    Welcome { conv, part, of, control, account_ops, relays }
    AccountHint { ops }
    Reset { r#gen }
    LaneAck { r#gen, upto }
    GreetKey { conv, generation, r#priv }
    DeviceBundle { account, device, add_op, olm_identity, fallback, envelope_pk, envelope_not_after, inboxes, version }
    InboxRef { relay, inbox_id }
    BundleEntry { bundle, tokens }
    Token { inbox_id, token }
    AddressRecord { device, peer_id, addrs, relays, version }
    Control { ctl_deps, body }
    Genesis { v, suite, kind, owner, owner_heads, salt, title, history, days, direct, relays, join, member_limit }
    Entry { account, role, account_heads }
    AddMany { entries }
    Cut { device, seq }
    Remove { account, cuts }
    DeviceAdded { account_op }
    DeviceRemoved { account_op }
    Role { account, role }
    Transfer { account }
    Leave { quiet }
    Title { title, picture }
    Relays { relays }
    Join { entry, sig }
    Policy { join, slow_mode_s, member_limit, direct, basic_profile_only }
    Greet { generation, greet_id, greeters }
    Timer { ttl_s }
    Text { text, mentions, reply, forwarded, preview, files }
    Edit { target, text, mentions }
    Delete { target }
    React { target, emoji }
    Purge { target }
    Pin { target, on }
    Introduce { account, account_log, bundles, card }
    Mention { pos, len, account }
    Preview { url, title, text, thumb }
    FriendSet { account, state, alias, favourite, hidden, blocked, profile }
    RoomSet { conv, joined, relays, title, pinned, archived }
    PersonaSet { root_secret, name }
    ProfileSet { profile, card }
    Hide { conv, target }
    Card { name, status, birthday, photo, background, stickers, thumb }
    FileRef { id, name, size, r#type, thumbhash, key }
    InviteLink { slot_id, account16, secret, expiry_h, relays, peer, addrs }
    InviteRecord { account_log, bundles, card, addr, tokens, once, expires }
    ContactRequest { invite_id, c, greeting, at, to_account }
    ContactAccept { invite_id, c, share }
    ContactUpdate { c }
    Contact { account_log, bundles, addr, card, tokens }
    ContactFrame { body }
    InviteGet { invite_id }
    InviteRec { sealed }
    ContactPut { env }
    ContactOk {  }
    ContactErr { code }
    LinkFrame { body }
    LinkSealed { enc, ct }
    LinkIntro { account, name, thumb }
    LinkHello { xwing_pk }
    LinkDevice { device, label, bundle }
    LinkAccount { part, of, data }
    LinkDone { hash }
    StreamFrame { id, body }
    StreamHello { v, nonce, now, features }
    ConvOpen { tags }
    Heads { tag, upto, also }
    Upto { author, seq }
    Ops { tag, sealed }
    Want { tag, ids }
    Neg { tag, from, to, msg }
    NegEnd { tag }
    BulkGet { tag, before_hlc, before_id, max }
    BulkEnd { tag, more }
    RegHave { tag, digest, have }
    RegVer { author, name, version }
    StreamKeyRequest { tag, key_ids }
    AccountGet { account, heads }
    AccountOps { account, ops }
    StreamErr { code, tag }
    RelayFrame { id, body }
    RHello { v, features }
    HelloOk { v, relay_key, now, challenge, limits, policy, features }
    RAuth { cap_pub, sig }
    InboxCreate { owner_pub, k_token, admission }
    LogCreate { log_pub, ttl_h, admission, prev }
    Created { box_id, epoch }
    Put { box_id, ttl_h, auth, slot, del_hash, body }
    PutMany { puts }
    Stored { box_id, epoch, seq, dup, index }
    Fetch { box_id, epoch, after_seq, max }
    Subscribe { boxes, window }
    Items { box_id, epoch, items, head, truncated_before }
    Item { seq, dedupe, slot, body }
    Credit { n }
    RAck { inbox_id, seqs }
    Drop { log_id, seq, del_secret }
    SlotPut { slot_pub, version, body, new_pub, admission, sig }
    SlotGet { slot_id }
    Slot { version, body, slot_pub, sig }
    SlotDelete { slot_pub, version, sig }
    TokenRevoke { inbox_id, slot, silent }
    PushSet { inbox_id, subscription, min_interval_s }
    PushClear { inbox_id }
    GreetReg { greet_id, opaque }
    GreetSet { greet_pub, version, record, sig, name_id }
    Login1 { greet_id, ke1 }
    Login1Ok { ke2, session }
    Login2 { session, ke3 }
    Pow { nonce, at }
    ROk {  }
    Limits { frame, inbox_items, inbox_bytes, log_bytes, log_ttl_h, inbox_ttl_h, pow_bits }
    RErr { code, retry_ms, index }
}

fill_first_case! {
    InnerBody::Op
    InboxBody::Env
    EnvelopeBody::Lane
    LaneBody::Share
    ControlBody::Genesis
    ContactBody::Get
    LinkBody::Hello
    StreamBody::Hello
    RelayBody::Hello
    PutAuth::Token
}
