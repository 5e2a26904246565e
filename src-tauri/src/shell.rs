//! Builds the application: plugins, commands and the first window.
//!
//! Owns the order in which things start. It must not know what a call of the page means.
//! Invariant: the single-instance plugin is the first one, so that a second start never opens a home.

use anyhow::Context as _;
use madang_api::Event;
use tauri::{AppHandle, Manager as _, RunEvent};
use tauri_plugin_deep_link::DeepLinkExt as _;

use crate::{badge, link, platform, rpc, window};

/// Runs the desktop until its last window is closed.
///
/// # Errors
/// When the window system or the page cannot be started.
pub fn run() -> anyhow::Result<()> {
    platform::before_start();
    let app = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _arguments, _folder| window::show(app)))
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_opener::init())
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .manage(rpc::Subscribers::default())
        .invoke_handler(tauri::generate_handler![rpc::rpc, rpc::subscribe, link::open_link, badge::badge])
        .setup(|app| {
            let handle = app.handle().clone();
            app.deep_link().on_open_url(move |event| {
                for url in event.urls() {
                    hand_over(&handle, url.as_str());
                }
            });
            // The link that started the program was there before anybody could listen.
            for url in app.deep_link().get_current()?.unwrap_or_default() {
                hand_over(app.handle(), url.as_str());
            }
            window::open(app.handle())?;
            Ok(())
        })
        .build(tauri::generate_context!())
        .context("Cannot start the window system")?;
    app.run(|app, event| {
        if let RunEvent::Ready = event {
            window::show(app);
        }
    });
    Ok(())
}

/// Gives a link to the page, which asks the person before anything is done with it.
fn hand_over(app: &AppHandle, link: &str) {
    window::show(app);
    if link::is_ours(link) {
        app.state::<rpc::Subscribers>().tell(&Event::Link { link: link.to_owned() });
    }
}
