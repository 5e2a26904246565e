use super::*;
use crate::testing::with_store;

#[test]
fn a_value_is_replaced_listed_by_prefix_and_removed() {
    with_store(|c| {
        assert_eq!(get(c, "port").unwrap(), None);
        set(c, "port", b"4001").unwrap();
        set(c, "port", b"4002").unwrap();
        set(c, "olm/account", b"pickle").unwrap();
        set(c, "olm_other", b"x").unwrap();
        assert_eq!(get(c, "port").unwrap().as_deref(), Some(b"4002".as_slice()));
        assert_eq!(list(c, "olm/").unwrap(), vec![("olm/account".to_owned(), b"pickle".to_vec())]);
        assert!(remove(c, "port").unwrap());
        assert!(!remove(c, "port").unwrap());
    });
}
