//! Known defects of WebKitGTK and what is done about each, one function per defect.
//!
//! It must not know the page. Invariant: a variable that the person has set is never overwritten.

#![allow(unsafe_code, reason = "an environment variable is set before any thread exists")]

use std::{env, path::Path};

use tauri::WebviewWindow;
use webkit2gtk::{InputMethodContextExt as _, SettingsExt as _, WebViewExt as _};

/// Switches the visible composition of input methods off when set to `0`, for an old fcitx.
const PREEDIT: &str = "MADANG_IME_PREEDIT";
/// Makes WebKitGTK draw without dmabuf.
const NO_DMABUF: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// What has to be set before the window system starts.
pub(crate) fn before_start() {
    draw_without_dmabuf_on_nvidia();
}

/// What has to be changed in a web view once it exists.
///
/// # Errors
/// When the web view is gone already.
pub(crate) fn after_open(window: &WebviewWindow) -> tauri::Result<()> {
    window.with_webview(|webview| {
        let view = webview.inner();
        show_composition(&view);
        scroll_at_once(&view);
    })
}

/// The window stays blank with the proprietary NVIDIA driver (<https://github.com/tauri-apps/tauri/issues/8462>).
fn draw_without_dmabuf_on_nvidia() {
    if env::var_os(NO_DMABUF).is_none() && Path::new("/proc/driver/nvidia/version").exists() {
        // SAFETY: this is the first thing the program does, and no other thread exists yet.
        unsafe { env::set_var(NO_DMABUF, "1") };
    }
}

/// A Hangul syllable being typed is invisible because the web view is made with the composition
/// switched off (<https://github.com/tauri-apps/wry/issues/1724>).
fn show_composition(view: &webkit2gtk::WebView) {
    let wanted = env::var_os(PREEDIT).is_none_or(|value| value != "0");
    if let Some(context) = view.input_method_context() {
        context.set_enable_preedit(wanted);
    }
}

/// Smooth scrolling gets slower the faster one scrolls (<https://bugs.webkit.org/show_bug.cgi?id=258926>).
fn scroll_at_once(view: &webkit2gtk::WebView) {
    if let Some(settings) = webkit2gtk::WebViewExt::settings(view) {
        settings.set_enable_smooth_scrolling(false);
    }
}
