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
    program(&BUILT, "MADANG_BIN", &["--package", "madang-cli"], "madang")
}

/// The command line of a build that seals nothing, which a search for plaintext must find out: `MADANG_UNSEALED_BIN`,
/// else what cargo builds.
///
/// # Errors
/// When it cannot be built.
pub fn unsealed() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    // Apart from the builds that seal, whose place it would take.
    let apart = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/unsealed");
    let flags = ["--package", "madang-cli", "--features", "insecure-noop-seal", "--target-dir", apart];
    program(&BUILT, "MADANG_UNSEALED_BIN", &flags, "madang")
}

/// The relay: `MADANG_RELAY_BIN`, else what cargo builds.
///
/// # Errors
/// When it cannot be built.
pub fn relay_program() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    program(&BUILT, "MADANG_RELAY_BIN", &["--package", "madang-relay"], "madang-relay")
}

fn program(
    built: &'static OnceLock<Result<PathBuf, String>>,
    variable: &str,
    flags: &[&str],
    name: &str,
) -> Result<&'static Path> {
    let found = built.get_or_init(|| match std::env::var_os(variable) {
        Some(path) => Ok(PathBuf::from(path)),
        None => build(flags, name).map_err(|error| format!("{error:#}")),
    });
    match found {
        Ok(path) => Ok(path),
        Err(error) => bail!("{error}"),
    }
}

/// Builds a program of one package, alone, and answers where cargo put it.
fn build(flags: &[&str], name: &str) -> Result<PathBuf> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--bin", name, "--message-format", "json"])
        .args(flags)
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .output()
        .context("cargo does not start")?;
    if !output.status.success() {
        bail!("{name} does not build: {}", String::from_utf8_lossy(&output.stderr));
    }
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        .find(|message| message["target"]["name"] == name && message["executable"].is_string())
        .and_then(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo does not say where {name} is"))
}
