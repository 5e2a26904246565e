//! The number of unread rooms: on the icon where the system can show it, and always in the title.
//!
//! It must not know which rooms count; the page says the number. Invariant: at zero no number is left.

use madang_api::{Code, Error};
use tauri::WebviewWindow;

/// Largest number that is shown.
const SHOWN_MAX: u32 = 999;

/// Title of a window whose page calls itself `title`, with `count` unread rooms.
fn titled(title: &str, count: u32) -> String {
    match count {
        0 => title.to_owned(),
        n if n > SHOWN_MAX => format!("({SHOWN_MAX}+) {title}"),
        n => format!("({n}) {title}"),
    }
}

/// Shows `count` unread rooms on the icon and before `title`.
#[tauri::command]
pub(crate) fn badge(window: WebviewWindow, count: u32, title: String) -> Result<(), Error> {
    let internal = |error: tauri::Error| Error::new(Code::Internal, error.to_string());
    window.set_title(&titled(&title, count)).map_err(internal)?;
    let shown = (count > 0).then(|| i64::from(count.min(SHOWN_MAX)));
    window.set_badge_count(shown).map_err(internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_carries_the_number_and_loses_it_at_zero() {
        assert_eq!(titled("마당", 0), "마당");
        assert_eq!(titled("Madang", 3), "(3) Madang");
        assert_eq!(titled("Madang", 1000), "(999+) Madang");
    }
}
