//! The encoding of every message, as snapshots and as the committed vectors.
//!
//! A changed field number, type or order of fields shows here first: nodes of different versions
//! would no longer understand each other.

use super::samples::{Fill, sample};
use crate::*;
use data_encoding::HEXLOWER;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// One line: the name, the bytes, and the proof that they decode to the same value within the limits.
fn line<T: Bounded + Fill + PartialEq + Debug>(name: &str) -> (String, String) {
    check(name, sample::<T>())
}

fn check<T: Bounded + PartialEq + Debug>(name: &str, value: T) -> (String, String) {
    let bytes = value.encode_to_vec();
    assert_eq!(decode::<T>(&bytes).as_ref(), Ok(&value), "{name}");
    (name.to_owned(), HEXLOWER.encode(&bytes))
}

macro_rules! messages {
    ($($name:ident)*) => { vec![$(line::<$name>(stringify!($name))),*] };
}
/// Every case of a message with alternatives.
macro_rules! cases {
    ($message:ident, $body:ident, $field:ident, $($case:ident)*) => {
        vec![$(check(
            concat!(stringify!($message), ".", stringify!($case)),
            $message { $field: Some($body::$case(sample())), ..sample() },
        )),*]
    };
}

#[allow(clippy::needless_update)] // Some of the messages have nothing beside their cases.
fn modules() -> BTreeMap<&'static str, Vec<(String, String)>> {
    BTreeMap::from([
        ("signed", messages![Signed]),
        ("account", messages![AccountGenesis AddDevice RemoveDevice RotateRoot Cosig]),
        ("escrow", messages![EscrowPart]),
        ("op", messages![SignedOp OpHeader]),
        ("register", messages![Register Signal Prefs Frontier]),
        ("sealed", messages![Sealed Inner]),
        ("key", messages![Key]),
        (
            "lane",
            messages![Envelope InboxItem EnvelopeInner LanePacket LanePlain LaneMessage KeyShare KeyRequest KeyDenied Welcome AccountHint Reset LaneAck GreetKey],
        ),
        ("bundle", messages![DeviceBundle InboxRef BundleEntry Token]),
        ("address", messages![AddressRecord]),
        (
            "control",
            messages![Control Genesis Entry AddMany Cut Remove DeviceAdded DeviceRemoved Role Transfer Leave Title Relays Join Policy Greet Timer],
        ),
        (
            "content",
            messages![Text Edit Delete React Purge Pin Introduce Mention Preview FriendSet RoomSet PersonaSet ProfileSet Hide],
        ),
        ("card", messages![Card FileRef]),
        ("invite", messages![InviteLink InviteRecord]),
        (
            "contact",
            messages![ContactRequest ContactAccept ContactUpdate Contact ContactFrame InviteGet InviteRec ContactPut ContactOk ContactErr],
        ),
        ("link", messages![LinkFrame LinkSealed LinkIntro LinkHello LinkDevice LinkAccount LinkDone]),
        (
            "stream",
            messages![StreamFrame StreamHello ConvOpen Heads Upto Ops Want Neg NegEnd BulkGet BulkEnd RegHave RegVer StreamKeyRequest AccountGet AccountOps StreamErr],
        ),
        (
            "relay",
            messages![RelayFrame RHello HelloOk RAuth InboxCreate LogCreate Created Put PutMany Stored Fetch Subscribe Items Item Credit RAck Drop SlotPut SlotGet Slot SlotDelete TokenRevoke PushSet PushClear GreetReg GreetSet Login1 Login1Ok Login2 Pow ROk Limits RErr],
        ),
        ("Inner", cases![Inner, InnerBody, body, Op Register Signal]),
        ("InboxItem", cases![InboxItem, InboxBody, body, Env Sealed]),
        ("EnvelopeInner", cases![EnvelopeInner, EnvelopeBody, body, Lane ContactRequest]),
        (
            "LaneMessage",
            cases![LaneMessage, LaneBody, body, Share Request Denied Welcome Accept Update Hint Reset Ack Greet],
        ),
        (
            "Control",
            cases![Control, ControlBody, body, Genesis Add Remove DeviceAdded DeviceRemoved Role Transfer Leave Title Relays Join Policy Greet Timer],
        ),
        ("ContactFrame", cases![ContactFrame, ContactBody, body, Get Record Put Ok Err]),
        ("LinkFrame", cases![LinkFrame, LinkBody, body, Hello Sealed Device Intro Account Done]),
        (
            "StreamFrame",
            cases![StreamFrame, StreamBody, body, Hello Open Heads Ops Want Neg NegEnd BulkGet BulkEnd RegHave KeyRequest Lane AccountGet Account Err],
        ),
        (
            "RelayFrame",
            cases![RelayFrame, RelayBody, body, Hello HelloOk Auth InboxCreate LogCreate Created Put PutMany Stored Fetch Subscribe Items Credit Ack Drop SlotPut SlotGet Slot SlotDelete Revoke PushSet PushClear GreetSet Login1 Login1Ok Login2 Ok Err GreetReg],
        ),
        ("Put", cases![Put, PutAuth, auth, Token Pow]),
    ])
}

#[test]
fn every_message_keeps_its_encoding() {
    for (module, lines) in modules() {
        let text: Vec<String> = lines.iter().map(|(name, hex)| format!("{name} {hex}")).collect();
        insta::assert_snapshot!(module, text.join("\n"));
    }
}

#[test]
fn the_committed_message_vectors_are_current() {
    let lines: BTreeMap<String, String> = modules().into_values().flatten().collect();
    super::vectors::compare("messages.json", &serde_json::to_value(lines).unwrap());
}
