//! The main window: opening it and bringing it to the front.
//!
//! It must not know what the page shows. Invariant: there is at most one main window.

use tauri::{AppHandle, Manager as _, WebviewUrl, WebviewWindowBuilder};

use crate::platform;

/// Label of the main window; the capability file names it.
const MAIN: &str = "main";

/// Opens the main window.
///
/// # Errors
/// When the web view cannot be made.
pub(crate) fn open(app: &AppHandle) -> tauri::Result<()> {
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
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
