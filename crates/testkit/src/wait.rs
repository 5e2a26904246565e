//! Waiting for something to become true, with an end.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// Looks until `look` finds something, at most for `patience`.
///
/// # Errors
/// When time is up, naming `what`; and whatever `look` fails with.
pub fn wait_until<T>(
    what: &str,
    patience: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() >= patience {
            bail!("waited {} s in vain until {what}", patience.as_secs_f32());
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_ends_with_what_was_found_or_when_time_is_up() {
        let mut looks = 0;
        let found = wait_until("three looks", Duration::from_secs(5), || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(found.unwrap(), 3);
        let never = wait_until::<()>("never", Duration::from_millis(30), || Ok(None));
        assert!(never.unwrap_err().to_string().contains("until never"));
    }
}
