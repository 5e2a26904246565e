//! The counters that the compiler puts at every branch.
//!
//! Owns the only unsafe code of the repository's own. Invariant: the counters are touched by the one thread that runs
//! the targets.

use std::sync::Mutex;

/// First and last address of the counters of each part of the program.
static PARTS: Mutex<Vec<(usize, usize)>> = Mutex::new(Vec::new());

/// Called by every instrumented part before `main`.
///
/// # Safety
/// The part promises that its counters lie between the two addresses for as long as the program runs.
#[unsafe(no_mangle)]
unsafe extern "C" fn __sanitizer_cov_8bit_counters_init(start: *mut u8, stop: *mut u8) {
    let part = (start as usize, stop as usize);
    let mut parts = PARTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if part.0 < part.1 && !parts.contains(&part) {
        parts.push(part);
    }
}

/// What has been reached so far.
pub(crate) struct Reached {
    parts: Vec<(usize, usize)>,
    /// By counter, one bit for each magnitude.
    seen: Vec<u8>,
}

impl Reached {
    /// Nothing yet; none when the program was built without counters.
    pub(crate) fn new() -> Option<Self> {
        let parts = PARTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let length = parts.iter().map(|(start, stop)| stop - start).sum();
        (length > 0).then(|| Self { parts, seen: vec![0; length] })
    }

    /// Counts from zero.
    pub(crate) fn reset(&mut self) {
        for (start, stop) in &self.parts {
            // SAFETY: by the promise of the part, and nothing else refers to its counters.
            unsafe { std::ptr::write_bytes(*start as *mut u8, 0, stop - start) };
        }
    }

    /// Whether something was reached for the first time, or far more or less often than ever before.
    pub(crate) fn grown(&mut self) -> bool {
        let mut grown = false;
        let mut seen = self.seen.iter_mut();
        for (start, stop) in &self.parts {
            // SAFETY: by the promise of the part; the targets do not run now.
            let counts = unsafe { std::slice::from_raw_parts(*start as *const u8, stop - start) };
            for (count, seen) in counts.iter().zip(&mut seen) {
                let bit = match count {
                    0 => continue,
                    1 => 1,
                    2 => 2,
                    3 => 4,
                    4..8 => 8,
                    8..16 => 16,
                    16..32 => 32,
                    32..128 => 64,
                    128.. => 128,
                };
                if *seen & bit == 0 {
                    *seen |= bit;
                    grown = true;
                }
            }
        }
        grown
    }

    /// Branches reached, and branches there are.
    pub(crate) fn branches(&self) -> (usize, usize) {
        (self.seen.iter().filter(|seen| **seen != 0).count(), self.seen.len())
    }
}
