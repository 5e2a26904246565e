//! Invite links and the links that join a machine.

use crate::*;

/// `/ip4/192.0.2.7/tcp/4001`, binary.
const LAN: [u8; 8] = [4, 192, 0, 2, 7, 6, 0x0f, 0xa1];

fn invite() -> InviteLink {
    InviteLink {
        slot_id: vec![1; 16],
        account16: vec![2; 16],
        secret: vec![3; 16],
        expiry_h: 500_000,
        relays: vec![[LAN.as_slice(), &[4; 38]].concat()],
        peer: vec![5; 38],
        addrs: vec![LAN.to_vec(), LAN.to_vec()],
    }
}

fn device() -> device_link::DeviceLink {
    device_link::DeviceLink {
        hpke_pk: [1; 32],
        xwing_hash: [2; 32],
        token: [3; 16],
        expiry_s: 1_800_000_000,
        addrs: vec![LAN.to_vec(), vec![9; 46]],
    }
}

#[test]
fn links_come_back_whatever_white_space_a_mail_program_adds() {
    let text = invite_link::format(&invite()).unwrap();
    assert!(text.len() <= 400 && text.starts_with("madang://invite/1/"));
    assert_eq!(invite_link::parse(&text), Ok(invite()));
    let (head, tail) = text.split_at(76);
    assert_eq!(invite_link::parse(&format!(" \n{head}\r\n{tail}\t")), Ok(invite()));
    let text = device_link::format(&device()).unwrap();
    assert_eq!(device_link::parse(&format!("\n{text} ")), Ok(device()));
}

#[test]
fn every_damaged_character_is_noticed() {
    for text in [invite_link::format(&invite()).unwrap(), device_link::format(&device()).unwrap()] {
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let damaged = String::from_utf8(bytes).unwrap();
            assert!(invite_link::parse(&damaged).is_err() && device_link::parse(&damaged).is_err(), "{at}");
        }
        for end in 0..text.len() {
            assert!(invite_link::parse(&text[..end]).is_err() && device_link::parse(&text[..end]).is_err());
        }
    }
}

#[test]
fn the_reason_is_named() {
    let text = invite_link::format(&invite()).unwrap();
    let parse = |text: &str| invite_link::parse(text).unwrap_err();
    assert_eq!(parse("https://example.org"), BadLink::NotALink);
    assert_eq!(parse(""), BadLink::NotALink);
    assert_eq!(parse(&device_link::format(&device()).unwrap()), BadLink::Kind);
    assert_eq!(parse(&text.replace("/1/", "/2/")), BadLink::Version);
    assert_eq!(parse(&text.replacen("invite/1/", "invite/1/!", 1)), BadLink::Characters);
    assert_eq!(parse(&text[..text.len() - 4]), BadLink::Checksum);
    assert!(matches!(parse(&format!("{text}{}", "A".repeat(400))), BadLink::TooLong { .. }));
    assert!(matches!(parse(&"가".repeat(5_000)), BadLink::TooLong { chars: 5_000 }));
}

#[test]
fn fields_have_their_lengths() {
    let wrong = |change: fn(&mut InviteLink)| {
        let mut link = invite();
        change(&mut link);
        // The reader judges by itself, not by what our writer would refuse.
        let text = link_text::to_text("invite", &link.encode_to_vec()).unwrap();
        assert_eq!(invite_link::parse(&text).err(), invite_link::format(&link).err());
        invite_link::parse(&text)
    };
    assert_eq!(wrong(|l| l.secret = vec![1; 15]), Err(BadLink::Field("secret")));
    assert_eq!(wrong(|l| l.account16 = vec![1; 32]), Err(BadLink::Field("account16")));
    assert_eq!(wrong(|l| l.slot_id = vec![1; 8]), Err(BadLink::Field("slot_id")));
    assert_eq!(wrong(|l| l.expiry_h = 0), Err(BadLink::Field("expiry_h")));
    assert_eq!(wrong(|l| l.relays.clear()), Err(BadLink::Field("relays")));
    assert!(wrong(|_| {}).is_ok());
    let mut lan_only = invite();
    (lan_only.slot_id, lan_only.relays) = (vec![], vec![]);
    assert_eq!(invite_link::parse(&invite_link::format(&lan_only).unwrap()), Ok(lan_only.clone()));
    (lan_only.peer, lan_only.addrs) = (vec![], vec![]);
    assert_eq!(invite_link::format(&lan_only), Err(BadLink::Field("addrs")));
    let mut long = invite();
    long.addrs = vec![vec![4; 100]; 4];
    assert!(matches!(invite_link::format(&long), Err(BadLink::TooLong { .. })));
    let mut many = device();
    many.addrs = vec![LAN.to_vec(); 7];
    assert_eq!(device_link::format(&many), Err(BadLink::Field("addrs")));
}

#[test]
fn the_committed_link_vectors_are_current() {
    super::vectors::compare(
        "links.json",
        &serde_json::json!({
            "invite": {
                "slot_id": "01 x 16", "account16": "02 x 16", "secret": "03 x 16", "expiry_h": 500_000,
                "relays": "04c0000207060fa1 | 04 x 38", "peer": "05 x 38", "addrs": "2 x 04c0000207060fa1",
                "link": invite_link::format(&invite()).unwrap(),
            },
            "device": {
                "hpke_pk": "01 x 32", "xwing_hash": "02 x 32", "token": "03 x 16", "expiry_s": 1_800_000_000,
                "addrs": "04c0000207060fa1, 09 x 46",
                "link": device_link::format(&device()).unwrap(),
            },
        }),
    );
}
