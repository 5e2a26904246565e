//! Notifications of the system about messages that the person does not see.
//!
//! Owns what is shown and until when. It must not know how a message is kept. Invariant: at most one
//! notification per room, and none about a room that has been read.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod rules;

#[cfg(target_os = "linux")]
pub(crate) use linux::hear;

/// Other systems show none yet.
#[cfg(not(target_os = "linux"))]
pub(crate) fn hear(_app: &tauri::AppHandle, _session: &madang_api::Session) {}
