//! Looking for what must not be readable, in every form in which it could be.
//!
//! It must not know where the bytes come from. Invariant: a secret is found wherever it lies in the bytes, plain or
//! as hexadecimal, base64 or base32 text, at every offset of the groups of these encodings.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};

/// A secret is at least so long: what is shorter is found by chance.
const SHORTEST: usize = 16;

/// What is looked for.
#[derive(Debug, Default)]
pub struct Secrets {
    forms: Vec<(String, Vec<u8>)>,
}

impl Secrets {
    /// Adds a secret under a name that says what it is.
    ///
    /// # Errors
    /// When it is shorter than 16 bytes.
    pub fn add(&mut self, name: &str, secret: &[u8]) -> Result<()> {
        ensure!(secret.len() >= SHORTEST, "{name} is too short to be told from chance");
        let mut forms = BTreeSet::from([secret.to_vec()]);
        forms.insert(HEXLOWER.encode(secret).into_bytes());
        forms.insert(HEXUPPER.encode(secret).into_bytes());
        for offset in 0..3 {
            for encoding in [&BASE64_NOPAD, &BASE64URL_NOPAD] {
                forms.insert(within(&encoding.encode(&shifted(secret, offset)), 6, offset, secret.len()));
            }
        }
        for offset in 0..5 {
            let form = within(&BASE32_NOPAD.encode(&shifted(secret, offset)), 5, offset, secret.len());
            forms.insert(form.to_ascii_lowercase());
            forms.insert(form);
        }
        self.forms.extend(forms.into_iter().map(|form| (name.to_owned(), form)));
        Ok(())
    }

    /// Adds an id that is written as hexadecimal digits: the bytes behind them.
    ///
    /// # Errors
    /// When it is no such id.
    pub fn add_id(&mut self, name: &str, id: &str) -> Result<()> {
        self.add(name, &HEXLOWER.decode(id.as_bytes()).with_context(|| format!("no id: {id}"))?)
    }

    /// Names of the secrets that can be read in these bytes.
    pub fn in_bytes(&self, bytes: &[u8]) -> BTreeSet<String> {
        let found = self.forms.iter().filter(|(_, form)| contains(bytes, form));
        found.map(|(name, _)| name.clone()).collect()
    }

    /// Names of the secrets that can be read in a file, or in any file below a folder, or in their names.
    ///
    /// # Errors
    /// When something cannot be read, or there is nothing to look at.
    pub fn in_files(&self, place: &Path) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        let mut places = vec![place.to_owned()];
        let mut looked_at = 0_usize;
        while let Some(place) = places.pop() {
            let about = fs::symlink_metadata(&place).with_context(|| place.display().to_string())?;
            found.extend(self.in_bytes(place.as_os_str().as_encoded_bytes()));
            if about.is_dir() {
                for entry in fs::read_dir(&place)? {
                    places.push(entry?.path());
                }
            } else if about.is_file() {
                let bytes = fs::read(&place).with_context(|| place.display().to_string())?;
                looked_at = looked_at.saturating_add(bytes.len());
                found.extend(self.in_bytes(&bytes));
            }
        }
        ensure!(looked_at > 0, "nothing to look at in {}", place.display());
        Ok(found)
    }
}

/// A word of this many random letters and digits, which nobody else writes.
pub fn random_word(length: usize) -> String {
    let mut word = String::new();
    while word.len() < length {
        let bytes: [u8; 32] = madang_crypto::random(&mut madang_crypto::os_rng());
        word.push_str(&BASE32_NOPAD.encode(&bytes));
    }
    word.truncate(length);
    word
}

fn shifted(secret: &[u8], offset: usize) -> Vec<u8> {
    [&vec![0; offset], secret].concat()
}

/// The characters of an encoded text that depend on the secret alone, not on its neighbours.
fn within(text: &str, bits: usize, offset: usize, length: usize) -> Vec<u8> {
    let first = (offset * 8).div_ceil(bits);
    let last = (offset + length) * 8 / bits;
    text.as_bytes().get(first..last).unwrap_or_default().to_vec()
}

fn contains(bytes: &[u8], form: &[u8]) -> bool {
    let Some(first) = form.first() else { return false };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        let Some(from) = rest.get(at..) else { return false };
        if from.starts_with(form) {
            return true;
        }
        rest = from.get(1..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"the courtyard is at the back";

    fn found(bytes: &[u8]) -> bool {
        let mut secrets = Secrets::default();
        secrets.add("secret", SECRET).unwrap();
        !secrets.in_bytes(bytes).is_empty()
    }

    #[test]
    fn a_secret_is_found_in_every_form_and_at_every_offset() {
        for before in 0..16 {
            let bytes = [&vec![b'x'; before], SECRET, b"yz"].concat();
            assert!(found(&bytes), "{before}");
            for text in [
                HEXLOWER.encode(&bytes),
                HEXUPPER.encode(&bytes),
                BASE64_NOPAD.encode(&bytes),
                BASE64URL_NOPAD.encode(&bytes),
                BASE32_NOPAD.encode(&bytes),
                BASE32_NOPAD.encode(&bytes).to_lowercase(),
            ] {
                assert!(found(text.as_bytes()), "{before}: {text}");
            }
        }
    }

    #[test]
    fn a_part_of_a_secret_is_not_the_secret() {
        assert!(!found(&SECRET[1..]));
        assert!(!found(&SECRET[..SECRET.len() - 1]));
        assert!(!found(b""));
        assert!(Secrets::default().add("short", b"fifteen bytes..").is_err());
    }

    #[test]
    fn files_are_read_and_an_empty_folder_proves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut secrets = Secrets::default();
        secrets.add("secret", SECRET).unwrap();
        assert!(secrets.in_files(folder.path()).is_err());
        fs::create_dir(folder.path().join("deep")).unwrap();
        fs::write(folder.path().join("deep/file"), b"nothing").unwrap();
        assert!(secrets.in_files(folder.path()).unwrap().is_empty());
        fs::write(folder.path().join("deep/file"), SECRET).unwrap();
        assert_eq!(secrets.in_files(folder.path()).unwrap(), BTreeSet::from(["secret".to_owned()]));
    }
}
