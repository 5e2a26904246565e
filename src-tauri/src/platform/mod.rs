//! What one operating system needs and the others do not. One file per system.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::{after_open, before_start};

/// Nothing has to be set before the start.
#[cfg(not(target_os = "linux"))]
pub(crate) fn before_start() {}

/// Nothing has to be changed in the window.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "the same signature as on Linux")]
pub(crate) fn after_open(_window: &tauri::WebviewWindow) -> tauri::Result<()> {
    Ok(())
}
