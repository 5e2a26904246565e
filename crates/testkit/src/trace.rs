//! What a relay has seen: its frame trace, taken apart.
//!
//! It must not know how to open anything. Invariant: every body that somebody has put is among the bodies, whether the
//! relay kept it or not.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader},
    path::Path,
};

use anyhow::{Context as _, Result, ensure};
use data_encoding::BASE64;
use madang_wire::{RelayBody, RelayFrame, decode};
use serde_json::Value;

/// Bytes that two texts do not share by chance.
pub const WINDOW: usize = 16;

/// The frames of a relay.
#[derive(Debug, Default)]
pub struct Trace {
    frames: Vec<(String, Vec<u8>)>,
    bodies: BTreeSet<Vec<u8>>,
}

impl Trace {
    /// Reads the file that `madang-relay run --dev --trace-frames` has written.
    ///
    /// # Errors
    /// When it is no trace, or nobody has put anything.
    pub fn read(file: &Path) -> Result<Self> {
        let mut trace = Self::default();
        for line in BufReader::new(std::fs::File::open(file)?).lines() {
            let line: Value = serde_json::from_str(&line?)?;
            let text = |field: &str| line[field].as_str().with_context(|| format!("no {field} in {line}"));
            let bytes = BASE64.decode(text("bytes")?.as_bytes())?;
            trace.bodies.extend(bodies(decode::<RelayFrame>(&bytes)?));
            trace.frames.push((text("frame")?.to_owned(), bytes));
        }
        ensure!(!trace.bodies.is_empty(), "nobody has put anything");
        Ok(trace)
    }

    /// Names and bytes of the frames.
    pub fn frames(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.frames.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// What was put into boxes and slots.
    pub fn bodies(&self) -> impl Iterator<Item = &[u8]> {
        self.bodies.iter().map(Vec::as_slice)
    }
}

/// The windows of [`WINDOW`] bytes that stand in both.
pub fn common_windows<'a>(
    one: impl IntoIterator<Item = &'a [u8]>,
    other: impl IntoIterator<Item = &'a [u8]>,
) -> BTreeSet<Vec<u8>> {
    let known: std::collections::HashSet<&[u8]> =
        one.into_iter().flat_map(|bytes| bytes.windows(WINDOW)).collect();
    let windows = other.into_iter().flat_map(|bytes| bytes.windows(WINDOW));
    windows.filter(|window| known.contains(window)).map(<[u8]>::to_vec).collect()
}

fn bodies(frame: RelayFrame) -> Vec<Vec<u8>> {
    match frame.body {
        Some(RelayBody::Put(put)) => vec![put.body],
        Some(RelayBody::PutMany(many)) => many.puts.into_iter().map(|put| put.body).collect(),
        Some(RelayBody::Items(items)) => items.items.into_iter().map(|item| item.body).collect(),
        Some(RelayBody::SlotPut(put)) => vec![put.body],
        Some(RelayBody::Slot(slot)) => vec![slot.body],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use madang_wire::{Message as _, Put, PutMany};

    #[test]
    fn a_window_in_both_is_found_wherever_it_stands() {
        let shared = b"sixteen letters!";
        let one = [b"xx".as_slice(), shared, b"yyy"].concat();
        let other = [shared.as_slice(), b"zz"].concat();
        let found = common_windows([one.as_slice()], [b"nothing".as_slice(), other.as_slice()]);
        assert_eq!(found, BTreeSet::from([shared.to_vec()]));
        assert!(common_windows([one.as_slice()], [&other[1..]]).is_empty());
    }

    #[test]
    fn a_trace_is_taken_apart() {
        let put = |body: &[u8]| Put { body: body.to_vec(), ..Put::default() };
        let many = PutMany { puts: vec![put(b"one"), put(b"two")] };
        let frame = RelayFrame { id: 1, body: Some(RelayBody::PutMany(many)) }.encode_to_vec();
        let line =
            |bytes: &[u8]| format!("{{\"frame\":\"put_many\",\"bytes\":\"{}\"}}\n", BASE64.encode(bytes));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), line(&frame)).unwrap();
        let trace = Trace::read(file.path()).unwrap();
        assert_eq!(trace.bodies().collect::<Vec<_>>(), [b"one", b"two"]);
        assert_eq!(trace.frames().collect::<Vec<_>>(), [("put_many", frame.as_slice())]);
        std::fs::write(file.path(), line(b"")).unwrap();
        assert!(Trace::read(file.path()).is_err());
    }
}
