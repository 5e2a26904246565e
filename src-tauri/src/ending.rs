//! Signals by which the system or the person ends the program.
//!
//! It must not know what has to be saved. Invariant: a signal ends the program as closing its window does.

use tauri::AppHandle;

/// Listens to the signals from now on.
#[cfg(unix)]
pub(crate) fn on_signal(app: &AppHandle) {
    use tokio::signal::unix::{SignalKind, signal};

    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let (mut terminate, mut interrupt) =
            match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
                (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
                (Err(error), _) | (_, Err(error)) => {
                    tracing::error!(%error, "cannot listen to signals");
                    return;
                }
            };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        app.exit(0);
    });
}

/// Other systems close the window instead.
#[cfg(not(unix))]
pub(crate) fn on_signal(_app: &AppHandle) {}
