//! The frame trace of tests.
//!
//! Owns the file. It must not know what is in a frame. Invariant: it exists only with `--dev`; what it writes is what
//! the relay saw, byte for byte.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

/// Direction of a frame, seen from the relay.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    In,
    Out,
}

#[derive(Serialize)]
struct Line<'a> {
    at: u64,
    dir: Direction,
    conn: u64,
    frame: &'a str,
    bytes: String,
}

/// One JSON line per decoded frame.
pub(crate) struct Trace {
    file: Mutex<BufWriter<File>>,
}

impl Trace {
    /// Starts a trace in a file, which is emptied first.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub(crate) fn create(path: &Path) -> std::io::Result<Self> {
        Ok(Self { file: Mutex::new(BufWriter::new(File::create(path)?)) })
    }

    /// Writes a frame down. `at` is ms since 1970, `conn` the number of the peer.
    pub(crate) fn frame(&self, at: u64, dir: Direction, conn: u64, frame: &str, bytes: &[u8]) {
        let line = Line { at, dir, conn, frame, bytes: data_encoding::BASE64.encode(bytes) };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let written = serde_json::to_writer(&mut *file, &line)
            .map_err(std::io::Error::from)
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.flush());
        if let Err(error) = written {
            tracing::error!(%error, "a frame could not be traced");
        }
    }
}
