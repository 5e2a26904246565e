//! How a command ends when it does not end well, and with which exit code.

use std::io;

use madang_api::{Code, Error};

use crate::words::{Language, notices::Notice};

/// Exit code of a program that was interrupted from the keyboard.
const INTERRUPTED: u8 = 130;

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A call or a check failed.
    Api(Error),
    /// A failure whose code has a sentence that would not be the whole truth here, and what is said to people instead.
    Worded(Error, Notice),
    /// Standard output was closed by its reader: nobody wants more, which is no failure.
    Closed,
    /// Interrupted from the keyboard.
    Interrupted,
    /// A check of `doctor` found something; it is on standard output already.
    Unwell,
}

impl Failure {
    /// A wrong use of the command line.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Api(Error::new(Code::Usage, message))
    }

    /// A failure with words of its own; `code` is what scripts are told.
    pub(crate) fn worded(code: Code, notice: Notice) -> Self {
        Self::Worded(Error::new(code, notice.say(Language::English)), notice)
    }

    /// The exit code that the contract gives it.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Api(error) | Self::Worded(error, _) => exit_code(error.code),
            Self::Closed => 0,
            Self::Interrupted => INTERRUPTED,
            Self::Unwell => 1,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Api(error)
    }
}

/// Of standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            io::ErrorKind::StorageFull => {
                Self::Api(Error::new(Code::DiskFull, "The output could not be written: the disk is full"))
            }
            _ => Self::Api(Error::new(Code::Internal, format!("The output could not be written: {error}"))),
        }
    }
}

/// 2 usage, 3 no node, 4 not found, 5 offline, 1 anything else.
fn exit_code(code: Code) -> u8 {
    match code {
        Code::Usage | Code::TooLarge => 2,
        Code::NotRunning => 3,
        Code::NotFound => 4,
        Code::Offline => 5,
        Code::Exists
        | Code::NoAccount
        | Code::Locked
        | Code::InUse
        | Code::WrongSecret
        | Code::BadLink
        | Code::InviteUsed
        | Code::InviteExpired
        | Code::InviteRevoked
        | Code::NotMember
        | Code::Clock
        | Code::DiskFull
        | Code::NewerHome
        | Code::Damaged
        | Code::Denied
        | Code::Internal => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).exit_code(), 0);
        assert_eq!(Failure::from(io::Error::from(io::ErrorKind::StorageFull)).exit_code(), 1);
    }
}
