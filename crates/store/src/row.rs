//! Rows: typed row numbers and the conversions between columns and values.
//!
//! Must not know any table. Invariant: a number of one table can never be passed where that of another is meant.

use madang_model::{AccountId, ConvId, DeviceId, InviteId, KeyId, OpId};
use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Result, Row};

macro_rules! row_number {
    ($(#[$doc:meta] $name:ident),* $(,)?) => {$(
        #[$doc]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl ToSql for $name {
            fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(self.0))
            }
        }

        impl FromSql for $name {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                i64::column_result(value).map($name)
            }
        }
    )*};
}

row_number! {
    /// Row number of an op of a conversation.
    OpRow,
    /// Row number of a room.
    RoomRow,
    /// Row number of a device.
    DeviceRow,
    /// Row number of a relay.
    RelayRow,
    /// Row number of a message waiting in a lane.
    LaneRow,
    /// Row number of something waiting to be put at a relay.
    PutRow,
    /// Row number of a parked frame or a parked op.
    ParkedRow,
}

/// An unsigned number as the database stores it, bit for bit.
pub(crate) const fn int(value: u64) -> i64 {
    value.cast_signed()
}

/// A length or limit as the database takes it.
pub(crate) fn limit(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Reads an unsigned number stored by [`int`].
pub(crate) fn uint(row: &Row<'_>, column: usize) -> Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// Reads an unsigned number that may be absent.
pub(crate) fn uint_opt(row: &Row<'_>, column: usize) -> Result<Option<u64>> {
    row.get::<_, Option<i64>>(column).map(|value| value.map(i64::cast_unsigned))
}

macro_rules! id_column {
    ($($name:ident => $type:ident),* $(,)?) => {$(
        pub(crate) fn $name(row: &Row<'_>, column: usize) -> Result<$type> {
            row.get(column).map($type::from_bytes)
        }
    )*};
}

id_column! {
    account_id => AccountId,
    conv_id => ConvId,
    device_id => DeviceId,
    invite_id => InviteId,
    key_id => KeyId,
    op_id => OpId,
}

/// An account id that may be unknown yet, stored as an empty blob.
pub(crate) fn account_known(row: &Row<'_>, column: usize) -> Result<Option<AccountId>> {
    if row.get_ref(column)?.as_blob().is_ok_and(<[u8]>::is_empty) {
        return Ok(None);
    }
    account_id(row, column).map(Some)
}

/// An account id that may be absent (NULL).
pub(crate) fn account_opt(row: &Row<'_>, column: usize) -> Result<Option<AccountId>> {
    row.get::<_, Option<[u8; 32]>>(column).map(|bytes| bytes.map(AccountId::from_bytes))
}

/// A closed list of choices stored as a small number: the enum, its documented variants, and both conversions.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $value:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant = $value),* }

        impl rusqlite::types::ToSql for $name {
            fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
                Ok(rusqlite::types::ToSqlOutput::from(*self as i64))
            }
        }

        impl rusqlite::types::FromSql for $name {
            fn column_result(value: rusqlite::types::ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
                match i64::column_result(value)? {
                    $($value => Ok($name::$variant),)*
                    other => Err(rusqlite::types::FromSqlError::OutOfRange(other)),
                }
            }
        }
    };
}
pub(crate) use choice;
