//! Times for people: how long ago, and when on the clock of this machine.

use std::time::{SystemTime, UNIX_EPOCH};

use jiff::{Timestamp, tz::TimeZone};

use crate::words::Language;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long ago `at` was, or how far ahead it is; `at` in ms since 1970.
pub(crate) fn ago(language: Language, at: u64) -> String {
    distance(language, now_s(), at / 1000)
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.as_secs())
}

fn distance(language: Language, now: u64, at: u64) -> String {
    let seconds = now.abs_diff(at);
    let (number, (english, korean)) = match seconds {
        s if s < MINUTE => (s, ("s", "초")),
        s if s < HOUR => (s / MINUTE, ("m", "분")),
        s if s < DAY => (s / HOUR, ("h", "시간")),
        s => (s / DAY, ("d", "일")),
    };
    match language {
        Language::English if at > now => format!("in {number}{english}"),
        Language::English => format!("{number}{english}"),
        Language::Korean if at > now => format!("{number}{korean} 뒤"),
        Language::Korean => format!("{number}{korean} 전"),
    }
}

/// The time of day here and now.
pub(crate) fn clock_now() -> String {
    clock(now_s().saturating_mul(1_000))
}

/// The time of day here, with the date when it is another day than now; `at` in ms since 1970.
pub(crate) fn clock(at: u64) -> String {
    let now = i64::try_from(now_s().saturating_mul(1_000)).unwrap_or(i64::MAX);
    clock_in(&TimeZone::system(), now, i64::try_from(at).unwrap_or(i64::MAX))
}

fn clock_in(zone: &TimeZone, now: i64, at: i64) -> String {
    let of = |ms| Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX).to_zoned(zone.clone());
    let (now, at) = (of(now), of(at));
    let form = if now.date() == at.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
    at.strftime(form).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_short() {
        let english = |now, at| distance(Language::English, now, at);
        assert_eq!(english(1000, 1000), "0s");
        assert_eq!(english(1000, 941), "59s");
        assert_eq!(english(100_000, 100_000 - 7_300), "2h");
        assert_eq!(english(1_000_000, 1), "11d");
        assert_eq!(english(1000, 1300), "in 5m");
        assert_eq!(distance(Language::Korean, 1000, 1300), "5분 뒤");
        assert_eq!(distance(Language::Korean, 1_000_000, 1), "11일 전");
    }

    #[test]
    fn the_clock_is_that_of_the_place_and_names_another_day() {
        let seoul = TimeZone::fixed(jiff::tz::offset(9));
        let (noon, hour) = (1_795_000_000_000, 3_600_000);
        let shown = |at| clock_in(&seoul, noon, at);
        assert_eq!(clock_in(&TimeZone::UTC, noon, noon), "11:06:40");
        assert_eq!(shown(noon), "20:06:40");
        assert_eq!(shown(noon + hour), "21:06:40");
        assert_eq!(shown(noon + 4 * hour), "2026-11-19 00:06:40");
    }
}
