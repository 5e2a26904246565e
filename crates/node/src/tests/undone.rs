//! Turns that fail: nothing of them is left, and everything goes on.

use super::pair::Pair;
use crate::{
    command::{Command, Reply},
    error::Error,
};

const ALICE: usize = 0;
const BOB: usize = 1;

fn text(pair: &Pair, text: &str) -> (Command, tokio::sync::oneshot::Receiver<Result<crate::Sent, Error>>) {
    let (reply, answer) = Reply::pair();
    (Command::SendText { room: pair.conv(), text: text.to_owned(), answers: None, reply }, answer)
}

#[test]
fn a_command_that_fails_halfway_leaves_nothing_and_the_line_goes_on() {
    let mut pair = Pair::friends(true);
    pair.say(ALICE, "before");
    let ops = pair.ids(ALICE);
    // The op is stored, then the row of the outbox is not.
    pair.db(ALICE)
        .execute_batch(
            "CREATE TRIGGER broken BEFORE INSERT ON frame BEGIN SELECT RAISE(ABORT, 'broken'); END",
        )
        .unwrap();
    let (first, mut answer) = text(&pair, "halfway");
    let (second, mut other) = text(&pair, "never begun");
    assert!(pair.fails(ALICE, vec![first, second]).is_of_store());
    for answer in [&mut answer, &mut other] {
        assert!(matches!(answer.try_recv().unwrap(), Err(Error::Store(_))));
    }
    assert_eq!(pair.ids(ALICE), ops, "nothing of it is on the disk");
    pair.db(ALICE).execute_batch("DROP TRIGGER broken").unwrap();
    pair.begin_anew(ALICE);
    pair.say(ALICE, "after");
    pair.say(BOB, "I am here");
    pair.run_for(5_000);
    for who in [ALICE, BOB] {
        assert_eq!(pair.texts(who), ["before", "after", "I am here"]);
    }
}

#[test]
fn a_command_that_is_refused_before_it_writes_disturbs_nobody() {
    let mut pair = Pair::friends(true);
    let (reply, mut refused) = Reply::pair();
    let nowhere = Command::MarkRead { room: madang_model::ConvId::from_bytes([7; 32]), message: None, reply };
    let (said, mut answer) = text(&pair, "beside a refusal");
    pair.commands(ALICE, vec![nowhere, said]);
    assert_eq!(refused.try_recv().unwrap().unwrap_err(), Error::NotFound("room"));
    answer.try_recv().unwrap().unwrap();
    pair.run_for(1_000);
    assert_eq!(pair.texts(BOB), ["beside a refusal"]);
}

/// 2 when the last commit waited for the disk, 1 when it did not.
fn level(pair: &Pair, who: usize) -> i64 {
    pair.db(who).query_row("PRAGMA synchronous", [], |row| row.get(0)).unwrap()
}

#[test]
fn only_what_others_tell_again_does_not_wait_for_the_disk() {
    let mut pair = Pair::friends(true);
    pair.say(ALICE, "waits");
    // Bob acknowledged a message, so it must be on his disk; Alice heard that, and would hear it again.
    assert_eq!([level(&pair, ALICE), level(&pair, BOB)], [1, 2]);
    let (said, mut answer) = text(&pair, "waits too");
    pair.commands(ALICE, vec![said]);
    answer.try_recv().unwrap().unwrap();
    pair.run_for(5_000);
    assert_eq!(pair.texts(BOB), ["waits", "waits too"]);
}
