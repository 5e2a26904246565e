//! What the operating system says: in Korean, and what can be done about it.
//!
//! Owns the words for its kinds of errors. It must not know what was being done. Invariant: the number of the system is
//! kept, so that it can be searched for.

use std::io::{Error, ErrorKind};

use super::{Both, both};

/// An error of the system in Korean; one that has no words here is told as the system does.
pub(super) fn korean(error: &Error) -> String {
    let said = match error.kind() {
        ErrorKind::NotFound => "그런 파일이나 디렉터리가 없습니다",
        ErrorKind::PermissionDenied => "권한이 없습니다",
        ErrorKind::AlreadyExists => "이미 있습니다",
        ErrorKind::NotADirectory => "디렉터리가 아닙니다",
        ErrorKind::IsADirectory => "디렉터리입니다",
        ErrorKind::ReadOnlyFilesystem => "읽기만 할 수 있는 파일 시스템입니다",
        ErrorKind::StorageFull => "디스크가 가득 찼습니다",
        ErrorKind::QuotaExceeded => "디스크 사용 한도를 넘었습니다",
        ErrorKind::InvalidData => "올바른 UTF-8 글이 아닙니다",
        ErrorKind::AddrInUse => "이미 쓰이고 있는 주소입니다",
        ErrorKind::AddrNotAvailable => "이 컴퓨터에 없는 주소입니다",
        ErrorKind::ConnectionRefused => "연결이 거부되었습니다",
        ErrorKind::ConnectionReset => "연결이 끊겼습니다",
        ErrorKind::BrokenPipe => "읽는 쪽이 닫았습니다",
        _ => return error.to_string(),
    };
    error.raw_os_error().map_or_else(|| said.to_owned(), |number| format!("{said} (os error {number})"))
}

/// What to do about a file or directory that cannot be used, when the reason alone says it.
pub(super) fn file(error: &Error) -> Option<Both> {
    Some(match error.kind() {
        ErrorKind::PermissionDenied => both(
            "Give it to the user that runs the relay (chown), or run this as a user who may.",
            "릴레이를 실행하는 사용자에게 주거나(chown), 권한이 있는 사용자로 실행하세요.",
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            both("Free some space on this disk and try again.", "이 디스크의 공간을 비우고 다시 시도하세요.")
        }
        ErrorKind::ReadOnlyFilesystem => both(
            "Mount it for writing, or choose another place.",
            "쓸 수 있게 마운트하거나 다른 곳을 고르세요.",
        ),
        ErrorKind::InvalidData => both("Save it as UTF-8 text.", "UTF-8 글로 저장하세요."),
        _ => return None,
    })
}

/// What to do about an address that cannot be listened on; `option` is where it is set.
pub(super) fn address(error: &Error, option: &str) -> Both {
    match error.kind() {
        ErrorKind::AddrInUse => both(
            format!("Another program uses this port: end it, or set another port in {option}."),
            format!(
                "다른 프로그램이 이 포트를 쓰고 있습니다. 그 프로그램을 끝내거나 {option}에서 다른 포트를 고르세요."
            ),
        ),
        ErrorKind::AddrNotAvailable => both(
            format!("Set an address of this machine in {option}; 0.0.0.0 stands for all of them."),
            format!("{option}에 이 컴퓨터의 주소를 적으세요. 0.0.0.0은 모든 주소입니다."),
        ),
        ErrorKind::PermissionDenied => both(
            format!("Ports below 1024 need a privilege: set a higher one in {option}."),
            format!("1024보다 작은 포트에는 특별한 권한이 필요합니다. {option}에서 더 큰 포트를 고르세요."),
        ),
        _ => both(format!("Check the address in {option}."), format!("{option}의 주소를 확인하세요.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use madang_terminal::is_korean;

    #[test]
    fn what_the_system_says_keeps_its_number() {
        for number in [2, 13, 20, 21, 28, 30, 98, 99, 111] {
            let error = Error::from_raw_os_error(number);
            let said = korean(&error);
            assert!(is_korean(&said) && said.contains(&format!("(os error {number})")), "{error}: {said}");
        }
        let other = Error::other("something that this program does not know");
        assert_eq!(korean(&other), other.to_string());
    }
}
