//! Requests, answers and removals between two people, and what neither a stranger nor the clock can do.

use madang_crypto::{os_rng, seal_envelope, sign_body};
use madang_model::{DeviceId, InviteId};
use madang_store::{
    friends, invites, meta,
    requests::{self, RequestState},
    tokens,
};
use madang_wire::{
    AddDevice, ContactAccept, ContactBody, ContactErr, ContactRequest, Envelope, EnvelopeBody, EnvelopeInner,
    Message as _, OpHeader, SignedOp, invite_link,
};

use super::pair::Pair;
use crate::{
    command::{Command, FriendChange, Reply},
    error::Error,
    event::Event,
    lane_in::Delivered,
    own_contact::Extent,
    view::{FriendState, Invite},
};

const ALICE: usize = 0;
const BOB: usize = 1;
const HOUR: u64 = 60 * 60 * 1000;

/// Gives a command; answers what is answered at once or within so many ms.
fn ask<T: Send + 'static>(
    pair: &mut Pair,
    who: usize,
    ms: u64,
    command: impl FnOnce(Reply<T>) -> Command,
) -> Result<T, Error> {
    let (reply, mut answer) = Reply::pair();
    pair.command(who, command(reply));
    pair.run_for(ms);
    answer.try_recv().expect("an answer")
}

fn invite(pair: &mut Pair, once: bool) -> (String, Invite) {
    ask(pair, ALICE, 0, |reply| Command::CreateInvite { once, hours: 1, reply }).unwrap()
}

fn add(pair: &mut Pair, link: &str) -> Result<FriendState, Error> {
    let (link, greeting) = (link.to_owned(), "hi".to_owned());
    ask(pair, BOB, 3_000, |reply| Command::AddFriend { link, greeting, reply }).map(|(_, state)| state)
}

/// A request of Bob that Alice has not seen, made as his node makes it.
fn request(pair: &mut Pair, invite: InviteId) -> Envelope {
    let (alice, key) = {
        let core = &pair.people[ALICE].core;
        let bundle = core.directory.get(&core.me.device).unwrap().bundle.clone().unwrap();
        (core.me.account, bundle.envelope_pk)
    };
    let mut made = None;
    pair.in_turn(BOB, |core, turn| {
        let request = ContactRequest {
            invite_id: invite.as_bytes().to_vec(),
            c: Some(core.own_contact(turn, Extent::Request, Some(alice)).unwrap()),
            greeting: "me again".to_owned(),
            at: turn.now.wall,
            to_account: alice.as_bytes().to_vec(),
        };
        let signed = sign_body(&request, &core.me.key);
        let inner = EnvelopeInner { body: Some(EnvelopeBody::ContactRequest(signed)) };
        made = Some(seal_envelope(&key, &inner, &mut os_rng()).unwrap());
    });
    made.unwrap()
}

/// Hands an envelope to Alice as a stranger does.
fn knock(pair: &mut Pair, envelope: &Envelope) -> Delivered {
    let peer = pair.people[BOB].peer;
    let mut outcome = None;
    pair.in_turn(ALICE, |core, turn| {
        outcome = Some(core.contact_put_came(turn, envelope, peer).unwrap());
    });
    outcome.unwrap()
}

fn is_friend(pair: &Pair, who: usize) -> bool {
    pair.people[who].core.is_friend(&pair.account(1 - who))
}

#[test]
fn a_removed_friend_is_not_taken_back_by_his_old_request() {
    let mut pair = Pair::strangers(true);
    let (link, invite) = invite(&mut pair, true);
    assert_eq!(add(&mut pair, &link), Ok(FriendState::Friend));
    let bob = pair.account(BOB);
    ask(&mut pair, ALICE, 0, |reply| Command::RemoveFriend { account: bob, reply }).unwrap();
    assert!(requests::incoming_of(pair.db(ALICE), &bob).unwrap().is_empty());
    let again = request(&mut pair, invite.invite);
    assert_eq!(knock(&mut pair, &again), Delivered::Refused("invite_used"));
    assert!(!is_friend(&pair, ALICE));
}

#[test]
fn a_removed_friend_comes_back_with_a_new_invite() {
    let mut pair = Pair::friends(true);
    pair.run_for(60_000);
    let (alice, bob) = (pair.account(ALICE), pair.account(BOB));
    pair.cut();
    // What waited for him is of no more use, and must not stand before the answer.
    let device = pair.people[BOB].core.me.device;
    pair.in_turn(ALICE, |core, turn| core.give_current_keys(turn, device).unwrap());
    ask(&mut pair, ALICE, 0, |reply| Command::RemoveFriend { account: bob, reply }).unwrap();
    ask(&mut pair, BOB, 0, |reply| Command::RemoveFriend { account: alice, reply }).unwrap();
    pair.connect();
    let (link, _) = invite(&mut pair, true);
    assert_eq!(add(&mut pair, &link), Ok(FriendState::Friend));
    assert!(is_friend(&pair, ALICE) && is_friend(&pair, BOB));
    pair.say(ALICE, "welcome back");
    pair.run_for(5_000);
    assert_eq!(pair.texts(BOB).last().map(String::as_str), Some("welcome back"));
}

#[test]
fn whoever_was_removed_without_knowing_it_comes_back_with_a_new_invite() {
    let mut pair = Pair::friends(true);
    pair.run_for(60_000);
    let bob = pair.account(BOB);
    pair.cut();
    ask(&mut pair, ALICE, 0, |reply| Command::RemoveFriend { account: bob, reply }).unwrap();
    pair.say(BOB, "are you there?");
    pair.run_for(60_000);
    let (link, _) = invite(&mut pair, true);
    pair.connect();
    assert_eq!(add(&mut pair, &link), Ok(FriendState::Friend));
    pair.run_for(60_000);
    assert!(is_friend(&pair, ALICE) && is_friend(&pair, BOB));
    pair.say(ALICE, "welcome back");
    pair.say(BOB, "thanks");
    pair.run_for(60_000);
    let said = ["are you there?", "thanks", "welcome back"];
    for who in [ALICE, BOB] {
        let mut texts = pair.texts(who);
        texts.sort();
        assert_eq!(texts, said);
    }
}

#[test]
fn a_friend_stays_one_whatever_becomes_of_a_second_request() {
    let mut pair = Pair::friends(true);
    pair.run_for(60_000);
    let alice = pair.account(ALICE);
    let (link, invite) = invite(&mut pair, true);
    // She still has him: the invite is not used up, and nobody is asked.
    assert_eq!(add(&mut pair, &link), Ok(FriendState::Friend));
    pair.run_for(60_000);
    assert_eq!(invites::get(pair.db(ALICE), &invite.invite).unwrap().unwrap().used, 0);
    let open = requests::outgoing(pair.db(BOB), &alice).unwrap().unwrap();
    assert_eq!(open.state, RequestState::Accepted, "it does not go out for ever");
    // And when the answer is a refusal: he is told, and keeps her.
    pair.in_turn(BOB, |core, turn| {
        requests::send(turn.db, &requests::Outgoing { state: RequestState::Open, ..open }).unwrap();
        let refusal = ContactErr { code: "invite_revoked".to_owned() };
        core.request_answered(turn, alice, Ok(ContactBody::Err(refusal))).unwrap();
    });
    assert!(is_friend(&pair, BOB));
    let stored = friends::get(pair.db(BOB), &alice).unwrap().unwrap();
    assert_eq!(stored.state, friends::FriendState::Friend);
}

#[test]
fn an_answered_request_is_over() {
    let mut pair = Pair::strangers(true);
    let (link, invite) = invite(&mut pair, false);
    assert_eq!(add(&mut pair, &link), Ok(FriendState::Requested));
    let id = InviteId::from_bytes(requests::incoming_open(pair.db(ALICE)).unwrap()[0].id);
    ask(&mut pair, ALICE, 0, |reply| Command::DeclineRequest { request: id, reply }).unwrap();
    let again = request(&mut pair, invite.invite);
    let told = pair.people[ALICE].events.len();
    assert_eq!(knock(&mut pair, &again), Delivered::Done, "he is not told");
    assert!(!pair.people[ALICE].events[told..].iter().any(|event| matches!(event, Event::Request(_))));
    for answer in [
        ask(&mut pair, ALICE, 0, |reply| Command::AcceptRequest { request: id, reply }).map(drop),
        ask(&mut pair, ALICE, 0, |reply| Command::DeclineRequest { request: id, reply }).map(drop),
    ] {
        assert_eq!(answer, Err(Error::NotFound("request")));
    }

    let mut pair = Pair::friends(true);
    let kept = requests::incoming_of(pair.db(ALICE), &pair.account(BOB)).unwrap();
    let id = InviteId::from_bytes(kept[0].id);
    let declined = ask(&mut pair, ALICE, 0, |reply| Command::DeclineRequest { request: id, reply });
    assert_eq!(declined, Err(Error::NotFound("request")), "an accepted one cannot be declined");
}

#[test]
fn requests_that_wait_are_bounded() {
    let mut pair = Pair::strangers(true);
    let (link, invite) = invite(&mut pair, false);
    pair.in_turn(ALICE, |_, turn| {
        for n in 0..100_u8 {
            let kept = requests::Incoming {
                id: [n; 16],
                account: madang_model::AccountId::from_bytes([n; 32]),
                device: DeviceId::from_bytes([n; 32]),
                name: "somebody".to_owned(),
                greeting: String::new(),
                at: 1,
                contact: Vec::new(),
                invite: invite.invite,
                state: RequestState::Open,
            };
            requests::receive(turn.db, &kept).unwrap();
        }
    });
    let knocked = request(&mut pair, invite.invite);
    assert_eq!(knock(&mut pair, &knocked), Delivered::Refused("busy"));
    assert_eq!(add(&mut pair, &link), Ok(FriendState::Requested), "he goes on trying");
    pair.in_turn(ALICE, |_, turn| requests::answer(turn.db, &[7; 16], RequestState::Refused).unwrap());
    pair.run_for(2 * 60_000);
    assert_eq!(
        requests::count_open(pair.db(ALICE)).unwrap(),
        100,
        "and has found the place that became free"
    );
}

#[test]
fn a_request_goes_out_again_as_the_same_bytes() {
    let mut pair = Pair::strangers(true);
    let (link, _) = invite(&mut pair, false);
    assert_eq!(add(&mut pair, &link), Ok(FriendState::Requested));
    let kept = |pair: &Pair| meta::get(pair.db(BOB), &format!("request.{}", pair.account(ALICE))).unwrap();
    let first = kept(&pair);
    assert!(first.is_some());
    let calls = pair.people[BOB].core.next_call;
    pair.run_for(HOUR / 2);
    assert_eq!(kept(&pair), first);
    let sent = pair.people[BOB].core.next_call - calls;
    assert!((10..=20).contains(&sent), "{sent} copies: less and less often");
    assert_eq!(pair.people[ALICE].events.iter().filter(|e| matches!(e, Event::Request(_))).count(), 1);
    let id = InviteId::from_bytes(requests::incoming_open(pair.db(ALICE)).unwrap()[0].id);
    ask(&mut pair, ALICE, 5_000, |reply| Command::AcceptRequest { request: id, reply }).unwrap();
    assert!(is_friend(&pair, BOB));
    assert_eq!(kept(&pair), None, "nothing is left of it");
}

#[test]
fn adding_the_same_person_twice_answers_both() {
    let mut pair = Pair::strangers(true);
    let (link, _) = invite(&mut pair, false);
    let mut answers = Vec::new();
    for _ in 0..2 {
        let (reply, answer) = Reply::pair();
        let greeting = String::new();
        pair.command(BOB, Command::AddFriend { link: link.clone(), greeting, reply });
        answers.push(answer);
    }
    pair.run_for(3_000);
    for mut answer in answers {
        assert_eq!(answer.try_recv().unwrap().unwrap().1, FriendState::Requested);
    }
}

#[test]
fn an_invite_lives_exactly_as_long_as_it_was_made_for() {
    let mut pair = Pair::strangers(true);
    pair.run_for(HOUR / 2);
    let (link, _) = invite(&mut pair, false);
    pair.run_for(HOUR - 1_000);
    let shown = |pair: &mut Pair| {
        let link = link.clone();
        ask(pair, BOB, 100, |reply| Command::ShowInvite { link, reply }).map(|info| info.name)
    };
    assert_eq!(shown(&mut pair).as_deref(), Ok("Alice"));
    pair.run_for(1_000);
    assert_eq!(shown(&mut pair), Err(Error::InviteExpired));
}

#[test]
fn the_inviter_judges_whether_an_invite_has_expired() {
    let mut pair = Pair::strangers(true);
    let (link, invite) = invite(&mut pair, true);
    // In the link the hour is over, as it is for somebody whose clock is wrong.
    let mut wrong = invite_link::parse(&link).unwrap();
    wrong.expiry_h = 1;
    let wrong = invite_link::format(&wrong).unwrap();
    assert_eq!(add(&mut pair, &wrong), Ok(FriendState::Friend));
    assert_eq!(invites::get(pair.db(ALICE), &invite.invite).unwrap().unwrap().used, 1);
}

#[test]
fn a_used_or_withdrawn_invite_opens_no_inbox() {
    let mut pair = Pair::strangers(true);
    let revoked = |pair: &Pair, invite: &Invite| {
        let slot = invites::get(pair.db(ALICE), &invite.invite).unwrap().unwrap().token_slot;
        tokens::slots(pair.db(ALICE)).unwrap().into_iter().find(|kept| kept.slot == slot).unwrap().revoked
    };
    let (_, first) = invite(&mut pair, false);
    assert_eq!(revoked(&pair, &first), tokens::Revoked::No);
    ask(&mut pair, ALICE, 0, |reply| Command::RevokeInvite { invite: first.invite, reply }).unwrap();
    assert_eq!(revoked(&pair, &first), tokens::Revoked::Yes);
    let (link, second) = invite(&mut pair, true);
    assert_eq!(add(&mut pair, &link), Ok(FriendState::Friend));
    assert_eq!(revoked(&pair, &second), tokens::Revoked::Yes);
}

#[test]
fn whoever_used_an_invite_and_uses_it_again_is_a_friend_already() {
    let mut pair = Pair::strangers(true);
    let (link, used) = invite(&mut pair, true);
    assert_eq!(add(&mut pair, &link), Ok(FriendState::Friend));
    pair.run_for(60_000);
    assert_eq!(add(&mut pair, &link), Ok(FriendState::Friend));
    assert_eq!(invites::get(pair.db(ALICE), &used.invite).unwrap().unwrap().used, 1);
    // One that was withdrawn and one that has expired are over as well.
    let (link, withdrawn) = invite(&mut pair, false);
    ask(&mut pair, ALICE, 0, |reply| Command::RevokeInvite { invite: withdrawn.invite, reply }).unwrap();
    assert_eq!(add(&mut pair, &link), Ok(FriendState::Friend));
    // Whoever only looks is told what has become of the link.
    let shown = ask(&mut pair, BOB, 3_000, |reply| Command::ShowInvite { link: link.clone(), reply });
    assert_eq!(shown.map(drop), Err(Error::InviteRevoked));
    // And without the friend the link is over for him too.
    let alice = pair.account(ALICE);
    ask(&mut pair, BOB, 0, |reply| Command::RemoveFriend { account: alice, reply }).unwrap();
    assert_eq!(add(&mut pair, &link), Err(Error::InviteRevoked));
}

#[test]
fn a_friend_whose_name_nobody_can_see_is_kept_and_shown_by_something() {
    let mut pair = Pair::friends(true);
    pair.run_for(60_000);
    let alice = pair.account(ALICE);
    let short = alice.to_string()[..8].to_owned();
    for (told, shown) in [("Al\u{202e}ice\u{200b}", "Alice"), ("\u{3164}", short.as_str())] {
        pair.in_turn(ALICE, |core, turn| {
            core.me.card.name = told.to_owned();
            core.update_contacts(turn).unwrap();
        });
        pair.run_for(60_000);
        assert_eq!(friends::get(pair.db(BOB), &alice).unwrap().unwrap().name, shown);
        assert!(is_friend(&pair, BOB));
    }
}

#[test]
fn an_own_name_for_a_friend_can_be_seen_and_has_its_own_limit() {
    let mut pair = Pair::friends(true);
    let account = pair.account(BOB);
    let mut call = |alias: &str| {
        let change = FriendChange { alias: Some(alias.to_owned()), ..FriendChange::default() };
        ask(&mut pair, ALICE, 0, |reply| Command::SetFriend { account, change, reply })
            .map(|friend| friend.alias)
    };
    let long = call(&"x".repeat(41)).unwrap_err();
    assert!(long.to_string().contains("40 characters"), "{long}");
    for alias in ["a\u{202e}b", "a\nb", "\u{200b}"] {
        assert!(matches!(call(alias), Err(Error::Alias(_))), "{alias:?}");
    }
    assert_eq!(call(" Bobby ").unwrap().as_deref(), Some("Bobby"));
    assert_eq!(call("").unwrap(), None);
}

#[test]
fn friends_are_made_although_the_clock_is_far_ahead() {
    let mut pair = Pair::strangers(true);
    for who in [ALICE, BOB] {
        pair.in_turn(who, |core, turn| {
            for _ in 0..3 {
                let theirs = turn.now.wall - 72 * HOUR;
                let peer = madang_p2p::PeerId::random();
                core.clock_sample(turn, crate::time::Reference::Relay(peer), theirs);
            }
        });
    }
    pair.befriend();
}

#[test]
fn an_answer_counts_only_for_an_open_request_and_an_update_only_from_a_friend() {
    let mut pair = Pair::friends(true);
    pair.run_for(60_000);
    let (alice, bob) = (pair.account(ALICE), pair.account(BOB));
    let device = pair.people[BOB].core.me.device;
    let mut contact = None;
    pair.in_turn(BOB, |core, turn| {
        contact = Some(core.own_contact(turn, Extent::Whole, Some(alice)).unwrap());
    });
    let mut contact = contact.unwrap();
    contact.card.as_mut().unwrap().name = "Robert".to_owned();
    let name = |pair: &Pair| friends::get(pair.db(ALICE), &bob).unwrap().unwrap().name;
    let invite = InviteId::from_bytes([5; 16]);
    let accept =
        ContactAccept { invite_id: invite.to_bytes().to_vec(), c: Some(contact.clone()), share: None };
    ask(&mut pair, ALICE, 0, |reply| Command::RemoveFriend { account: bob, reply }).unwrap();
    let mut asked = requests::Outgoing {
        account: bob,
        link: String::new(),
        invite,
        greeting: String::new(),
        at: 1,
        state: RequestState::Accepted,
        reason: String::new(),
        peer: Vec::new(),
        record: Vec::new(),
    };
    pair.in_turn(ALICE, |core, turn| {
        requests::send(turn.db, &asked).unwrap();
        core.contact_update(turn, device, Some(&contact)).unwrap();
        core.contact_accept(turn, device, &accept).unwrap();
    });
    assert_eq!((name(&pair).as_str(), is_friend(&pair, ALICE)), ("Bob", false));
    let blocked = FriendChange { blocked: Some(true), ..FriendChange::default() };
    ask(&mut pair, ALICE, 0, |reply| Command::SetFriend { account: bob, change: blocked, reply }).unwrap();
    asked.state = RequestState::Open;
    pair.in_turn(ALICE, |core, turn| {
        requests::send(turn.db, &asked).unwrap();
        core.contact_update(turn, device, Some(&contact)).unwrap();
        core.contact_accept(turn, device, &accept).unwrap();
    });
    assert_eq!((name(&pair).as_str(), is_friend(&pair, ALICE)), ("Bob", false), "blocked people stay out");
    let open = FriendChange { blocked: Some(false), ..FriendChange::default() };
    ask(&mut pair, ALICE, 0, |reply| Command::SetFriend { account: bob, change: open, reply }).unwrap();
    pair.in_turn(ALICE, |core, turn| core.contact_accept(turn, device, &accept).unwrap());
    assert_eq!((name(&pair).as_str(), is_friend(&pair, ALICE)), ("Robert", true));
}

#[test]
fn whoever_listens_nowhere_yet_is_known_by_his_request() {
    let mut pair = Pair::strangers(true);
    pair.db(BOB).execute_batch("UPDATE device SET addr = NULL, addr_version = 0, peer = NULL").unwrap();
    pair.restart(BOB);
    let (link, _) = invite(&mut pair, true);
    assert_eq!(add(&mut pair, &link), Ok(FriendState::Friend));
    let bob = pair.people[BOB].core.me.device;
    let known = pair.people[ALICE].core.directory.get(&bob).unwrap();
    assert_eq!((known.peer, known.addrs.len()), (Some(pair.people[BOB].peer), 0), "so his stream is taken");
}

#[test]
fn a_large_photo_and_a_long_account_log_do_not_stand_in_the_way_of_a_request() {
    let mut pair = Pair::strangers(true);
    for who in [ALICE, BOB] {
        pair.people[who].core.me.card.thumb = vec![7; 16 * 1024];
        pair.in_turn(who, |core, turn| {
            let log = many_machines(core, turn, 40);
            core.keep_account_log(turn, core.me.account, &log).unwrap();
        });
    }
    // The wire refuses frames that a stranger may not send.
    pair.befriend();
    pair.run_for(60_000);
    for who in [ALICE, BOB] {
        let account = pair.account(1 - who);
        let card = friends::get(pair.db(who), &account).unwrap().unwrap().card.unwrap();
        let card = madang_wire::Card::decode(card.as_slice()).unwrap();
        assert_eq!(card.thumb.len(), 16 * 1024, "the rest follows");
        assert_eq!(madang_store::accounts::list(pair.db(who), &account).unwrap().len(), 41);
    }
}

/// Ops that add machines to an account, one after the other.
fn many_machines(core: &crate::core::Core, turn: &crate::turn::Turn<'_>, count: u64) -> Vec<SignedOp> {
    let account = core.me.account;
    assert_eq!(core.account_log(turn.db, &account).unwrap().len(), 1, "only the genesis is there");
    let (mut log, mut prev) = (Vec::new(), Vec::new());
    for n in 0..count {
        let content =
            AddDevice { device: vec![u8::try_from(n + 1).unwrap(); 32], label: "machine".to_owned() };
        let payload = madang_crypto::payload(&content.encode_to_vec(), &mut os_rng()).unwrap();
        let header = OpHeader {
            v: 1,
            conv: account.as_bytes().to_vec(),
            author: core.me.device.as_bytes().to_vec(),
            seq: n + 1,
            deps: if prev.is_empty() { vec![core.me.add_op.as_bytes().to_vec()] } else { Vec::new() },
            prev: std::mem::take(&mut prev),
            hlc: (turn.now.wall + n + 1) << 16,
            kind: 97,
            ..OpHeader::default()
        };
        let signed = madang_crypto::sign_op(header, payload, &core.me.key).unwrap();
        prev = signed.id.to_vec();
        log.push(signed.op);
    }
    log
}
