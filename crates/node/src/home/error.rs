//! Why a home cannot be made, opened or brought back.

use madang_crypto::PhraseError;
use madang_model::text::TextError;
use madang_store::OpenError;

/// Failure of a home. Nothing was changed when one is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The home has an account.
    #[error("This home has an account already")]
    Exists,
    /// The directory is there, the account is not.
    #[error("This home has no account")]
    NoAccount,
    /// Not even the directory is there.
    #[error("There is no home at this place")]
    NoHome,
    /// A passphrase is needed that was not given.
    #[error("This home is locked with a passphrase")]
    Locked,
    /// A key of this machine opens the home, and it cannot be had; says why, for each.
    #[error("The key of this home cannot be had: {0}")]
    KeyMissing(String),
    /// The passphrase is wrong.
    #[error("The passphrase does not open this home")]
    WrongSecret,
    /// Another process holds the home.
    #[error("The home is in use by process {pid}")]
    InUse {
        /// Its process id; 0 in the instant before it has written it.
        pid: u32,
    },
    /// A newer version wrote the home.
    #[error("The home has schema {found}; this version knows schemas up to {supported}")]
    NewerHome {
        /// Schema of the home.
        found: u32,
        /// Newest schema that this version knows.
        supported: u32,
    },
    /// There is a store, and nothing that opens it.
    #[error("The file of key slots of this home is missing")]
    SlotsMissing,
    /// A file is damaged.
    #[error("The home is damaged: {0}")]
    Damaged(String),
    /// No space left.
    #[error("The disk is full")]
    DiskFull,
    /// The name is empty or too long.
    #[error("The name is not acceptable: {0}")]
    Name(TextError),
    /// The recovery phrase is mistyped.
    #[error("The recovery phrase is wrong: {0}")]
    Phrase(PhraseError),
    /// The account lies on a relay, and none can be asked.
    #[error("{0}")]
    Offline(&'static str),
    /// The phrase could not be handed to the caller, so no account was made.
    #[error("The recovery phrase could not be kept: {0}")]
    Unkept(std::io::Error),
    /// The path of the home is a file.
    #[error("The home is no directory: {}", .0.display())]
    NoDirectory(std::path::PathBuf),
    /// This user may not read or write the home.
    #[error("The home cannot be read and written: {0}")]
    Denied(String),
    /// The operating system refused.
    #[error("{0}")]
    Io(String),
}

impl Error {
    /// Wraps an answer of the operating system, keeping apart what a person can do something about.
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind;
        let said = format!("{what}: {error}");
        match error.kind() {
            _ if is_full(error) => Self::DiskFull,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Self::Denied(said),
            _ => Self::Io(said),
        }
    }
}

/// A quota and a file size limit are, to a person, a full disk too.
pub(crate) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::InUse { pid } => Self::InUse { pid },
            OpenError::NotFound => Self::Damaged("the store is missing".to_owned()),
            OpenError::Exists => Self::Exists,
            // The key came out of an authenticated slot, so it is the right one.
            OpenError::WrongKey => Self::Damaged("the store belongs to another key".to_owned()),
            OpenError::Damaged { detail } => Self::Damaged(detail),
            OpenError::NewerHome { found, supported } => Self::NewerHome { found, supported },
            OpenError::DiskFull => Self::DiskFull,
            OpenError::NoDirectory { path } => Self::NoDirectory(path),
            OpenError::Denied(said) => Self::Denied(said),
            other => Self::Io(other.to_string()),
        }
    }
}

impl From<madang_store::Error> for Error {
    fn from(error: madang_store::Error) -> Self {
        OpenError::from(error).into()
    }
}
