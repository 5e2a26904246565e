//! Where the programs under test are: named by the environment, or built once by this process.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::OnceLock,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// The command line: `MADANG_BIN`, else what cargo builds.
///
/// # Errors
/// When it cannot be built.
pub fn madang() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    program(&BUILT, "MADANG_BIN", "madang-cli", "madang")
}

/// The relay: `MADANG_RELAY_BIN`, else what cargo builds.
///
/// # Errors
/// When it cannot be built.
pub fn relay_program() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    program(&BUILT, "MADANG_RELAY_BIN", "madang-relay", "madang-relay")
}

fn program(
    built: &'static OnceLock<Result<PathBuf, String>>,
    variable: &str,
    package: &str,
    name: &str,
) -> Result<&'static Path> {
    let found = built.get_or_init(|| match std::env::var_os(variable) {
        Some(path) => Ok(PathBuf::from(path)),
        None => build(package, name).map_err(|error| format!("{error:#}")),
    });
    match found {
        Ok(path) => Ok(path),
        Err(error) => bail!("{error}"),
    }
}

/// Builds one package by itself, as it is shipped, and answers where cargo put its program.
fn build(package: &str, name: &str) -> Result<PathBuf> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", package, "--bin", name, "--message-format", "json"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .context("cargo does not start")?;
    if !output.status.success() {
        bail!("{package} does not build: {}", String::from_utf8_lossy(&output.stderr));
    }
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .find(|message| message["target"]["name"] == name && message["executable"].is_string())
        .and_then(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo does not say where {name} is"))
}
