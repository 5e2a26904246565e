//! What a node does with the words of a stranger: see `check_contact` of the node.

use std::sync::LazyLock;

use super::madang_crypto::{
    LaneAccount, LaneContent, LaneEnd, LanePlace, LaneSession, SignKey, SignedBody, XWingSecret,
    open_account_op, open_envelope, open_signed, os_rng, seal_envelope, sign, sign_body,
};
use madang_model::{AccountId, AccountOp, DeviceId, account::AccountLog, text};
use madang_wire::{
    AddressRecord, Card, Contact, ContactRequest, DeviceBundle, EnvelopeBody, EnvelopeInner, InviteRecord,
    Kept, LanePacket, Message, Signed, SignedOp, SignedType,
};

use super::script::{Cast, Script};

static CAST: LazyLock<Cast> = LazyLock::new(Cast::new);
/// Whoever the request is for.
static ENVELOPE: LazyLock<XWingSecret> = LazyLock::new(|| XWingSecret::from_seed(&[9; 32]));

/// The log that some ops make, in the order in which they come; ops that do not fit are left out.
fn resolved(ops: &[SignedOp]) -> AccountLog {
    let mut log = AccountLog::new(AccountId::from_bytes(CAST.account));
    for op in ops {
        let typed = open_account_op(op).ok().and_then(|opened| AccountOp::from_op(&opened.op));
        if let Some(typed) = typed {
            drop(log.insert(typed));
        }
    }
    log
}

/// Ops around a real account, in any order: the account is the same whichever comes first, and strangers change
/// nothing in it.
pub(super) fn account_logs(bytes: &[u8]) {
    let mut script = Script(bytes);
    let strangers = script.byte().is_multiple_of(2);
    let turned = usize::from(script.byte());
    let mut ops = CAST.log.clone();
    ops.extend(script.ops(&CAST, strangers));
    let state = resolved(&ops).state();
    let (length, id) = (ops.len(), |key: &SignKey| DeviceId::from_bytes(key.public()));
    ops.rotate_left(turned % length);
    assert_eq!(resolved(&ops).state(), state, "another order");
    ops.reverse();
    assert_eq!(resolved(&ops).state(), state, "the opposite order");
    if strangers {
        assert_eq!(state.root, Some(id(&CAST.root)));
        let devices: Vec<_> = state.devices.keys().copied().collect();
        let mut own = vec![id(&CAST.laptop), id(&CAST.phone)];
        own.sort_unstable();
        assert_eq!(devices, own, "strangers came in or threw somebody out");
        assert!(!state.ever.contains(&id(&CAST.mallory)) && !state.ever.contains(&id(&CAST.rook)));
    }
}

/// As the node checks what somebody tells about himself; answers whose account it is.
fn check_contact(contact: &Contact, signer: &DeviceId) -> Option<AccountId> {
    let typed: Vec<_> = contact
        .account_log
        .iter()
        .map(|op| AccountOp::from_op(&open_account_op(op).ok()?.op))
        .collect::<Option<_>>()?;
    let mut log = AccountLog::new(typed.first()?.account);
    for op in typed {
        log.insert(op).ok()?;
    }
    let state = log.state();
    state.root?;
    if !state.is_active(signer) {
        return None;
    }
    for signed in &contact.bundles {
        let bundle = open_signed::<DeviceBundle>(signed).ok()?;
        if !state.is_active(&DeviceId::from_bytes(bundle.signer)) {
            return None;
        }
    }
    if let Some(addr) = &contact.addr
        && !state.is_active(&DeviceId::from_bytes(open_signed::<AddressRecord>(addr).ok()?.signer))
    {
        return None;
    }
    text::check_name(&contact.card.as_ref()?.name).ok()?;
    Some(log.account())
}

/// A body as it stands in the bytes, signed by a key; what is signed is never encoded again.
fn signed_as<T: SignedBody>(bytes: &[u8], key: &SignKey) -> Signed {
    sign(T::TYPE, bytes.to_vec(), key)
}

fn bundle() -> DeviceBundle {
    DeviceBundle {
        account: CAST.account.to_vec(),
        device: CAST.laptop.public().to_vec(),
        add_op: CAST.account.to_vec(),
        olm_identity: vec![1; 32],
        fallback: vec![2; 32],
        envelope_pk: ENVELOPE.public().to_vec(),
        envelope_not_after: 9,
        inboxes: Vec::new(),
        version: 1,
    }
}

fn address() -> AddressRecord {
    AddressRecord {
        device: CAST.laptop.public().to_vec(),
        peer_id: vec![0; 38],
        addrs: vec![vec![4, 127, 0, 0, 1, 6, 15, 161]],
        relays: vec!["/ip4/127.0.0.1/tcp/4510".to_owned()],
        version: 1,
    }
}

fn contact() -> Contact {
    Contact {
        account_log: CAST.log.clone(),
        bundles: vec![sign_body(&bundle(), &CAST.laptop)],
        addr: Some(sign_body(&address(), &CAST.laptop)),
        card: Some(Card { name: "Alice".to_owned(), ..Card::default() }),
        tokens: Vec::new(),
    }
}

fn request(contact: Contact) -> ContactRequest {
    ContactRequest {
        invite_id: vec![1; 16],
        c: Some(contact),
        greeting: "hello".to_owned(),
        at: 1,
        to_account: vec![7; 32],
    }
}

fn record() -> InviteRecord {
    let Contact { account_log, bundles, addr, card, tokens } = contact();
    InviteRecord { account_log, bundles, card, addr, tokens, once: true, expires: 9 }
}

/// Which part of the message the bytes are; everything around it is well made and signed.
#[derive(Clone, Copy)]
enum Part {
    Bundle,
    Address,
    Header,
    Contact,
    Body,
    Inner,
}

const PARTS: [Part; 6] = [Part::Bundle, Part::Address, Part::Header, Part::Contact, Part::Body, Part::Inner];

fn part(bytes: &[u8]) -> Option<(Part, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    Some((PARTS[usize::from(*first) % PARTS.len()], rest))
}

fn samples(body: &[u8], inner: &[u8]) -> Vec<Vec<u8>> {
    let parts = [
        bundle().encode_to_vec(),
        address().encode_to_vec(),
        CAST.log[1].header.clone(),
        contact().encode_to_vec(),
        body.to_vec(),
        inner.to_vec(),
    ];
    parts.iter().zip(0_u8..).map(|(bytes, part)| [&[part], bytes.as_slice()].concat()).collect()
}

/// The contact with one part of it replaced; none for parts outside of it, and for what is no contact.
fn contact_with(part: Part, bytes: &[u8]) -> Option<Contact> {
    let mut contact = contact();
    match part {
        Part::Bundle => contact.bundles = vec![signed_as::<DeviceBundle>(bytes, &CAST.laptop)],
        Part::Address => contact.addr = Some(signed_as::<AddressRecord>(bytes, &CAST.laptop)),
        Part::Header => {
            let id = super::madang_crypto::op_id(bytes);
            let op = SignedOp {
                header: bytes.to_vec(),
                sig: CAST.laptop.sign(&id).to_vec(),
                ..CAST.log[1].clone()
            };
            contact.account_log[1] = op;
        }
        Part::Contact => contact = madang_wire::decode(bytes).ok()?,
        Part::Body | Part::Inner => return None,
    }
    Some(contact)
}

/// Samples for [`contact_requests`].
pub(super) fn requests() -> Vec<Vec<u8>> {
    let body = request(contact());
    let inner = EnvelopeInner { body: Some(EnvelopeBody::ContactRequest(sign_body(&body, &CAST.laptop))) };
    samples(&body.encode_to_vec(), &inner.encode_to_vec())
}

/// An envelope from anybody, up to the account that asks.
pub(super) fn contact_requests(bytes: &[u8]) {
    let Some((part, bytes)) = part(bytes) else { return };
    let inner = match part {
        Part::Inner => match madang_wire::decode::<EnvelopeInner>(bytes) {
            Ok(inner) => inner,
            Err(_) => return,
        },
        Part::Body => request_inner(signed_as::<ContactRequest>(bytes, &CAST.laptop)),
        part => match contact_with(part, bytes) {
            Some(contact) => request_inner(sign_body(&request(contact), &CAST.laptop)),
            None => return,
        },
    };
    let Ok(envelope) = seal_envelope(ENVELOPE.public(), &inner, &mut os_rng()) else { return };
    let opened = open_envelope(&ENVELOPE, &envelope).unwrap();
    let Some(EnvelopeBody::ContactRequest(signed)) = opened.body else { return };
    let Ok(request) = open_signed::<ContactRequest>(&signed) else { return };
    let signer = DeviceId::from_bytes(request.signer);
    if let Some(contact) = &request.body.value().c
        && let Some(account) = check_contact(contact, &signer)
    {
        assert_eq!(account.to_bytes(), CAST.account, "nobody else has signed an account");
    }
}

fn request_inner(signed: Signed) -> EnvelopeInner {
    EnvelopeInner { body: Some(EnvelopeBody::ContactRequest(signed)) }
}

/// Samples for [`invite_records`].
pub(super) fn records() -> Vec<Vec<u8>> {
    let body = record().encode_to_vec();
    samples(&body, &body)
}

/// What somebody with a link finds in its slot, after it was opened.
pub(super) fn invite_records(bytes: &[u8]) {
    let Some((part, bytes)) = part(bytes) else { return };
    let signed = match part {
        Part::Body | Part::Inner => signed_as::<InviteRecord>(bytes, &CAST.laptop),
        part => {
            let Some(contact) = contact_with(part, bytes) else { return };
            let Contact { account_log, bundles, addr, card, tokens } = contact;
            sign_body(&InviteRecord { account_log, bundles, card, addr, tokens, ..record() }, &CAST.laptop)
        }
    };
    assert_eq!(signed.r#type, SignedType::InviteRecord.number());
    let Ok(opened) = open_signed::<InviteRecord>(&signed) else { return };
    let record: &Kept<InviteRecord> = &opened.body;
    let InviteRecord { account_log, bundles, card, addr, tokens, .. } = record.value().clone();
    let contact = Contact { account_log, bundles, addr, card, tokens };
    if let Some(account) = check_contact(&contact, &DeviceId::from_bytes(opened.signer)) {
        assert_eq!(account.to_bytes(), CAST.account, "nobody else has signed an account");
    }
}

/// The ends of a lane: whoever writes, and this machine.
struct Ends {
    writer: LaneAccount,
    from: LaneEnd,
    to: LaneEnd,
}

fn ends(reader: &LaneAccount) -> Ends {
    let writer = LaneAccount::generate();
    let end = |name: u8, account: &LaneAccount| LaneEnd {
        account: [name; 32],
        device: [name + 100; 32],
        olm: account.identity(),
    };
    Ends { from: end(1, &writer), to: end(2, reader), writer }
}

fn first_packet(reader: &LaneAccount) -> (LanePacket, Ends) {
    let ends = ends(reader);
    let fallback = reader.fallback().unwrap();
    let mut session = LaneSession::outbound(&ends.writer, &ends.to, &fallback).unwrap();
    let place = LanePlace { generation: 1, td_seq: 1 };
    (session.encrypt(&ends.from, &ends.to, place, LaneContent::default()).unwrap(), ends)
}

/// Samples for [`lane_packets`].
pub(super) fn packets() -> Vec<Vec<u8>> {
    (0..8).map(|_| first_packet(&LaneAccount::generate()).0.encode_to_vec()).collect()
}

/// The first packet of a lane, before there is a session.
pub(super) fn lane_packets(bytes: &[u8]) {
    let Ok(packet) = madang_wire::decode::<LanePacket>(bytes) else { return };
    let mut reader = LaneAccount::generate();
    let (good, ends) = first_packet(&reader);
    assert!(LaneSession::inbound(&mut reader, &ends.to, &ends.from, &packet).is_err());
    // With the names of a good one, so that what is encrypted is looked at.
    let packet = LanePacket { olm: packet.olm, ..good.clone() };
    assert!(LaneSession::inbound(&mut reader, &ends.to, &ends.from, &packet).is_err());
    assert!(
        LaneSession::inbound(&mut reader, &ends.to, &ends.from, &good).is_ok(),
        "nothing was broken by it"
    );
}
