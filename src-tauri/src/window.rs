//! The main window: opening it and bringing it to the front.
//!
//! It must not know what the page shows. Invariant: there is at most one main window.

use madang_terminal::Language;
use tauri::{AppHandle, Manager as _, WebviewUrl, WebviewWindowBuilder};

use crate::platform;

/// Label of the main window; the capability file names it.
pub(crate) const MAIN: &str = "main";

/// The first page. A web engine speaks no language whose locale is not installed, so that the page is told of
/// the one that the environment asks for; where it asks for none, the engine knows better.
fn page(system: Language) -> &'static str {
    match system {
        Language::Korean => "index.html?system=ko",
        Language::English => "index.html",
    }
}

/// Opens the main window.
///
/// # Errors
/// When the web view cannot be made.
pub(crate) fn open(app: &AppHandle) -> tauri::Result<()> {
    let system = Language::of_process();
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App(page(system).into()))
        .title("Madang")
        .inner_size(1200.0, 800.0)
        .min_inner_size(360.0, 480.0)
        .on_navigation(|url| matches!(url.scheme(), "tauri") || url.host_str() == Some("tauri.localhost"))
        .build()?;
    platform::after_open(&window)
}

/// Shows the main window and gives it the focus.
pub(crate) fn show(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    let shown = window.show().and_then(|()| window.unminimize()).and_then(|()| window.set_focus());
    if let Err(error) = shown {
        tracing::warn!(%error, "cannot bring the window to the front");
    }
}

/// Whether the person has this room before the eyes: the window has the focus, and its page shows the room.
pub(crate) fn shows_room(app: &AppHandle, room: &str) -> bool {
    let Some(window) = app.get_webview_window(MAIN) else { return false };
    let focused = window.is_focused().unwrap_or(false);
    focused && window.url().is_ok_and(|url| url.fragment().is_some_and(|shown| is_room(shown, room)))
}

/// Whether the address of the page (`/rooms/ID`) is that of the room.
fn is_room(fragment: &str, room: &str) -> bool {
    fragment.strip_prefix("/rooms/") == Some(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_told_of_korean_alone() {
        assert_eq!(page(Language::Korean), "index.html?system=ko");
        assert_eq!(page(Language::English), "index.html");
    }

    #[test]
    fn only_the_address_of_a_room_shows_it() {
        assert!(is_room("/rooms/ab12", "ab12"));
        for other in ["/rooms/ab123", "/rooms", "/friends/ab12", "/rooms/"] {
            assert!(!is_room(other, "ab12"), "{other}");
        }
    }
}
