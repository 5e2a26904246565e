//! What the programs of today never do to a store: rows vanish from it, a later program has written to it.

use std::path::Path;

use anyhow::Result;
use madang_node::home;

use crate::PASSPHRASE;

/// Removes about `count` messages of one room from the store of a home on which no node runs, spread over the whole
/// room, and answers how many it were. Everything else in the store stays, as after a fault of a disk.
///
/// # Errors
/// When the home cannot be opened.
pub fn lose_messages(dir: &Path, room: &str, count: usize) -> Result<usize> {
    let held = home::hold(dir)?;
    let mut store = home::open(&held, Some(PASSPHRASE))?.store;
    let tx = store.writer.begin()?;
    // Every third one, of all authors.
    let lost = tx.execute(
        "DELETE FROM op WHERE row IN (
             SELECT op.row FROM op JOIN room ON room.row = op.room
             WHERE lower(hex(room.conv)) = ?1 AND op.kind >= 32 AND op.row % 3 = 0 ORDER BY op.id LIMIT ?2)",
        (room, i64::try_from(count)?),
    )?;
    tx.commit()?;
    store.writer.close()?;
    Ok(lost)
}

/// Makes the store of a home on which no node runs look as if a later program had changed its schema.
///
/// # Errors
/// When the home cannot be opened.
pub fn make_newer(dir: &Path) -> Result<()> {
    let held = home::hold(dir)?;
    let store = home::open(&held, Some(PASSPHRASE))?.store;
    let version: i64 = store.writer.conn().query_row("PRAGMA user_version", (), |row| row.get(0))?;
    store.writer.conn().execute_batch(&format!("PRAGMA user_version = {}", version + 1))?;
    store.writer.close()?;
    Ok(())
}
