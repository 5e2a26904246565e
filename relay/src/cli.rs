//! The command line of the relay.
//!
//! Owns flags, exit codes and what is printed. It must not know how a relay works. Invariant: data goes to standard
//! output, everything else to standard error.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

use crate::clock::Clock;
use crate::config::{self, Config, Flags, LogConfig};
use crate::server::{self, Options, Ready};
use crate::terms::Terms;
use crate::{data_dir, exposure, init, probe};

/// Configuration file used when it exists and no other is named.
const DEFAULT_CONFIG: &str = "/etc/madang-relay/relay.toml";

/// Exit code of a wrong combination of flags.
const USAGE: u8 = 2;

/// The Madang relay: keeps sealed messages until their recipients come.
#[derive(Parser)]
#[command(name = "madang-relay", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs the relay in the foreground; prints one JSON line when it is ready.
    Run(Run),
    /// Writes a commented configuration and a key, and prints the address for clients.
    Init(Init),
    /// Checks, shows or documents the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Prints the state of the running relay as JSON.
    Status(Place),
    /// Exit code 0 when the running relay can serve, 1 otherwise.
    Healthcheck(Place),
}

#[derive(Args)]
struct Run {
    /// For tests: open to everybody, loopback only unless --listen says otherwise, free ports, no rates, no
    /// configuration needed.
    #[arg(long)]
    dev: bool,
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address and port for clients, over TCP and QUIC; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<SocketAddr>,
    /// Writes one JSON line per decoded frame; only with --dev.
    #[arg(long, value_name = "FILE")]
    trace_frames: Option<PathBuf>,
    /// Boxes are made only with this code.
    #[arg(long, value_name = "CODE")]
    admission: Option<String>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Args)]
struct Init {
    /// Name under which clients find this machine.
    #[arg(long, value_name = "NAME")]
    domain: String,
    /// Directory for relay.toml and relay.key.
    #[arg(long, value_name = "DIR", default_value = "/etc/madang-relay")]
    dir: PathBuf,
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Says whether the configuration is in order.
    Check(File),
    /// Prints the configuration in force, defaults included, codes hidden.
    Show(File),
    /// Prints the commented example file.
    Example,
}

#[derive(Args)]
struct File {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Args)]
struct Place {
    /// The data directory of the running relay.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::Run(run) if run.trace_frames.is_some() && !run.dev => {
            complain("--trace-frames shows what clients send and is allowed with --dev only");
            return ExitCode::from(USAGE);
        }
        Command::Run(run) => run_relay(run),
        Command::Init(init) => init_relay(&init),
        Command::Config { command } => show_config(&command),
        Command::Status(place) => status(&place),
        Command::Healthcheck(place) => healthcheck(&place),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&told(&error));
            ExitCode::FAILURE
        }
    }
}

fn run_relay(run: Run) -> anyhow::Result<()> {
    let flags = Flags { dev: run.dev, data: run.data, listen: run.listen, admission: run.admission };
    let config = load(run.config.as_deref(), &flags)?;
    let set_filter = start_logging(&config.log)?;
    abort_on_panic();
    if run.dev
        && let Some(warning) = exposure::warning(&config, exposure::is_korean())
    {
        complain(&warning);
    }
    let options = Options { dev: run.dev, trace_frames: run.trace_frames };
    runtime()?.block_on(async {
        let shutdown = shutdown()?;
        let reloads = reloads(move || {
            let config = load(run.config.as_deref(), &flags)?;
            set_filter(check(&config)?)?;
            Ok(config)
        })?;
        server::run(config, options, Clock::system(), print_ready, reloads, shutdown).await
    })
}

/// The configuration anew at every SIGHUP; one that cannot be used is told in the log and changes nothing.
fn reloads(
    load: impl Fn() -> anyhow::Result<Config> + Send + 'static,
) -> anyhow::Result<mpsc::Receiver<Config>> {
    let mut hangup = signal(SignalKind::hangup()).context("Cannot handle SIGHUP")?;
    let (send, reloads) = mpsc::channel(1);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match load() {
                // It ends with the relay.
                Ok(config) => drop(send.send(config).await),
                Err(error) => tracing::error!(error = told(&error), "the configuration was not reloaded"),
            }
        }
    });
    Ok(reloads)
}

fn print_ready(ready: &Ready) -> std::io::Result<()> {
    #[derive(serde::Serialize)]
    struct Line<'a> {
        event: &'a str,
        addr: &'a str,
        http: &'a str,
    }
    let line = serde_json::to_string(&Line { event: "ready", addr: &ready.addr, http: &ready.http })?;
    print(&format!("{line}\n"))
}

/// Completes at the first SIGINT or SIGTERM; the second one ends the process at once.
fn shutdown() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt()).context("Cannot handle SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("Cannot handle SIGTERM")?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tokio::spawn(async move {
            let code = tokio::select! {
                _ = interrupt.recv() => 130,
                _ = terminate.recv() => 143,
            };
            std::process::exit(code);
        });
    })
}

fn init_relay(init: &Init) -> anyhow::Result<()> {
    let made = init::init(&init.dir, &init.domain)?;
    print(&format!(
        "Configuration  {}\nKey            {}\nAddress        {}\nInvite code    {}\n",
        made.config.display(),
        made.key.display(),
        made.addr,
        made.code,
    ))?;
    Ok(())
}

fn show_config(command: &ConfigCommand) -> anyhow::Result<()> {
    match command {
        ConfigCommand::Check(file) => {
            check(&load(file.config.as_deref(), &Flags::default())?)?;
            print("The configuration is in order.\n")?;
        }
        ConfigCommand::Show(file) => {
            print(&config::show(&load(file.config.as_deref(), &Flags::default())?)?)?;
        }
        ConfigCommand::Example => print(&config::example())?,
    }
    Ok(())
}

fn status(place: &Place) -> anyhow::Result<()> {
    let http = running(place)?;
    let answer = runtime()?.block_on(probe::get(&http, "/status"))?;
    anyhow::ensure!(answer.status == 200, "The relay answers with status {}", answer.status);
    print(&answer.body)?;
    Ok(())
}

fn healthcheck(place: &Place) -> anyhow::Result<()> {
    let http = running(place)?;
    let answer = runtime()?.block_on(probe::get(&http, "/readyz"))?;
    anyhow::ensure!(answer.status == 200, "The relay is not ready: {}", answer.body.trim());
    Ok(())
}

/// The web address of the relay that runs on a data directory.
fn running(place: &Place) -> anyhow::Result<String> {
    let flags = Flags { data: place.data.clone(), ..Flags::default() };
    let data = load(place.config.as_deref(), &flags)?.storage.data;
    let running =
        data_dir::running(&data)?.with_context(|| format!("No relay runs on {}", data.display()))?;
    running.http.context("The relay is starting")
}

fn load(file: Option<&Path>, flags: &Flags) -> anyhow::Result<Config> {
    let default = Path::new(DEFAULT_CONFIG);
    let file = file.or_else(|| (!flags.dev && default.exists()).then_some(default));
    let env: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Ok(config::load(file, &env, flags)?)
}

/// An error with its causes, each of which is said once: some errors name theirs already.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        known if known.contains(&cause) => said,
        _ => format!("{said}: {cause}"),
    })
}

/// Whether a configuration that was loaded can be used; answers the filter of its log.
fn check(config: &Config) -> anyhow::Result<EnvFilter> {
    Terms::new(config, None)?;
    filter(&config.log)
}

fn filter(log: &LogConfig) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(&log.level).with_context(|| format!("log.level: {:?} is not a filter", log.level))
}

/// Puts another filter of the log in force.
type SetFilter = Box<dyn Fn(EnvFilter) -> anyhow::Result<()> + Send>;

fn start_logging(log: &LogConfig) -> anyhow::Result<SetFilter> {
    // A file would keep the codes of colours.
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let color = !plain && std::io::stderr().is_terminal();
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter(log)?).with_ansi(color).with_writer(std::io::stderr);
    let (started, set): (_, SetFilter) = if log.json {
        let builder = builder.json().with_filter_reloading();
        let handle = builder.reload_handle();
        (builder.try_init(), Box::new(move |filter| Ok(handle.reload(filter)?)))
    } else {
        let builder = builder.with_filter_reloading();
        let handle = builder.reload_handle();
        (builder.try_init(), Box::new(move |filter| Ok(handle.reload(filter)?)))
    };
    started.map_err(|error| anyhow::anyhow!("Cannot start logging: {error}"))?;
    Ok(set)
}

/// A relay of which one part has panicked must not go on half alive.
fn abort_on_panic() {
    let print_backtrace = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print_backtrace(panic);
        complain(&format!(
            "madang-relay {} stops because of this panic; please report it with the lines above",
            env!("CARGO_PKG_VERSION")
        ));
        std::process::abort();
    }));
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("Cannot start the runtime")
}

fn print(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

fn complain(text: &str) {
    // Where standard error is closed there is nobody to complain to.
    drop(writeln!(std::io::stderr().lock(), "{text}"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let missing = || std::io::Error::new(std::io::ErrorKind::NotFound, "no such file");
        let read = config::ConfigError::Read { path: "relay.toml".into(), source: missing() };
        assert_eq!(told(&read.into()), "Cannot read relay.toml: no such file");
        let wrapped = anyhow::Error::new(missing()).context("Cannot open the database");
        assert_eq!(told(&wrapped), "Cannot open the database: no such file");
    }
}
