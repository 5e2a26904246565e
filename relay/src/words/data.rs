//! A data directory or database that cannot be used: in Korean, and what to do about it.
//!
//! Owns these words. It must not know what the files hold. Invariant: whatever could cost data is advised with a copy
//! first.

use super::{Both, both, system};
use crate::data_dir::{Damage, DataDirError};
use crate::storage::StorageError;

/// What is wrong with a data directory, in Korean.
pub(super) fn korean(error: &DataDirError) -> String {
    match error {
        DataDirError::InUse { path, pid } => {
            let pid = pid.map_or_else(|| "번호는 아직 모름".to_owned(), |pid| pid.to_string());
            format!("{}은(는) 다른 릴레이(프로세스 {pid})가 쓰고 있습니다", path.display())
        }
        DataDirError::Newer { path, found, known } => format!(
            "{}은(는) 더 새로운 릴레이가 썼습니다 (배치 {found}, 이 릴레이가 아는 것은 {known}까지)",
            path.display()
        ),
        DataDirError::Damaged { path, damage } => {
            format!("{}이(가) 손상되었습니다: {}", path.display(), damaged(damage))
        }
        DataDirError::Io { path, source } => {
            format!("{}을(를) 쓸 수 없습니다: {}", path.display(), system::korean(source))
        }
    }
}

fn damaged(damage: &Damage) -> String {
    match damage {
        Damage::Version(text) => format!("{text:?}은(는) 버전이 아닙니다"),
        Damage::LongKey => "열쇠라기에는 너무 깁니다".to_owned(),
        Damage::Key => "16진수 64자리의 열쇠가 들어 있지 않습니다".to_owned(),
        Damage::Digits => "16진수로 적힌 열쇠가 들어 있지 않습니다".to_owned(),
    }
}

/// What to do about a data directory.
pub(super) fn advice(error: &DataDirError) -> Both {
    match error {
        DataDirError::InUse { .. } => both(
            "Stop that relay first, or choose another directory with --data.",
            "그 릴레이를 먼저 끝내거나 --data로 다른 디렉터리를 고르세요.",
        ),
        DataDirError::Newer { .. } => newer(),
        DataDirError::Damaged { damage: Damage::Version(_), .. } => both(
            "Keep a copy of the directory and put a backup in its place, or begin anew with another one (--data).",
            "디렉터리를 복사해 두고 백업으로 되돌리거나 다른 디렉터리로 새로 시작하세요 (--data).",
        ),
        DataDirError::Damaged { damage: Damage::LongKey | Damage::Key | Damage::Digits, .. } => both(
            "Put the key back from a copy. If there is none, move the file away: the relay makes a new key, and \
             everybody has to add its new address.",
            "복사해 둔 열쇠로 되돌리세요. 없으면 파일을 다른 곳으로 옮기세요. 릴레이가 새 열쇠를 만들고, 모두가 새 주소를 \
             넣어야 합니다.",
        ),
        DataDirError::Io { source, .. } => system::file(source).unwrap_or_else(|| {
            both(
                "Check this path: --data or storage.data names the directory, network.key_file the key.",
                "경로를 확인하세요. 디렉터리는 --data나 storage.data에, 열쇠는 network.key_file에 적습니다.",
            )
        }),
    }
}

fn newer() -> Both {
    both(
        "No data was changed. Install the version of madang-relay that wrote it, or a later one.",
        "데이터는 바꾸지 않았습니다. 이것을 쓴 버전 이상의 madang-relay를 설치하세요.",
    )
}

/// What is wrong with the database, in Korean.
pub(super) fn database(error: &StorageError) -> String {
    match error {
        StorageError::Full => "디스크가 가득 찼습니다".to_owned(),
        StorageError::Newer { found, known } => {
            format!("데이터베이스의 버전이 {found}이고 이 릴레이는 {known}까지 압니다")
        }
        StorageError::Migration(problem) => {
            format!("데이터베이스를 새 버전으로 옮기지 못했습니다: {problem}")
        }
        StorageError::Database(problem) => format!("데이터베이스에서 오류가 났습니다: {problem}"),
        StorageError::Random(problem) => format!("시스템의 난수원이 실패했습니다: {problem}"),
        StorageError::Closed => "저장소가 닫혔습니다".to_owned(),
    }
}

/// What to do about the database.
pub(super) fn database_advice(error: &StorageError) -> Both {
    match error {
        StorageError::Full => both(
            "Free some space on this disk and start again; nothing acknowledged is lost.",
            "이 디스크의 공간을 비우고 다시 시작하세요. 받았다고 답한 것은 잃지 않았습니다.",
        ),
        StorageError::Newer { .. } => newer(),
        StorageError::Migration(_) | StorageError::Database(_) => both(
            "Check that the user of the relay may write it, and that the disk has room and is sound. If it is damaged, \
             keep a copy of the directory and put a backup in its place.",
            "릴레이의 사용자가 쓸 수 있는지, 디스크에 자리가 있고 성한지 확인하세요. 손상되었으면 디렉터리를 복사해 두고 \
             백업으로 되돌리세요.",
        ),
        StorageError::Random(_) | StorageError::Closed => super::failures::report(),
    }
}
