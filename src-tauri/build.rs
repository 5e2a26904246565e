//! Declares which commands of ours a window may be given, and hands the rest to `tauri_build`.
//!
//! Without the list every window could call every command.

use std::{error::Error, fs, path::Path};

include!("commands.rs");

fn main() -> Result<(), Box<dyn Error>> {
    // The page is built by npm. Checking the Rust side alone must not need it, and the bundler of
    // assets refuses a folder that does not exist.
    fs::create_dir_all(Path::new("../ui/dist"))?;
    tell_cargo("rerun-if-changed=../ui/dist");
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))?;
    Ok(())
}

/// The page is embedded: a new one means a new program. Printing is how a build script speaks with cargo.
#[allow(clippy::print_stdout)]
fn tell_cargo(what: &str) {
    println!("cargo::{what}");
}
