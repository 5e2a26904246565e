//! Which home is meant.

use std::path::PathBuf;

use madang_api::{Code, Error};

/// The home given, else the usual place of this system.
///
/// # Errors
/// `usage` when none is given and the system names no home directory.
pub(crate) fn home(given: Option<PathBuf>) -> Result<PathBuf, Error> {
    if let Some(home) = given.filter(|home| !home.as_os_str().is_empty()) {
        return Ok(home);
    }
    directories::ProjectDirs::from("app", "", "madang")
        .map(|places| places.data_dir().to_owned())
        .ok_or_else(|| Error::new(Code::Usage, "This user has no home directory. Name a place with --home"))
}
