use super::*;
use crate::testing::{ALICE, BOB, account, op_id, with_store};

fn op(person: u8, seq: u64) -> AccountOp {
    AccountOp {
        id: op_id(person, seq),
        account: account(person),
        header: vec![1, person],
        sig: vec![2; 64],
        payload: vec![3, u8::try_from(seq).unwrap()],
    }
}

#[test]
fn a_log_keeps_every_op_once_and_in_order_of_arrival() {
    with_store(|c| {
        assert!(insert(c, &op(ALICE, 2)).unwrap());
        assert!(insert(c, &op(ALICE, 1)).unwrap());
        assert!(insert(c, &op(BOB, 1)).unwrap());
        assert!(!insert(c, &op(ALICE, 2)).unwrap());
        assert_eq!(list(c, &account(ALICE)).unwrap(), vec![op(ALICE, 2), op(ALICE, 1)]);
        assert_eq!(by_id(c, &op_id(BOB, 1)).unwrap(), Some(op(BOB, 1)));
        assert_eq!(by_id(c, &op_id(BOB, 9)).unwrap(), None);
        assert_eq!(known(c).unwrap(), vec![account(ALICE), account(BOB)]);
    });
}
