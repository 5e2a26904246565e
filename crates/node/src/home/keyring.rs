//! The keyring of the system, which holds a key for as long as the person keeps it there.
//!
//! It is the Secret Service of Linux desktops. The keyring of the kernel is never used: it forgets when the machine
//! starts anew, and a forgotten key is a lost home. Invariant: a key that could not be read back was not kept.

use std::{
    collections::HashMap,
    sync::mpsc::{RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use keyring_core::{Entry, api::CredentialStoreApi as _};
use zeroize::Zeroizing;

/// Name under which all our keys are filed.
const FILED_AS: &str = "app.madang";
/// How long a person may take to unlock the keyring when it asks.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why the keyring does not help, in words for the person.
pub(crate) type Refusal = String;

/// Keeps `key` under `name` and reads it back.
pub(crate) fn keep(name: &str, key: &[u8; 32]) -> Result<(), Refusal> {
    let text = Zeroizing::new(letters(key));
    let kept = with_entry(name, move |entry| {
        entry.set_password(&text)?;
        entry.get_password().map(|read| Zeroizing::new(read) == text)
    })?;
    if kept { Ok(()) } else { Err("the keyring does not give back what it was given".to_owned()) }
}

/// The key kept under `name`, if there is one.
pub(crate) fn find(name: &str) -> Result<Option<Zeroizing<[u8; 32]>>, Refusal> {
    let found = with_entry(name, |entry| match entry.get_password() {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(keyring_core::Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    })?;
    found.map(|text| bytes(&text).ok_or_else(|| "the keyring holds something else".to_owned())).transpose()
}

/// Forgets the key kept under `name`.
pub(crate) fn forget(name: &str) -> Result<(), Refusal> {
    with_entry(name, |entry| match entry.delete_credential() {
        Ok(()) | Err(keyring_core::Error::NoEntry) => Ok(()),
        Err(error) => Err(error),
    })
}

/// Works on an entry from a thread of its own: the library blocks, has a runtime of its own, and a keyring that
/// asks the person a question may never answer.
fn with_entry<T: Send + 'static>(
    name: &str,
    work: impl FnOnce(&Entry) -> keyring_core::Result<T> + Send + 'static,
) -> Result<T, Refusal> {
    let (answer, answered) = sync_channel(1);
    let name = name.to_owned();
    let worker = move || {
        let result = zbus_secret_service_keyring_store::Store::new().and_then(|store| {
            // Both lead to one entry, but a person who looks into the keyring reads the label.
            let label = HashMap::from([("label", "Madang: key of a home")]);
            work(&store.build(FILED_AS, &name, Some(&label))?)
        });
        // Nobody waits any more: then the result is of no use to anybody.
        drop(answer.send(result.map_err(|error| error.to_string())));
    };
    thread::Builder::new()
        .name("keyring".to_owned())
        .spawn(worker)
        .map_err(|error| format!("no thread for the keyring: {error}"))?;
    match answered.recv_timeout(PATIENCE) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err("the keyring has not answered within a minute".to_owned()),
        Err(RecvTimeoutError::Disconnected) => Err("the keyring failed".to_owned()),
    }
}

/// Some keyrings keep text only.
fn letters(key: &[u8; 32]) -> String {
    key.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0; 32]);
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_letters_and_other_text_is_no_key() {
        let key = std::array::from_fn(|i| u8::try_from(i * 7).unwrap());
        assert_eq!(*bytes(&letters(&key)).unwrap(), key);
        assert!(bytes("").is_none());
        assert!(bytes(&"g".repeat(64)).is_none());
        assert!(bytes(&"a".repeat(63)).is_none());
    }
}
