//! The safety number of two accounts (protocol section 7.3).
//!
//! Owns how it is computed and shown. Invariant: both sides see the same, whoever asks.

use crate::kdf::sha256;

/// Emoji of a safety number.
pub const EMOJI: usize = 7;

/// SHA-256 over both sorted account ids: the QR code.
pub fn safety_digest(one: &[u8; 32], other: &[u8; 32]) -> [u8; 32] {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    sha256(&[&low[..], &high[..]].concat())
}

/// The digest as 7 emoji, 6 bits each from its start.
pub fn safety_emoji(one: &[u8; 32], other: &[u8; 32]) -> [&'static str; EMOJI] {
    let digest = safety_digest(one, other);
    let bits = digest.iter().take(8).fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
    let mut out = [""; EMOJI];
    for (emoji, shift) in out.iter_mut().zip((0..=58_u32).rev().step_by(6)) {
        let index = usize::try_from(bits.checked_shr(shift).unwrap_or(0) & 63).unwrap_or(0);
        *emoji = TABLE.get(index).copied().unwrap_or_default();
    }
    out
}

/// Things that look unlike each other and have a plain name in every language.
const TABLE: [&str; 64] = [
    "🐶", "🐱", "🦁", "🐴", "🐷", "🐘", "🐰", "🐼", "🐓", "🐧", "🐢", "🐟", "🐙", "🦋", "🌷", "🌳", //
    "🌵", "🍄", "🌏", "🌙", "☁️", "🔥", "🍌", "🍎", "🍓", "🌽", "🍕", "🎂", "❤️", "🙂", "🤖", "🎩", //
    "👓", "🔧", "🎅", "👍", "☂️", "⌛", "⏰", "🎁", "💡", "📕", "✏️", "📎", "✂️", "🔒", "🔑", "🔨", //
    "☎️", "🏁", "🚂", "🚲", "✈️", "🚀", "🏆", "⚽", "🎸", "🎺", "🔔", "⚓", "🎧", "📁", "📌", "🧲", //
];
