//! When own messages reached a device or were read by somebody, for `message why`.
//!
//! It must not know what is asked. Invariant: a time is told only for what was seen to happen; of older
//! messages it is unknown.

use madang_model::{AccountId, DeviceId};
use madang_store::{Conn, RoomRow, meta};

use crate::error::Error;

/// Steps remembered per reader.
const STEPS: usize = 128;
/// Bytes of one step: number in the own line, time.
const STEP: usize = 16;

/// Row of the steps in which a device committed the own line of a room.
pub(crate) fn committed_by(room: RoomRow, device: &DeviceId) -> String {
    format!("room.{}.committed.{device}", room.0)
}

/// Row of the steps in which an account read the own line of a room.
pub(crate) fn read_by(room: RoomRow, account: &AccountId) -> String {
    format!("room.{}.read.{account}", room.0)
}

/// Notes that everything up to `seq` was reached at `at`, ms since 1970.
pub(crate) fn note(db: &Conn, row: &str, seq: u64, at: u64) -> Result<(), Error> {
    let mut steps = load(db, row)?;
    if steps.last().is_some_and(|(last, _)| *last >= seq) {
        return Ok(());
    }
    steps.push((seq, at));
    let dropped = steps.len().saturating_sub(STEPS);
    steps.drain(..dropped);
    if dropped > 0
        && let Some(first) = steps.first_mut()
    {
        // What is below it may have been reached earlier.
        first.1 = 0;
    }
    let bytes: Vec<u8> =
        steps.iter().flat_map(|(seq, at)| [seq.to_be_bytes(), at.to_be_bytes()].concat()).collect();
    Ok(meta::set(db, row, &bytes)?)
}

/// When number `seq` was reached, ms since 1970; 0 when that is not known.
pub(crate) fn when(db: &Conn, row: &str, seq: u64) -> Result<u64, Error> {
    Ok(load(db, row)?.iter().find(|(upto, _)| seq <= *upto).map_or(0, |(_, at)| *at))
}

fn load(db: &Conn, row: &str) -> Result<Vec<(u64, u64)>, Error> {
    let bytes = meta::get(db, row)?.unwrap_or_default();
    let number = |bytes: &[u8]| bytes.try_into().map(u64::from_be_bytes).unwrap_or_default();
    Ok(bytes
        .as_chunks::<STEP>()
        .0
        .iter()
        .map(|step| (number(step.get(..8).unwrap_or_default()), number(step.get(8..).unwrap_or_default())))
        .collect())
}
