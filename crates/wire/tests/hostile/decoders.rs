//! What of this crate reads bytes before anybody has proven who he is.

use std::collections::BTreeMap;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use madang_model::{Header, Kind};
use madang_wire::{
    AddressRecord, Bounded, Card, Contact, ContactFrame, ContactRequest, DeviceBundle, Envelope,
    EnvelopeInner, EscrowPart, FrameBuf, InboxItem, Inner, InviteLink, InviteRecord, Key, LanePlain,
    LinkFrame, OpHeader, Register, RelayFrame, Sealed, Signal, Signed, SignedOp, StreamFrame, decode,
    device_link, invite_link, pad, typed,
};
use sha2::{Digest as _, Sha256};

use super::bytes::Target;

/// Every message of the protocol, as the test vectors have it.
pub(crate) fn samples() -> Vec<Vec<u8>> {
    let text = include_str!("../../../../docs/protocol/vectors/messages.json");
    let hex: BTreeMap<String, String> = serde_json::from_str(text).unwrap();
    hex.values().map(|hex| HEXLOWER.decode(hex.as_bytes()).unwrap()).collect()
}

fn message<T: Bounded>(bytes: &[u8]) {
    if let Ok(message) = decode::<T>(bytes) {
        assert!(message.encoded_len() <= T::MAX_BYTES, "accepted more than its limit");
    }
}

macro_rules! decoders {
    ($($name:ident: $target:expr;)*) => {
        /// Names and targets.
        #[allow(dead_code, reason = "fuzz goes through all of them")]
        #[allow(dead_code, reason = "fuzz goes through all of them")]
        pub(crate) const DECODERS: &[(&str, Target)] = &[$((stringify!($name), $target)),*];

        #[cfg(test)]
        mod tests {
            use super::*;
            $(
                #[test]
                fn $name() {
                    crate::hostile::bytes::feed(stringify!($name), &samples(), $target);
                }
            )*
        }
    };
}

decoders! {
    address_records: message::<AddressRecord>;
    cards: message::<Card>;
    contact_frames: message::<ContactFrame>;
    contact_requests: message::<ContactRequest>;
    contacts: message::<Contact>;
    conversation_keys: message::<Key>;
    device_bundles: message::<DeviceBundle>;
    envelope_contents: message::<EnvelopeInner>;
    envelopes: message::<Envelope>;
    escrow_parts: message::<EscrowPart>;
    inbox_items: message::<InboxItem>;
    inner_objects: message::<Inner>;
    invite_links: message::<InviteLink>;
    invite_records: message::<InviteRecord>;
    lane_plaintexts: message::<LanePlain>;
    length_prefixes: read_frames;
    link_frames: message::<LinkFrame>;
    link_texts: read_links;
    op_bodies: read_body;
    op_headers: read_header;
    padding: remove_padding;
    registers: message::<Register>;
    relay_frames: message::<RelayFrame>;
    sealed_frames: message::<Sealed>;
    signals: message::<Signal>;
    signed_objects: message::<Signed>;
    signed_ops: message::<SignedOp>;
    stream_frames: message::<StreamFrame>;
}

fn read_header(bytes: &[u8]) {
    let Ok(header) = decode::<OpHeader>(bytes) else { return };
    if let Ok(header) = Header::try_from(&header) {
        let _either = header.check();
        assert!(header.parents().count() <= 9, "prev and eight deps");
    }
}

/// The first byte says of which kind the op is.
fn read_body(bytes: &[u8]) {
    let Some((kind, content)) = bytes.split_first() else { return };
    let kind = Kind::from(u32::from(*kind));
    drop(typed::read_account(kind, content, |_, _| true));
    drop(typed::read_control(kind, content, |_| None, |_| true));
    drop(typed::read_own(kind, content));
    drop(typed::read_content(kind, content));
    drop(typed::read_card(content));
    drop(typed::read_frontier(content));
}

fn remove_padding(bytes: &[u8]) {
    if let Ok(data) = pad::unpad(bytes) {
        assert!(data.len() + 4 <= bytes.len());
    }
}

fn read_frames(mut bytes: &[u8]) {
    let mut frames = FrameBuf::new(64 * 1024);
    while let Ok(Some(frame)) = frames.read(&mut bytes) {
        assert!(frame.len() <= 64 * 1024);
    }
}

/// As text, as the body of a link that is damaged, and as that of a link with a good checksum.
fn read_links(bytes: &[u8]) {
    let sum = Sha256::digest(bytes);
    let whole = [bytes, &sum[..4]].concat();
    for text in [
        String::from_utf8_lossy(bytes).into_owned(),
        BASE64URL_NOPAD.encode(bytes),
        BASE64URL_NOPAD.encode(&whole),
    ] {
        for text in [text.clone(), format!("madang://invite/1/{text}"), format!("madang://link/1/{text}")] {
            if let Ok(link) = invite_link::parse(&text) {
                let again = invite_link::format(&link).unwrap();
                assert_eq!(invite_link::parse(&again), Ok(link), "what was read can be handed on");
            }
            drop(device_link::parse(&text));
        }
    }
}
