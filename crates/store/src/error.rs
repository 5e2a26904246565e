//! Errors: what can go wrong while opening a home or its store, and what can go wrong while using it.
//!
//! Must not know: who asked and what the person is told. Invariant: a full disk is always `DiskFull`, whatever layer
//! noticed it, because it is the one fault that heals by itself.

use rusqlite::ErrorCode;

/// Result of using an open store.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a query, a commit or a checkpoint can fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No space left on the device. The transaction changed nothing; it may be tried again once there is space.
    #[error("no space left on the device")]
    DiskFull,
    /// Another connection held the write lock for longer than the busy timeout.
    #[error("the store is busy")]
    Busy,
    /// A page failed its check or the file contradicts itself.
    #[error("the store is damaged: {0}")]
    Corrupt(String),
    /// This user may not read or write the store.
    #[error("the store may not be read or written: {0}")]
    Denied(String),
    /// The operating system refused a read or a write.
    #[error("reading or writing the store failed: {0}")]
    Io(String),
    /// A row breaks a rule of the schema: a duplicate, or a reference to a row that does not exist.
    #[error("a row breaks a rule of the schema: {0}")]
    Constraint(String),
    /// A stored value is not of the form this version writes, for example an id of the wrong length.
    #[error("a stored value is malformed: {0}")]
    Malformed(String),
    /// Any other answer of the database: a mistake in this crate.
    #[error("the database refused a statement: {0}")]
    Sql(String),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match &error {
            rusqlite::Error::SqliteFailure(failure, said) => match failure.code {
                ErrorCode::DiskFull => Error::DiskFull,
                // The index of the write-ahead log is mapped memory: its file could not be made longer.
                ErrorCode::SystemIoFailure
                    if failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE =>
                {
                    Error::DiskFull
                }
                ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => Error::Busy,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Error::Corrupt(text),
                ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::FileLockingProtocolFailed => {
                    Error::Io(text)
                }
                ErrorCode::ReadOnly | ErrorCode::PermissionDenied => Error::Denied(text),
                ErrorCode::Unknown | ErrorCode::OutOfMemory if is_of_page(said.as_deref()) => {
                    Error::Corrupt(text)
                }
                ErrorCode::ConstraintViolation => Error::Constraint(text),
                _ => Error::Sql(text),
            },
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..) => Error::Malformed(text),
            _ => Error::Sql(text),
        }
    }
}

/// Whether a failure without a code of its own is that of a page which does not decrypt: the cipher then answers in
/// general words. A mistake in a statement is told in words of its own.
fn is_of_page(said: Option<&str>) -> bool {
    said.is_none_or(|said| matches!(said, "SQL logic error" | "out of memory" | "not an error"))
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        if is_full(&error) { Error::DiskFull } else { Error::Io(error.to_string()) }
    }
}

/// What opening or creating a home or its store can fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process holds the home. `pid` is 0 in the instant before it has written its number.
    #[error("the home is in use by process {pid}")]
    InUse {
        /// Process id of the holder.
        pid: u32,
    },
    /// There is no store at this path.
    #[error("there is no store here")]
    NotFound,
    /// There already is a store at this path.
    #[error("there is a store here already")]
    Exists,
    /// The key is not the one the store was made with.
    #[error("the key does not open this store")]
    WrongKey,
    /// The key is right and yet the files cannot be read. They have not been written to.
    #[error("the store is damaged: {detail}")]
    Damaged {
        /// What was found, for a person who reports it.
        detail: String,
    },
    /// A newer version of the product has written this store.
    #[error("the store has schema {found}, this version knows {supported}")]
    NewerHome {
        /// Schema version of the file.
        found: u32,
        /// Newest schema version this build knows.
        supported: u32,
    },
    /// No space left on the device.
    #[error("no space left on the device")]
    DiskFull,
    /// The path of the home, or a part of it, is a file.
    #[error("{} is no directory", path.display())]
    NoDirectory {
        /// The path.
        path: std::path::PathBuf,
    },
    /// This user may not read or write here, or nobody may write.
    #[error("{0}")]
    Denied(String),
    /// The operating system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// The answer of the operating system.
        source: std::io::Error,
    },
    /// The database refused for another reason.
    #[error(transparent)]
    Store(Error),
}

impl OpenError {
    /// Wraps an answer of the operating system, keeping apart what a person can do something about.
    pub(crate) fn io(what: impl Into<String>, source: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match source.kind() {
            _ if is_full(&source) => OpenError::DiskFull,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                OpenError::Denied(format!("{}: {source}", what.into()))
            }
            _ => OpenError::Io { what: what.into(), source },
        }
    }

    pub(crate) fn damaged(detail: impl Into<String>) -> Self {
        OpenError::Damaged { detail: detail.into() }
    }
}

impl From<Error> for OpenError {
    fn from(error: Error) -> Self {
        match error {
            Error::DiskFull => OpenError::DiskFull,
            Error::Denied(detail) => OpenError::Denied(detail),
            Error::Corrupt(detail) | Error::Malformed(detail) => OpenError::Damaged { detail },
            other => OpenError::Store(other),
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        OpenError::from(Error::from(error))
    }
}

/// A quota and a file size limit are, to a person, a full disk too.
fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge)
}
