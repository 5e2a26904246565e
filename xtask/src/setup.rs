//! System packages that builds and tests need.
//!
//! Must not know the workspace. Invariant: it changes nothing when nothing is missing, so that it can
//! start every other command.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

/// What the vendored OpenSSL and the native crates need to build.
const BASE: &[&str] = &["perl", "pkg-config"];
/// Headers of the desktop's window and tray.
const DESKTOP: &[&str] =
    &["libwebkit2gtk-4.1-dev", "libayatana-appindicator3-dev", "librsvg2-dev", "libxdo-dev"];
/// What tests drive: a screen, a session bus, fonts, a network, a shifted clock.
const TEST: &[&str] = &[
    "xvfb",
    "xauth",
    "dbus",
    "dbus-x11",
    "webkit2gtk-driver",
    "fonts-noto-cjk",
    "fonts-noto-color-emoji",
    "faketime",
    "iproute2",
    "nftables",
    "imagemagick",
    "x11-utils",
    "gnome-keyring",
];

/// A set of packages with one purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packages {
    /// Every build.
    Base,
    /// The desktop.
    Desktop,
    /// The tests.
    Test,
}

impl Packages {
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Base => BASE,
            Self::Desktop => DESKTOP,
            Self::Test => TEST,
        }
    }
}

/// The command: installs the named groups, or all three.
///
/// # Errors
/// Fails for an unknown group name and as [`ensure`] does.
pub(crate) fn run(groups: &[String]) -> Result<()> {
    if groups.is_empty() {
        return ensure(&[Packages::Base, Packages::Desktop, Packages::Test]);
    }
    let mut wanted = Vec::new();
    for group in groups {
        wanted.push(match group.as_str() {
            "base" => Packages::Base,
            "desktop" => Packages::Desktop,
            "test" => Packages::Test,
            other => bail!("Unknown package group: {other} (base, desktop or test)"),
        });
    }
    ensure(&wanted)
}

/// Installs what is missing of `groups`.
///
/// # Errors
/// Fails on a system without apt, naming the packages; without root or sudo; and when apt fails.
pub(crate) fn ensure(groups: &[Packages]) -> Result<()> {
    let wanted: Vec<&str> = groups.iter().flat_map(|g| g.names()).copied().collect();
    let shell = Shell::new()?;
    let release = shell.read_file("/etc/os-release").unwrap_or_default();
    if !is_debian(&release) {
        bail!(
            "This system is not Debian or Ubuntu. Install the equivalents of these packages by hand:\n  {}",
            wanted.join(" ")
        );
    }
    let missing = missing(&shell, &wanted)?;
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("Installing {}", missing.join(" "));
    install(&shell, &missing)
}

fn install(shell: &Shell, packages: &[String]) -> Result<()> {
    // Overlay package servers now and then drop a connection, and another apt may hold the lock.
    let apt = ["apt-get", "-y", "-o", "Acquire::Retries=3", "-o", "DPkg::Lock::Timeout=300"];
    let root = cmd!(shell, "id -u").quiet().read()? == "0";
    if !root && cmd!(shell, "sudo --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        bail!("Neither root nor sudo. As root: apt-get install {}", packages.join(" "));
    }
    // sudo forgets the environment, hence `env` behind it.
    let (program, prefix): (&str, &[&str]) = if root { ("env", &[]) } else { ("sudo", &["env"]) };
    let environment = "DEBIAN_FRONTEND=noninteractive";
    cmd!(shell, "{program} {prefix...} {environment} {apt...} update")
        .run()
        .context("Cannot update the package lists")?;
    cmd!(shell, "{program} {prefix...} {environment} {apt...} install --no-install-recommends {packages...}")
        .run()
        .context("Cannot install the system packages")
}

fn missing(shell: &Shell, wanted: &[&str]) -> Result<Vec<String>> {
    let format = "${Package} ${db:Status-Abbrev}\n";
    // dpkg-query fails when one name is unknown, and still prints the others.
    let listed = cmd!(shell, "dpkg-query -W -f {format} {wanted...}")
        .quiet()
        .ignore_status()
        .ignore_stderr()
        .read()
        .context("Cannot ask dpkg for installed packages")?;
    Ok(absent(wanted, &listed))
}

fn absent(wanted: &[&str], listed: &str) -> Vec<String> {
    let installed: BTreeSet<&str> = listed
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, status)| status.starts_with("ii"))
        .map(|(name, _)| name)
        .collect();
    wanted.iter().filter(|name| !installed.contains(**name)).map(|name| (*name).to_owned()).collect()
}

fn is_debian(os_release: &str) -> bool {
    os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID=").or_else(|| line.strip_prefix("ID_LIKE=")))
        .flat_map(|value| value.trim_matches('"').split(' '))
        .any(|id| id == "debian" || id == "ubuntu")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debian_ubuntu_and_their_children_are_known() {
        assert!(is_debian("NAME=x\nID=debian\n"));
        assert!(is_debian("ID=ubuntu\nID_LIKE=debian\n"));
        assert!(is_debian("ID=pop\nID_LIKE=\"ubuntu debian\"\n"));
        assert!(!is_debian("ID=fedora\n"));
        assert!(!is_debian("VERSION_ID=debian\n"));
    }

    #[test]
    fn only_fully_installed_packages_count() {
        let listed = "perl ii \nxvfb rc \n";
        assert_eq!(absent(&["perl", "xvfb", "dbus"], listed), ["xvfb", "dbus"]);
    }
}
