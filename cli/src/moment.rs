//! Times for people: how long ago.

use std::time::{SystemTime, UNIX_EPOCH};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long ago `at` was, or how far ahead it is; `at` in ms since 1970.
pub(crate) fn ago(at: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs());
    distance(now, at / 1000)
}

fn distance(now: u64, at: u64) -> String {
    let words = |seconds: u64| match seconds {
        s if s < MINUTE => format!("{s}s"),
        s if s < HOUR => format!("{}m", s / MINUTE),
        s if s < DAY => format!("{}h", s / HOUR),
        s => format!("{}d", s / DAY),
    };
    if at > now { format!("in {}", words(at - now)) } else { words(now - at) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_short() {
        assert_eq!(distance(1000, 1000), "0s");
        assert_eq!(distance(1000, 941), "59s");
        assert_eq!(distance(100_000, 100_000 - 7_300), "2h");
        assert_eq!(distance(1_000_000, 1), "11d");
        assert_eq!(distance(1000, 1300), "in 5m");
    }
}
