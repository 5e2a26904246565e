//! Every developer command of the repository: `cargo xtask <command>`.
//!
//! Owns the order in which things are built, tested and checked; `make` and `.ci/run` only call it.
//! Must not know any message rule: it starts programs and reads files.
//! Invariant: it needs nothing but cargo and a C compiler, so that `setup` can be the first thing to run.

// The terminal is this program's interface.
#![allow(clippy::print_stdout, clippy::print_stderr)]
#![forbid(unsafe_code)]

mod bench;
mod binaries;
mod check;
mod demo;
mod deny;
mod e2e;
mod gallery;
mod generated;
mod group;
mod network;
mod run;
mod setup;
mod steps;
mod suite;
mod tally;
mod test;
mod tidy;
mod ui;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};
use workspace::Workspace;

const USAGE: &str = "\
usage: cargo xtask <command>

  setup [base|desktop|test]...  install the system packages that are missing (Debian, Ubuntu)
  check                         fmt, clippy, tidy, gen --check, deny, user interface checks
  tidy                          the repository's own rules
  gen [--check]                 write the generated files, or verify that they are up to date
  deny                          licences, bans and sources of all dependencies
  test                          every test; the last line is `N passed, N failed`
  e2e                           the stories through the window alone
  gallery                       pictures of every view, in both languages and themes, in docs/screenshots/gallery
  bench [NAME]                  benchmarks of the release build; without a name, lists them
  demo                          a relay and two people with a window each; pictures in artifacts/demo
  run [ARG]...                  build and open the desktop; without a screen, the demo
  dev                           a relay and two desktops side by side
  ci                            test, then check";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match command(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The chain of causes says what failed; where in this program it was noticed helps nobody.
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(args: &[String]) -> Result<()> {
    let Some((command, rest)) = args.split_first() else { bail!("{USAGE}") };
    let workspace = Workspace::find()?;
    match (command.as_str(), rest) {
        ("setup", groups) => setup::run(groups),
        ("check", []) => check::run(&workspace),
        ("tidy", []) => tidy::run(&workspace),
        ("gen", []) => generated::run(&workspace, generated::Mode::Write),
        ("gen", [flag]) if flag == "--check" => generated::run(&workspace, generated::Mode::Check),
        ("deny", []) => deny::run(&workspace),
        ("test", []) => test::run(&workspace),
        ("e2e", []) => e2e::run(&workspace),
        ("gallery", []) => gallery::run(&workspace),
        ("bench", names) => bench::run(&workspace, names),
        ("demo", []) => demo::run(&workspace),
        ("run", args) => run::desktop(&workspace, args),
        ("dev", []) => run::side_by_side(&workspace),
        ("ci", []) => check::ci(&workspace),
        ("help" | "--help" | "-h", _) => {
            println!("{USAGE}");
            Ok(())
        }
        _ => bail!("Unknown command: {}\n\n{USAGE}", args.join(" ")),
    }
}
