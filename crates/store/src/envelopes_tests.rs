use super::*;
use crate::testing::with_store;

#[test]
fn a_key_is_found_by_its_name_until_it_is_deleted() {
    with_store(|c| {
        let key_of = |id: u8, made_at| EnvelopeKey {
            id: [id; 8],
            secret: vec![id; 32],
            public: vec![id],
            made_at,
            retired_at: None,
        };
        insert_key(c, &key_of(1, 10)).unwrap();
        insert_key(c, &key_of(2, 20)).unwrap();
        retire_key(c, &[1; 8], 20).unwrap();
        retire_key(c, &[1; 8], 30).unwrap();
        assert_eq!(key(c, &[1; 8]).unwrap().unwrap().retired_at, Some(20));
        assert_eq!(keys(c).unwrap().iter().map(|k| k.made_at).collect::<Vec<_>>(), vec![20, 10]);
        assert!(remove_key(c, &[1; 8]).unwrap());
        assert_eq!(key(c, &[1; 8]).unwrap(), None);
        assert!(!format!("{:?}", key_of(7, 1)).contains("secret"));
    });
}

#[test]
fn an_envelope_is_remembered_until_its_time() {
    with_store(|c| {
        assert!(first_seen(c, &[1; 16], 100).unwrap());
        assert!(!first_seen(c, &[1; 16], 200).unwrap());
        assert!(seen(c, &[1; 16]).unwrap());
        assert_eq!(forget_seen(c, 100).unwrap(), 0);
        assert_eq!(forget_seen(c, 101).unwrap(), 1);
        assert!(!seen(c, &[1; 16]).unwrap());
    });
}
