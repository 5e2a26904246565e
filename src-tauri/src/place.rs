//! Which home is meant, and the name that is the same for every start on it.
//!
//! It must not know what lies in the home. Invariant: two spellings of one place have one name.

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use sha2::{Digest as _, Sha256};

/// Bytes of the hash in the name: enough that two homes of one person never meet.
const NAME_BYTES: usize = 8;

/// The home given, else the usual place of this system; as an absolute path without links.
///
/// # Errors
/// When none is given and the system names no home directory, or when a folder above it cannot be read.
pub(crate) fn home(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let wanted = match given.filter(|home| !home.as_os_str().is_empty()) {
        Some(home) => home,
        None => directories::ProjectDirs::from("app", "", "madang")
            .map(|places| places.data_dir().to_owned())
            .context("This user has no home directory. Name a place with --home")?,
    };
    resolved(&wanted).with_context(|| format!("Cannot find {}", wanted.display()))
}

/// The path with links resolved as far as it exists; the home itself may be yet to make.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let mut missing = Vec::new();
    let mut there = path.as_path();
    loop {
        match there.canonicalize() {
            Ok(found) => return Ok(missing.iter().rev().fold(found, |path, part| path.join(part))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let (Some(parent), Some(name)) = (there.parent(), there.file_name()) else {
                    return Err(error);
                };
                missing.push(name.to_owned());
                there = parent;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The name on the session bus of whoever has `home` open in a window.
pub(crate) fn bus_name(home: &Path) -> String {
    let hash = Sha256::digest(home.as_os_str().as_encoded_bytes());
    let name: String = hash.iter().take(NAME_BYTES).map(|byte| format!("{byte:02x}")).collect();
    // A part of such a name may not start with a digit.
    format!("app.madang.h{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_spellings_are_one_place_before_and_after_it_is_made() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        let real = folder.path().join("real");
        std::fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let before = home(Some(link.join("home"))).unwrap();
        std::fs::create_dir(real.join("home")).unwrap();
        assert_eq!(before, home(Some(real.join("home"))).unwrap());
        assert_eq!(before, home(Some(link.join("home"))).unwrap());
    }

    #[test]
    fn each_home_has_a_name_that_the_bus_takes() {
        let (a, b) = (bus_name(Path::new("/a")), bus_name(Path::new("/b")));
        assert_ne!(a, b);
        assert!(a.starts_with("app.madang.h") && a.len() == "app.madang.h".len() + 2 * NAME_BYTES, "{a}");
    }
}
