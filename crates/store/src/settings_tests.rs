use super::*;
use crate::testing::with_store;

#[test]
fn an_older_version_never_replaces_a_newer_one() {
    with_store(|c| {
        assert!(set(c, "language", "ko", 5).unwrap());
        assert!(!set(c, "language", "en", 4).unwrap());
        assert!(!set(c, "language", "ko", 5).unwrap());
        assert_eq!(get(c, "language").unwrap().unwrap().value, "ko");
        assert!(set(c, "language", "en", 6).unwrap());
        assert_eq!(
            list(c).unwrap(),
            vec![Setting { key: "language".to_owned(), value: "en".to_owned(), version: 6 }]
        );
    });
}
