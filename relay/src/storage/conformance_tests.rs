//! What every storage must do, run against a file and against memory.

use std::sync::Arc;

use super::*;

const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const NOW: u64 = 20_000 * DAY;

const ALICE: [u8; 32] = [1; 32];
const BOB: [u8; 32] = [2; 32];
const LOG: [u8; 32] = [3; 32];

/// No box has this id.
const NO_BOX: BoxId = BoxId([7; 16]);

macro_rules! conformance {
    ($($(#[doc = $doc:literal])* fn $name:ident($storage:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            fn check($storage: &mut dyn Storage) $body

            #[test]
            fn in_a_file() {
                let dir = tempfile::tempdir().unwrap();
                check(&mut SqliteStorage::open(&dir.path().join("relay.db"), 0).unwrap());
            }

            #[test]
            fn in_memory() {
                check(&mut SqliteStorage::in_memory().unwrap());
            }
        }
    )*};
}

fn inbox(storage: &mut dyn Storage, owner: [u8; 32]) -> BoxId {
    make_inbox(storage, owner, 9).id
}

fn make_inbox(storage: &mut dyn Storage, owner_pub: [u8; 32], k_token: u8) -> Created {
    match storage.create_inbox(&NewInbox { owner_pub, k_token: [k_token; 32] }, NOW).unwrap() {
        InboxCreated::Created(created) => created,
        other => panic!("{other:?}"),
    }
}

fn log_after(storage: &mut dyn Storage, log_pub: [u8; 32], prev: Option<BoxId>, now: u64) -> LogCreated {
    storage.create_log(&NewLog { log_pub, ttl_h: 336, prev }, now).unwrap()
}

fn log(storage: &mut dyn Storage) -> BoxId {
    match log_after(storage, LOG, None, NOW) {
        LogCreated::Created(created) => created.id,
        other => panic!("{other:?}"),
    }
}

fn to_inbox(inbox: BoxId, text: &str) -> InboxPut {
    InboxPut {
        inbox,
        token_slot: Some(1),
        expires: NOW + 30 * DAY,
        body: Arc::from(text.as_bytes()),
        max_items: 4,
        max_bytes: 100,
        max_knocks: 2,
    }
}

fn to_log(log: BoxId, writer: u8, body: Vec<u8>) -> LogPut {
    LogPut {
        log,
        slot: None,
        del_hash: None,
        writer: Writer { tag: [writer; 8], admitted: true },
        expires: NOW + 14 * DAY,
        body: Arc::from(body),
    }
}

const ROOMY: LogLimits = LogLimits { total: 1 << 30, share: 1 << 28, protected_ms: 48 * HOUR };

/// Eight items of 100 bytes in all, two of each writer.
const TIGHT: LogLimits = LogLimits { total: 800, share: 200, protected_ms: 48 * HOUR };

fn body(n: u64) -> Vec<u8> {
    let mut body = vec![0; 100];
    body[..8].copy_from_slice(&n.to_be_bytes());
    body
}

fn seq(outcome: PutOutcome) -> u64 {
    match outcome {
        PutOutcome::Stored { seq, .. } => seq,
        other => panic!("{other:?}"),
    }
}

fn seqs(storage: &mut dyn Storage, id: BoxId, after: u64) -> Vec<u64> {
    seqs_at(storage, id, after, NOW)
}

fn seqs_at(storage: &mut dyn Storage, id: BoxId, after: u64, now: u64) -> Vec<u64> {
    let page = storage.page(id, after, 1_000, 1 << 30, now).unwrap().unwrap();
    page.items.iter().map(|item| item.seq).collect()
}

conformance! {
    /// Epoch and box id come back with the same key; another key or a deleted database gives another epoch.
    fn a_box_is_found_again_by_its_key(storage) {
        let first = make_inbox(storage, ALICE, 9);
        let again = make_inbox(storage, ALICE, 8);
        let bob = make_inbox(storage, BOB, 9);
        assert!(first.new && !again.new);
        assert_eq!((first.id, first.epoch), (again.id, again.epoch));
        assert_eq!(first.id, BoxId::of(&ALICE));
        assert!(bob.id != first.id && bob.epoch != first.epoch);
        assert_eq!(storage.mailbox(first.id).unwrap().unwrap().k_token, Some([8; 32]), "the token key is taken over");
        assert!(storage.mailbox(BoxId([7; 16])).unwrap().is_none());
    }

    fn sequences_rise_per_box_and_pages_follow_them(storage) {
        let (alice, bob) = (inbox(storage, ALICE), inbox(storage, BOB));
        for (n, text) in ["a", "b", "c"].into_iter().enumerate() {
            assert_eq!(seq(storage.put_inbox(&to_inbox(alice, text), NOW).unwrap()), n as u64 + 1);
        }
        assert_eq!(seq(storage.put_inbox(&to_inbox(bob, "a"), NOW).unwrap()), 1);
        let page = storage.page(alice, 1, 1, 1_000, NOW).unwrap().unwrap();
        assert_eq!((page.head, page.more, page.truncated_before), (3, true, 0));
        assert_eq!(page.items.len(), 1);
        assert_eq!((page.items[0].seq, &page.items[0].body[..]), (2, &b"b"[..]));
        assert_eq!(page.items[0].dedupe, short_hash(b"b"));
        assert!(storage.page(BoxId([7; 16]), 0, 1, 1, NOW).unwrap().is_none());
        let sizes = storage.page(alice, 0, 10, 2, NOW).unwrap().unwrap();
        assert_eq!((sizes.items.len(), sizes.more), (2, true));
        let at_least_one = storage.page(alice, 0, 10, 0, NOW).unwrap().unwrap();
        assert_eq!((at_least_one.items.len(), at_least_one.more), (1, true));
        let none = storage.page(alice, 0, 0, 100, NOW).unwrap().unwrap();
        assert_eq!((none.items.len(), none.more, none.head), (0, true, 3));
    }

    fn the_same_body_is_stored_once_per_box_within_its_life(storage) {
        let alice = inbox(storage, ALICE);
        let put = to_inbox(alice, "hello");
        let first = seq(storage.put_inbox(&put, NOW).unwrap());
        assert!(matches!(storage.put_inbox(&put, NOW).unwrap(), PutOutcome::Duplicate { seq, .. } if seq == first));
        let later = put.expires + 1;
        let again = InboxPut { expires: later + DAY, ..put };
        assert_eq!(seq(storage.put_inbox(&again, later).unwrap()), 2, "a refused put uses up no sequence");
        assert_eq!(seqs(storage, alice, 0), [2]);
        let log = log(storage);
        let put = to_log(log, 1, body(1));
        let first = seq(storage.put_log(&put, &ROOMY, NOW).unwrap());
        assert!(matches!(storage.put_log(&put, &ROOMY, NOW).unwrap(), PutOutcome::Duplicate { seq, .. } if seq == first));
        let again = LogPut { expires: put.expires + DAY, ..put.clone() };
        assert_eq!(seq(storage.put_log(&again, &ROOMY, put.expires).unwrap()), 2);
        assert_eq!(seqs(storage, log, 0), [2]);
    }

    fn a_full_inbox_refuses_and_evicts_nothing(storage) {
        let alice = inbox(storage, ALICE);
        for text in ["1", "2", "3", "4"] {
            seq(storage.put_inbox(&to_inbox(alice, text), NOW).unwrap());
        }
        assert_eq!(storage.put_inbox(&to_inbox(alice, "5"), NOW).unwrap(), PutOutcome::Quota);
        assert_eq!(storage.ack(alice, &[2, 99]).unwrap(), 1);
        assert_eq!(seqs(storage, alice, 0), [1, 3, 4]);
        assert_eq!(storage.put_inbox(&to_inbox(alice, &"x".repeat(98)), NOW).unwrap(), PutOutcome::Quota);
        assert_eq!(seq(storage.put_inbox(&to_inbox(alice, &"x".repeat(97)), NOW).unwrap()), 5);
        assert_eq!(storage.page(alice, 0, 9, 999, NOW).unwrap().unwrap().truncated_before, 0, "an ack is no loss");
        assert_eq!(storage.put_inbox(&to_inbox(BoxId([7; 16]), "5"), NOW).unwrap(), PutOutcome::NotFound);
    }

    fn knocks_are_few_and_leave_room_for_tokens(storage) {
        let alice = inbox(storage, ALICE);
        let knock = |text: &str| InboxPut { token_slot: None, ..to_inbox(alice, text) };
        seq(storage.put_inbox(&knock("1"), NOW).unwrap());
        seq(storage.put_inbox(&knock("2"), NOW).unwrap());
        assert_eq!(storage.put_inbox(&knock("3"), NOW).unwrap(), PutOutcome::Quota);
        seq(storage.put_inbox(&to_inbox(alice, "3"), NOW).unwrap());
        storage.ack(alice, &[1]).unwrap();
        seq(storage.put_inbox(&knock("4"), NOW).unwrap());
    }

    fn tokens_are_revoked_per_inbox_and_slot(storage) {
        let (alice, bob) = (inbox(storage, ALICE), inbox(storage, BOB));
        assert!(storage.revoke_token(alice, 17, false).unwrap());
        assert_eq!(storage.revocation(alice, 17).unwrap(), Some(Revocation { silent: false }));
        assert_eq!(storage.revocation(alice, 18).unwrap(), None);
        assert_eq!(storage.revocation(bob, 17).unwrap(), None);
        assert!(storage.revoke_token(alice, 17, true).unwrap());
        assert_eq!(storage.revocation(alice, 17).unwrap(), Some(Revocation { silent: true }));
        assert_eq!(seq(storage.discard(&to_inbox(alice, "b"), NOW).unwrap()), 1);
        assert_eq!(seq(storage.put_inbox(&to_inbox(alice, "a"), NOW).unwrap()), 2);
        assert_eq!(seqs(storage, alice, 0), [2]);
    }

    /// A log key is known to every member: it must not become the key of an inbox, nor the other way round.
    fn a_key_is_that_of_an_inbox_or_of_a_log(storage) {
        let log = log(storage);
        let taken = storage.create_inbox(&NewInbox { owner_pub: LOG, k_token: [9; 32] }, NOW).unwrap();
        assert_eq!(taken, InboxCreated::OtherKind);
        let found = storage.mailbox(log).unwrap().unwrap();
        assert_eq!((found.kind, found.k_token), (MailboxKind::Log, None));
        let alice = inbox(storage, ALICE);
        let before = storage.mailbox(alice).unwrap();
        assert_eq!(log_after(storage, ALICE, None, NOW), LogCreated::OtherKind);
        assert_eq!(log_after(storage, ALICE, Some(log), NOW), LogCreated::OtherKind);
        assert_eq!(storage.mailbox(alice).unwrap(), before);
    }

    /// What a silently revoked writer hears is what the others hear while their items lie unread.
    fn a_discarded_item_is_answered_like_a_kept_one(storage) {
        let (alice, bob) = (inbox(storage, ALICE), inbox(storage, BOB));
        let answers = |storage: &mut dyn Storage, keep: bool, at: u64| {
            let mut heard = Vec::new();
            for text in ["1", "2", "1", "3", "2", "4", "5", "4"] {
                let put = to_inbox(if keep { alice } else { bob }, text);
                let outcome = if keep { storage.put_inbox(&put, at) } else { storage.discard(&put, at) };
                heard.push(match outcome.unwrap() {
                    PutOutcome::Stored { seq, .. } => format!("stored {seq}"),
                    PutOutcome::Duplicate { seq, .. } => format!("duplicate {seq}"),
                    other => format!("{other:?}"),
                });
            }
            heard
        };
        let kept = answers(storage, true, NOW);
        let expected =
            ["stored 1", "stored 2", "duplicate 1", "stored 3", "duplicate 2", "stored 4", "Quota", "duplicate 4"];
        assert_eq!(kept, expected);
        assert_eq!(answers(storage, false, NOW), kept);
        assert_eq!(answers(storage, false, NOW + HOUR)[..3], ["duplicate 1", "duplicate 2", "duplicate 1"]);
        assert!(seqs(storage, bob, 0).is_empty());
        let counts = storage.counts().unwrap();
        assert_eq!((counts.inbox_items, counts.bytes), (4, 4), "only what is kept counts");
        // Others are not held up by them: neither by their number nor by the same body.
        assert_eq!(seq(storage.put_inbox(&to_inbox(bob, "1"), NOW).unwrap()), 5);
        assert_eq!(seqs(storage, bob, 0), [5]);
        // After their time both are stored anew.
        let later = NOW + 31 * DAY;
        assert_eq!(storage.sweep(later, 2).unwrap(), Swept { items: 2, discarded: 2, ..Swept::default() });
        assert_eq!(storage.sweep(later, 9).unwrap(), Swept { items: 3, discarded: 2, ..Swept::default() });
        for id in [alice, bob] {
            let put = InboxPut { expires: later + DAY, ..to_inbox(id, "1") };
            let again = if id == alice { storage.put_inbox(&put, later) } else { storage.discard(&put, later) };
            seq(again.unwrap());
        }
    }

    /// An owner who acknowledges has read everything before: by then a kept item would be gone.
    fn an_acknowledgement_forgets_what_was_discarded_before(storage) {
        let alice = inbox(storage, ALICE);
        assert_eq!(seq(storage.discard(&to_inbox(alice, "x"), NOW).unwrap()), 1);
        assert_eq!(seq(storage.put_inbox(&to_inbox(alice, "a"), NOW).unwrap()), 2);
        assert_eq!(seq(storage.discard(&to_inbox(alice, "y"), NOW).unwrap()), 3);
        storage.ack(alice, &[2]).unwrap();
        assert_eq!(seq(storage.discard(&to_inbox(alice, "x"), NOW).unwrap()), 4);
        let unread = storage.discard(&to_inbox(alice, "y"), NOW).unwrap();
        assert!(matches!(unread, PutOutcome::Duplicate { seq: 3, .. }), "{unread:?}");
        assert!(matches!(storage.discard(&to_inbox(NO_BOX, "y"), NOW).unwrap(), PutOutcome::NotFound));
    }

    fn an_expired_item_is_served_to_nobody_even_before_the_sweep(storage) {
        let (alice, log) = (inbox(storage, ALICE), log(storage));
        for n in 1..=3u64 {
            let expires = NOW + if n == 2 { HOUR } else { 3 * HOUR };
            let put = InboxPut { expires, ..to_inbox(alice, &n.to_string()) };
            seq(storage.put_inbox(&put, NOW).unwrap());
            seq(storage.put_log(&LogPut { expires, ..to_log(log, 1, body(n)) }, &ROOMY, NOW).unwrap());
        }
        for id in [alice, log] {
            assert_eq!(seqs_at(storage, id, 0, NOW + HOUR - 1), [1, 2, 3]);
            let page = storage.page(id, 0, 2, 1 << 30, NOW + HOUR).unwrap().unwrap();
            assert_eq!(page.items.iter().map(|item| item.seq).collect::<Vec<_>>(), [1, 3]);
            assert_eq!((page.head, page.truncated_before, page.more), (3, 3, false), "and readers are told");
            assert!(seqs_at(storage, id, 0, NOW + 3 * HOUR).is_empty());
        }
    }

    /// Clamped to what the database holds, a version would no longer fit its signature.
    fn a_version_that_cannot_be_kept_is_refused(storage) {
        let write = |version: u64| SlotWrite {
            slot_pub: ALICE,
            write_pub: ALICE,
            version,
            body: Some(vec![1]),
            sig: vec![],
        };
        let highest = i64::MAX as u64;
        for version in [highest + 1, u64::MAX] {
            assert_eq!(storage.write_slot(&write(version), NOW).unwrap(), SlotOutcome::TooHigh);
            assert_eq!(storage.slot(BoxId::of(&ALICE)).unwrap(), None);
        }
        assert_eq!(storage.write_slot(&write(highest), NOW).unwrap(), SlotOutcome::Written);
        assert_eq!(storage.slot(BoxId::of(&ALICE)).unwrap().unwrap().version, highest);
    }

    fn a_register_slot_holds_the_newest_item(storage) {
        let log = log(storage);
        let register = |slot: u8, n: u64| LogPut { slot: Some([slot; 16]), ..to_log(log, 1, body(n)) };
        seq(storage.put_log(&register(1, 1), &ROOMY, NOW).unwrap());
        seq(storage.put_log(&register(2, 2), &ROOMY, NOW).unwrap());
        assert_eq!(seq(storage.put_log(&register(1, 3), &ROOMY, NOW).unwrap()), 3);
        let page = storage.page(log, 0, 9, 9_999, NOW).unwrap().unwrap();
        let slots: Vec<_> = page.items.iter().map(|item| (item.seq, item.slot)).collect();
        assert_eq!(slots, [(2, Some([2; 16])), (3, Some([1; 16]))]);
        assert_eq!(page.truncated_before, 0, "a newer value is no loss");
        assert_eq!(storage.counts().unwrap().bytes, 200);
    }

    fn dropping_needs_the_secret(storage) {
        let log = log(storage);
        let put = LogPut { del_hash: Some([5; 16]), ..to_log(log, 1, body(1)) };
        let dropped = seq(storage.put_log(&put, &ROOMY, NOW).unwrap());
        let kept = seq(storage.put_log(&to_log(log, 1, body(2)), &ROOMY, NOW).unwrap());
        assert!(!storage.drop_item(log, dropped, &[6; 16]).unwrap());
        assert!(!storage.drop_item(log, kept, &[5; 16]).unwrap(), "an item without a hash stays");
        assert_eq!(seqs(storage, log, 0), [dropped, kept]);
        assert!(storage.drop_item(log, dropped, &[5; 16]).unwrap());
        assert!(storage.drop_item(log, dropped, &[5; 16]).unwrap(), "dropping twice is no mistake");
        assert_eq!(seqs(storage, log, 0), [kept]);
        assert_eq!(storage.counts().unwrap().bytes, 100);
    }

    fn a_flooding_writer_loses_his_own_oldest_only(storage) {
        let log = log(storage);
        for (writer, n) in [(1, 1), (2, 2), (1, 3)] {
            seq(storage.put_log(&to_log(log, writer, body(n)), &TIGHT, NOW).unwrap());
        }
        for n in 10..60 {
            let outcome = storage.put_log(&to_log(log, 9, body(n)), &TIGHT, NOW + n).unwrap();
            assert!(matches!(outcome, PutOutcome::Stored { evicted, .. } if evicted == u32::from(n >= 12)));
        }
        assert_eq!(seqs(storage, log, 0), [1, 2, 3, 52, 53]);
        let page = storage.page(log, 0, 9, 9_999, NOW).unwrap().unwrap();
        assert_eq!(page.truncated_before, 52, "readers are told that something went");
        assert_eq!(storage.counts().unwrap().bytes, 500);
    }

    /// The log is full of young items: another writer's put is refused and nothing goes.
    fn young_items_are_safe_from_other_writers(storage) {
        let log = log(storage);
        for n in 0..8u64 {
            seq(storage.put_log(&to_log(log, n as u8 / 2, body(n)), &TIGHT, NOW + n).unwrap());
        }
        let late = NOW + 48 * HOUR - 1;
        assert_eq!(storage.put_log(&to_log(log, 9, body(99)), &TIGHT, late).unwrap(), PutOutcome::Quota);
        assert_eq!(seqs(storage, log, 0).len(), 8);
        // An hour later the oldest of the largest writer (all are equal: the smallest tag) may go.
        let outcome = storage.put_log(&to_log(log, 9, body(99)), &TIGHT, NOW + 49 * HOUR).unwrap();
        assert!(matches!(outcome, PutOutcome::Stored { seq: 9, evicted: 1, .. }), "{outcome:?}");
        assert_eq!(seqs(storage, log, 0), [2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(storage.page(log, 0, 9, 9_999, NOW).unwrap().unwrap().truncated_before, 2);
    }

    fn the_largest_writer_pays_for_overflow(storage) {
        let log = log(storage);
        let limits = LogLimits { share: 500, ..TIGHT };
        for (n, writer) in [1, 2, 2, 2, 2, 3, 3].into_iter().enumerate() {
            seq(storage.put_log(&to_log(log, writer, body(n as u64)), &limits, NOW).unwrap());
        }
        let later = NOW + 3 * DAY;
        seq(storage.put_log(&to_log(log, 1, body(90)), &limits, later).unwrap());
        seq(storage.put_log(&to_log(log, 1, body(91)), &limits, later).unwrap());
        assert_eq!(seqs(storage, log, 0), [1, 3, 4, 5, 6, 7, 8, 9], "the oldest of writer 2 went, not the oldest of all");
    }

    fn writers_without_admission_share_a_quarter(storage) {
        let log = log(storage);
        let open = |writer: u8, n: u64| LogPut {
            writer: Writer { tag: [writer; 8], admitted: false },
            ..to_log(log, writer, body(n))
        };
        seq(storage.put_log(&open(1, 1), &TIGHT, NOW).unwrap());
        seq(storage.put_log(&open(2, 2), &TIGHT, NOW).unwrap());
        assert_eq!(storage.put_log(&open(3, 3), &TIGHT, NOW).unwrap(), PutOutcome::Quota);
        seq(storage.put_log(&to_log(log, 4, body(4)), &TIGHT, NOW).unwrap());
        seq(storage.put_log(&open(3, 3), &TIGHT, NOW + 49 * HOUR).unwrap());
        assert_eq!(seqs(storage, log, 0), [2, 3, 4]);
        let huge = LogPut { body: Arc::from(vec![0; 201]), ..open(3, 0) };
        assert_eq!(storage.put_log(&huge, &TIGHT, NOW).unwrap(), PutOutcome::Quota, "more than a share never fits");
    }

    fn a_refused_put_changes_nothing(storage) {
        let log = log(storage);
        let register = |n: u64, size: usize| LogPut {
            slot: Some([1; 16]),
            body: Arc::from(vec![n as u8; size]),
            ..to_log(log, 1, Vec::new())
        };
        seq(storage.put_log(&register(1, 100), &TIGHT, NOW).unwrap());
        assert_eq!(storage.put_log(&register(2, 300), &TIGHT, NOW).unwrap(), PutOutcome::Quota);
        assert_eq!(seqs(storage, log, 0), [1], "the older value is still there");
        assert_eq!(seq(storage.put_log(&register(3, 100), &TIGHT, NOW).unwrap()), 2);
    }

    fn successors_share_the_quota_of_the_first(storage) {
        let first = log(storage);
        let LogCreated::Created(second) = log_after(storage, [4; 32], Some(first), NOW) else { panic!() };
        assert_eq!(storage.mailbox(second.id).unwrap().unwrap().root, first);
        for n in 0..8u64 {
            let log = if n % 2 == 0 { first } else { second.id };
            seq(storage.put_log(&to_log(log, n as u8 / 2, body(n)), &TIGHT, NOW).unwrap());
        }
        let put = to_log(second.id, 9, body(99));
        assert_eq!(storage.put_log(&put, &TIGHT, NOW).unwrap(), PutOutcome::Quota);
        seq(storage.put_log(&put, &TIGHT, NOW + 3 * DAY).unwrap());
        assert_eq!(seqs(storage, first, 0).len() + seqs(storage, second.id, 0).len(), 8);
    }

    fn four_successors_per_log_and_day(storage) {
        let first = log(storage);
        for n in 10..14 {
            assert!(matches!(log_after(storage, [n; 32], Some(first), NOW), LogCreated::Created(_)));
        }
        assert_eq!(log_after(storage, [14; 32], Some(first), NOW), LogCreated::TooMany);
        assert_eq!(storage.succession(first, NOW).unwrap(), Succession::TooMany);
        assert_eq!(storage.succession(first, NOW + DAY).unwrap(), Succession::Free(first));
        assert!(storage.mailbox(BoxId::of(&[14; 32])).unwrap().is_none());
        let known = log_after(storage, [13; 32], Some(first), NOW);
        assert!(matches!(known, LogCreated::Created(Created { new: false, .. })), "finding one again is free");
        assert!(matches!(log_after(storage, [14; 32], Some(first), NOW + DAY), LogCreated::Created(_)));
        assert_eq!(log_after(storage, [15; 32], Some(BoxId([7; 16])), NOW), LogCreated::NoPredecessor);
        let alice = inbox(storage, ALICE);
        assert_eq!(log_after(storage, [15; 32], Some(alice), NOW), LogCreated::NoPredecessor);
        assert_eq!(storage.succession(alice, NOW).unwrap(), Succession::NoPredecessor);
    }

    fn a_chain_does_not_grow_without_bound(storage) {
        let mut generation = vec![log(storage)];
        let mut made = 0u32;
        for n in 0..4u8 {
            let mut next = Vec::new();
            for (at, prev) in generation.iter().enumerate() {
                for child in 0..4u8 {
                    let mut key = [n + 10; 32];
                    key[0] = at as u8;
                    key[1] = child;
                    if let LogCreated::Created(created) = log_after(storage, key, Some(*prev), NOW) {
                        next.push(created.id);
                        made += 1;
                    }
                }
            }
            generation = next;
        }
        assert_eq!(made, 64);
    }

    fn slots_rise_in_version_and_keep_their_id(storage) {
        let write = |version: u64, body: Option<&[u8]>| SlotWrite {
            slot_pub: ALICE,
            write_pub: BOB,
            version,
            body: body.map(<[u8]>::to_vec),
            sig: vec![version as u8; 64],
        };
        let id = BoxId::of(&ALICE);
        assert!(storage.slot(id).unwrap().is_none());
        assert_eq!(storage.write_slot(&write(5, Some(b"a")), NOW).unwrap(), SlotOutcome::Written);
        assert_eq!(storage.write_slot(&write(5, Some(b"b")), NOW).unwrap(), SlotOutcome::Stale(5));
        assert_eq!(storage.write_slot(&write(4, None), NOW).unwrap(), SlotOutcome::Stale(5));
        assert_eq!(storage.write_slot(&write(6, Some(b"c")), NOW).unwrap(), SlotOutcome::Written);
        let row = storage.slot(id).unwrap().unwrap();
        assert_eq!((row.version, row.body.as_deref(), row.slot_pub, row.write_pub), (6, Some(&b"c"[..]), ALICE, BOB));
        assert_eq!(row.sig, vec![6; 64]);
        assert_eq!(storage.write_slot(&write(7, None), NOW).unwrap(), SlotOutcome::Written);
        assert_eq!(storage.slot(id).unwrap().unwrap().body, None);
        assert_eq!(storage.write_slot(&write(6, Some(b"c")), NOW).unwrap(), SlotOutcome::Stale(7), "no replay");
        assert_eq!(storage.counts().unwrap().slots, 0);
    }

    fn expired_items_go_and_readers_are_told(storage) {
        let (alice, log) = (inbox(storage, ALICE), log(storage));
        for n in 0..3u64 {
            let put = InboxPut { expires: NOW + (n + 1) * HOUR, ..to_inbox(alice, &n.to_string()) };
            seq(storage.put_inbox(&put, NOW).unwrap());
            let put = LogPut { expires: NOW + (n + 1) * HOUR, ..to_log(log, 1, body(n)) };
            seq(storage.put_log(&put, &ROOMY, NOW).unwrap());
        }
        assert_eq!(storage.sweep(NOW, 100).unwrap(), Swept::default());
        assert_eq!(storage.sweep(NOW + 2 * HOUR, 100).unwrap(), Swept { items: 4, ..Swept::default() });
        for id in [alice, log] {
            let page = storage.page(id, 0, 9, 9_999, NOW).unwrap().unwrap();
            assert_eq!((page.head, page.truncated_before), (3, 3));
            assert_eq!(seqs(storage, id, 0), [3]);
        }
        let counts = storage.counts().unwrap();
        assert_eq!((counts.inbox_items, counts.log_items, counts.bytes), (1, 1, 101));
        assert_eq!(storage.sweep(NOW + DAY, 1).unwrap().items, 2, "a sweep keeps to its rows");
        assert_eq!(seq(storage.put_inbox(&to_inbox(alice, "x"), NOW).unwrap()), 4);
    }

    fn what_nobody_uses_for_400_days_goes(storage) {
        let (alice, bob) = (inbox(storage, ALICE), inbox(storage, BOB));
        seq(storage.put_inbox(&to_inbox(alice, "a"), NOW).unwrap());
        storage.revoke_token(bob, 1, true).unwrap();
        for owner in [ALICE, BOB] {
            let write = SlotWrite { slot_pub: owner, write_pub: owner, version: 1, body: Some(vec![1]), sig: vec![] };
            storage.write_slot(&write, NOW).unwrap();
        }
        storage.touch_slot(BoxId::of(&ALICE), NOW + 10 * DAY).unwrap();
        let swept = storage.sweep(NOW + 400 * DAY, 100).unwrap();
        assert_eq!((swept.slots, swept.boxes), (0, 0));
        storage.touch(alice, NOW + 5 * DAY).unwrap();
        let swept = storage.sweep(NOW + 401 * DAY, 100).unwrap();
        assert_eq!((swept.slots, swept.boxes), (1, 1));
        assert!(storage.mailbox(bob).unwrap().is_none() && storage.mailbox(alice).unwrap().is_some());
        assert!(storage.slot(BoxId::of(&ALICE)).unwrap().is_some());
        assert_eq!(storage.revocation(bob, 1).unwrap(), None);
        assert!(make_inbox(storage, BOB, 9).new);
    }

    fn a_batch_is_given_up_as_a_whole(storage) {
        let alice = inbox(storage, ALICE);
        storage.begin().unwrap();
        seq(storage.put_inbox(&to_inbox(alice, "a"), NOW).unwrap());
        storage.rollback();
        storage.rollback();
        assert!(seqs(storage, alice, 0).is_empty());
        storage.begin().unwrap();
        assert_eq!(seq(storage.put_inbox(&to_inbox(alice, "a"), NOW).unwrap()), 1);
        storage.commit().unwrap();
        storage.checkpoint().unwrap();
        assert_eq!(seqs(storage, alice, 0), [1]);
    }
}

#[test]
fn boxes_and_items_survive_closing_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("relay.db");
    let mut storage = SqliteStorage::open(&path, 0).unwrap();
    let alice = inbox(&mut storage, ALICE);
    seq(storage.put_inbox(&to_inbox(alice, "a"), NOW).unwrap());
    let epoch = storage.mailbox(alice).unwrap().unwrap().epoch;
    drop(storage);
    let mut storage = SqliteStorage::open(&path, 0).unwrap();
    assert_eq!(storage.mailbox(alice).unwrap().unwrap().epoch, epoch);
    assert_eq!(seqs(&mut storage, alice, 0), [1]);
    let other = tempfile::tempdir().unwrap();
    let mut wiped = SqliteStorage::open(&other.path().join("relay.db"), 0).unwrap();
    assert_ne!(make_inbox(&mut wiped, ALICE, 9).epoch, epoch);
}

#[test]
fn dropped_bytes_leave_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let mut storage = SqliteStorage::open(&dir.path().join("relay.db"), 0).unwrap();
    let log = log(&mut storage);
    let needle = b"a text that nobody may find any more".to_vec();
    let found = || {
        std::fs::read_dir(dir.path()).unwrap().any(|entry| {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            bytes.windows(needle.len()).any(|window| window == needle)
        })
    };
    let put = LogPut { del_hash: Some([5; 16]), ..to_log(log, 1, needle.clone()) };
    let stored = seq(storage.put_log(&put, &ROOMY, NOW).unwrap());
    assert!(found(), "the search would find it");
    assert!(storage.drop_item(log, stored, &[5; 16]).unwrap());
    storage.checkpoint().unwrap();
    assert!(!found());
}
