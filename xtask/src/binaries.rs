//! Building the programs that stories, demos and benchmarks start.
//!
//! Must not know what they are used for. Invariant: the relay is always built in a call of its own.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use xshell::cmd;

use crate::group::Group;
use crate::workspace::{DESKTOP, RELAY, Workspace};

/// Symbols that only OpenSSL defines. Ring has names of its own that mention OPENSSL, hence whole names.
const OPENSSL_SYMBOLS: &[&str] = &["OPENSSL_init_crypto", "EVP_CIPHER_fetch", "SSL_new", "SSL_CTX_new"];

/// The command line that seals nothing.
const UNSEALED: &str = "madang-unsealed";

/// Builds the relay alone and returns its path.
///
/// # Errors
/// Fails when cargo fails.
pub(crate) fn relay(workspace: &Workspace) -> Result<PathBuf> {
    let shell = workspace.shell()?;
    let flags = Group::Relay.flags(&workspace.metadata);
    cmd!(shell, "cargo build --locked {flags...} --bins").run().context("Cannot build the relay")?;
    Ok(workspace.program("debug", RELAY))
}

/// Builds the command line together with all tests of its group, so that the tests find it and
/// running them compiles nothing twice; returns its path.
///
/// # Errors
/// Fails when cargo fails.
pub(crate) fn command_line_with_tests(workspace: &Workspace) -> Result<PathBuf> {
    let shell = workspace.shell()?;
    let flags = Group::Core.flags(&workspace.metadata);
    cmd!(shell, "cargo build --locked {flags...} --bins --tests")
        .run()
        .context("Cannot build the command line and its tests")?;
    Ok(workspace.program("debug", "madang"))
}

/// Builds the command line that seals nothing, which shows that the search for plaintext can fail; returns its path.
/// To be called before the command line itself is built.
///
/// # Errors
/// Fails when cargo fails.
pub(crate) fn unsealed(workspace: &Workspace) -> Result<PathBuf> {
    let shell = workspace.shell()?;
    // The same packages as in the tests, so that everything but the crates above the seal is there already.
    let flags = Group::Core.flags(&workspace.metadata);
    let feature = ["--features", "madang-cli/insecure-noop-seal", "--bin", "madang"];
    cmd!(shell, "cargo build --locked {flags...} {feature...}")
        .run()
        .context("Cannot build the command line that seals nothing")?;
    // The next build puts the command line that seals in its place.
    let kept = workspace.program("debug", UNSEALED);
    std::fs::copy(workspace.program("debug", "madang"), &kept).context("Cannot keep what was built")?;
    Ok(kept)
}

/// Builds the command line without tests and returns its path.
///
/// # Errors
/// Fails when cargo fails.
pub(crate) fn command_line(workspace: &Workspace) -> Result<PathBuf> {
    let shell = workspace.shell()?;
    // All default members are selected, as in the tests, so that features and thus artifacts agree.
    cmd!(shell, "cargo build --locked --bins").run().context("Cannot build the command line")?;
    Ok(workspace.program("debug", "madang"))
}

/// Builds the desktop around an already built page and returns its path.
///
/// # Errors
/// Fails when cargo fails.
pub(crate) fn desktop(workspace: &Workspace) -> Result<PathBuf> {
    let shell = workspace.shell()?;
    let flags = Group::Desktop.flags(&workspace.metadata);
    cmd!(shell, "cargo build --locked {flags...} --bins").run().context("Cannot build the desktop")?;
    Ok(workspace.program("debug", DESKTOP))
}

/// Fails when the relay, built alone, contains OpenSSL: then a feature of the client leaked into it.
///
/// # Errors
/// Fails when an OpenSSL symbol is found, or when the relay or `nm` cannot be run.
pub(crate) fn relay_has_no_openssl(workspace: &Workspace) -> Result<()> {
    let relay = relay(workspace)?;
    let shell = workspace.shell()?;
    let symbols =
        cmd!(shell, "nm --defined-only {relay}").quiet().read().context("Cannot list the symbols")?;
    if symbols.is_empty() {
        bail!("The relay has no symbols to look at");
    }
    match openssl_symbol(&symbols) {
        Some(symbol) => bail!("The relay links OpenSSL: it defines {symbol}"),
        None => Ok(()),
    }
}

fn openssl_symbol(symbols: &str) -> Option<&str> {
    symbols
        .lines()
        .filter_map(|line| line.split_ascii_whitespace().last())
        .find(|name| OPENSSL_SYMBOLS.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openssl_is_told_from_ring() {
        let ring = "0000 T ring_core_0_17_14__OPENSSL_cpuid_setup\n0001 T main\n";
        assert_eq!(openssl_symbol(ring), None);
        assert_eq!(openssl_symbol("0000 T main\n0001 T SSL_new\n"), Some("SSL_new"));
    }
}
