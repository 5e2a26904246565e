//! Builds the application: plugins, commands and the first window.
//!
//! Owns the order in which things start and end. It must not know what a call of the page means.
//! Invariant: the single-instance plugin is the first one, so that a second start never opens a home.

use anyhow::Context as _;
use clap::Parser as _;
use madang_api::Event;
use tauri::{AppHandle, Manager as _, RunEvent};
use tauri_plugin_deep_link::DeepLinkExt as _;
use zeroize::Zeroizing;

use crate::{arguments::Arguments, badge, ending, home::Home, link, place, platform, rpc, window};

/// Runs the desktop until its last window is closed.
///
/// # Errors
/// When there is no place for a home, or the window system or the page cannot be started.
pub fn run() -> anyhow::Result<()> {
    platform::before_start();
    let arguments = Arguments::parse();
    let dir = place::home(arguments.home.clone())?;
    let single = tauri_plugin_single_instance::Builder::new()
        .dbus_id(place::bus_name(&dir))
        .callback(|app, arguments, _folder| started_again(app, &arguments));
    let app = tauri::Builder::default()
        .plugin(single.build())
        .plugin(tauri_plugin_deep_link::init())
        .plugin(tauri_plugin_opener::init())
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .manage(rpc::Subscribers::default())
        .manage(Home::new(dir, arguments.config(), passphrase()))
        .invoke_handler(tauri::generate_handler![rpc::rpc, rpc::subscribe, link::open_link, badge::badge])
        .setup(move |app| {
            if cfg!(target_os = "macos") {
                hear_links(app.handle());
            }
            if let Some(link) = &arguments.link {
                hand_over(app.handle(), link);
            }
            ending::on_signal(app.handle());
            window::open(app.handle())?;
            Ok(())
        })
        .build(context())
        .context("Cannot start the window system")?;
    app.run(|app, event| match event {
        RunEvent::Ready => window::show(app),
        RunEvent::Exit => tauri::async_runtime::block_on(app.state::<Home>().close()),
        _ => {}
    });
    Ok(())
}

/// The passphrase that the program was started with, for a home that opens without being asked.
fn passphrase() -> Option<Zeroizing<String>> {
    let given = std::env::var("MADANG_PASSPHRASE").ok().map(Zeroizing::new);
    given.filter(|passphrase| !passphrase.is_empty())
}

/// What the program is made of: its page, its policy and what its windows may call.
pub(crate) fn context() -> tauri::Context {
    tauri::generate_context!()
}

/// macOS hands links over as events. Elsewhere a link starts the program again, and the plugin for links would
/// tell of some of those a second time: of them whose link is the only argument.
fn hear_links(app: &AppHandle) {
    let handle = app.clone();
    app.deep_link().on_open_url(move |event| {
        for url in event.urls() {
            hand_over(&handle, url.as_str());
        }
    });
}

/// Somebody started the program again on this home: the window that is there comes to the front.
fn started_again(app: &AppHandle, arguments: &[String]) {
    window::show(app);
    if let Some(link) = Arguments::link_of(arguments) {
        hand_over(app, &link);
    }
}

/// Gives a link to the page, which asks the person before anything is done with it.
fn hand_over(app: &AppHandle, link: &str) {
    window::show(app);
    if link::is_ours(link) {
        let (app, event) = (app.clone(), Event::Link { link: link.to_owned() });
        tauri::async_runtime::spawn(async move { app.state::<Home>().announce(&app, event).await });
    }
}
