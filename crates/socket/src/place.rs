//! Where a socket may lie: in a directory of ours that nobody else can enter.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::{DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::process::geteuid;

/// Why no socket can be made at a path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// The directory belongs to somebody else, or others can enter it.
    #[error("{} must belong to you and to nobody else (mode 0700): {reason}", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Something that is no socket lies at the path.
    #[error("{} is no socket. Move it away and try again", .0.display())]
    NotSocket(PathBuf),
    /// The system refused.
    #[error("Cannot make the socket {}: {source}", path.display())]
    Io {
        /// The path of the socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Makes the directory of `path` if it is not there, checks it, and removes a socket that a node left behind.
/// Only the holder of the home's lock may call this: then no living node can own that socket.
pub(crate) fn prepare(path: &Path) -> Result<(), PlaceError> {
    let io = |source| PlaceError::Io { path: path.to_owned(), source };
    let dir = path.parent().ok_or_else(|| io(io::ErrorKind::InvalidInput.into()))?;
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(io(error)),
        _ => check(dir, &fs::symlink_metadata(dir).map_err(io)?)?,
    }
    match fs::symlink_metadata(path) {
        Ok(found) if !found.file_type().is_socket() => Err(PlaceError::NotSocket(path.to_owned())),
        Ok(_) => fs::remove_file(path).map_err(io),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io(error)),
    }
}

/// A directory in a shared place such as `/tmp` may have been made by somebody else, or be a link.
fn check(dir: &Path, found: &fs::Metadata) -> Result<(), PlaceError> {
    let refuse = |reason| Err(PlaceError::Directory { dir: dir.to_owned(), reason });
    if !found.is_dir() {
        return refuse("it is no directory");
    }
    if found.uid() != geteuid().as_raw() {
        return refuse("it belongs to somebody else");
    }
    if found.permissions().mode() & 0o077 != 0 {
        return refuse("others can enter it");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn private() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        dir
    }

    #[test]
    fn the_directory_is_made_for_its_owner_alone() {
        let dir = private();
        let path = dir.path().join("sockets/node.sock");
        prepare(&path).unwrap();
        let mode = fs::metadata(dir.path().join("sockets")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_directory_that_others_can_enter_and_a_link_are_refused() {
        let dir = private();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o710)).unwrap();
        assert!(matches!(prepare(&dir.path().join("node.sock")), Err(PlaceError::Directory { .. })));
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let elsewhere = private();
        std::os::unix::fs::symlink(elsewhere.path(), dir.path().join("link")).unwrap();
        assert!(matches!(prepare(&dir.path().join("link/node.sock")), Err(PlaceError::Directory { .. })));
    }

    #[test]
    fn a_stale_socket_goes_and_a_file_stays() {
        let dir = private();
        let path = dir.path().join("node.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        prepare(&path).unwrap();
        assert!(!path.exists());
        fs::write(&path, "precious").unwrap();
        assert!(matches!(prepare(&path), Err(PlaceError::NotSocket(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
