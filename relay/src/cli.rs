//! The command line of the relay.
//!
//! Owns what each command does and where it is printed. It must not know how a relay works. Invariant: data goes to
//! standard output, everything else to standard error.

use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::FromArgMatches as _;
use madang_terminal::{Language, usage};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing_subscriber::EnvFilter;

use crate::args::{Cli, Command, ConfigCommand, File, Init, Place, Run};
use crate::clock::Clock;
use crate::config::{self, Config, ConfigError, Flags, LogConfig};
use crate::failure::Failure;
use crate::server::{self, Options, Ready};
use crate::terms::Terms;
use crate::words::{failures, help, notices};
use crate::{data_dir, exposure, init, probe};

/// Configuration file used when it exists and no other is named.
const DEFAULT_CONFIG: &str = "/etc/madang-relay/relay.toml";

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let language = Language::of_process();
    let parsed = help::command(language).try_get_matches();
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return unparsed(language, &error),
    };
    match perform(language, cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failures::told(language, &failure));
            ExitCode::from(failure.exit_code())
        }
    }
}

/// Help and version are answers; anything else that does not parse is a wrong use.
fn unparsed(language: Language, error: &clap::Error) -> ExitCode {
    match usage::told(language, error).filter(|_| error.use_stderr()) {
        Some(told) => complain(&told),
        // Where the output is closed nobody waits for it.
        None => drop(error.print()),
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
}

fn perform(language: Language, command: Command) -> Result<(), Failure> {
    match command {
        Command::Run(run) => run_relay(language, run),
        Command::Init(init) => init_relay(language, &init),
        Command::Config { command } => show_config(language, &command),
        Command::Status(place) => status(&place),
        Command::Healthcheck(place) => healthcheck(&place),
    }
}

fn run_relay(language: Language, run: Run) -> Result<(), Failure> {
    if run.trace_frames.is_some() && !run.dev {
        return Err(Failure::TraceWithoutDev);
    }
    let flags = Flags { dev: run.dev, data: run.data, listen: run.listen, admission: run.admission };
    let config = load(run.config.as_deref(), &flags)?;
    let set_filter = start_logging(&config.log)?;
    abort_on_panic(language);
    if run.dev
        && let Some(warning) = exposure::warning(&config, language)
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
    load: impl Fn() -> Result<Config, Failure> + Send + 'static,
) -> anyhow::Result<mpsc::Receiver<Config>> {
    let mut hangup = signal(SignalKind::hangup()).context("Cannot handle SIGHUP")?;
    let (send, reloads) = mpsc::channel(1);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            match load() {
                // It ends with the relay.
                Ok(config) => drop(send.send(config).await),
                Err(failure) => {
                    tracing::error!(error = failure.whole(), "the configuration was not reloaded")
                }
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
    write(&format!("{line}\n"))
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

fn init_relay(language: Language, init: &Init) -> Result<(), Failure> {
    let made = init::init(&init.dir, &init.domain)?;
    print(&notices::made(language, &made))
}

fn show_config(language: Language, command: &ConfigCommand) -> Result<(), Failure> {
    let loaded = |file: &File| load(file.config.as_deref(), &Flags::default());
    match command {
        ConfigCommand::Check(file) => {
            check(&loaded(file)?)?;
            print(notices::in_order(language))
        }
        ConfigCommand::Show(file) => print(&config::show(&loaded(file)?)?),
        ConfigCommand::Example => print(&config::example()),
    }
}

fn status(place: &Place) -> Result<(), Failure> {
    let http = running(place)?;
    let answer = runtime()?.block_on(probe::get(&http, "/status"))?;
    match answer.status {
        200 => print(&answer.body),
        status => Err(Failure::Status { status }),
    }
}

fn healthcheck(place: &Place) -> Result<(), Failure> {
    let http = running(place)?;
    let answer = runtime()?.block_on(probe::get(&http, "/readyz"))?;
    match answer.status {
        200 => Ok(()),
        _ => Err(Failure::NotReady { said: answer.body.trim().to_owned() }),
    }
}

/// The web address of the relay that runs on a data directory.
fn running(place: &Place) -> Result<String, Failure> {
    let flags = Flags { data: place.data.clone(), ..Flags::default() };
    let data = load(place.config.as_deref(), &flags)?.storage.data;
    match data_dir::running(&data)? {
        Some(running) => running.http.ok_or(Failure::Starting { data }),
        None => Err(Failure::NotRunning { data }),
    }
}

fn load(file: Option<&Path>, flags: &Flags) -> Result<Config, Failure> {
    let default = Path::new(DEFAULT_CONFIG);
    let file = file.or_else(|| (!flags.dev && default.exists()).then_some(default));
    let env: BTreeMap<String, String> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    Ok(config::load(file, &env, flags)?)
}

/// Whether a configuration that was loaded can be used; answers the filter of its log.
fn check(config: &Config) -> Result<EnvFilter, ConfigError> {
    Terms::new(config, None)?;
    filter(&config.log)
}

fn filter(log: &LogConfig) -> Result<EnvFilter, ConfigError> {
    let wrong = |problem| ConfigError::Filter { level: log.level.clone(), problem };
    // The parser takes any word for the name of a part, of which there is then no other line to be seen.
    let word = log.level.split(',').map(str::trim).find(|part| !part.contains('=') && !is_level(part));
    match word {
        Some(word) => Err(wrong(format!("{word:?} is none of error, warn, info, debug, trace, off"))),
        None => EnvFilter::try_new(&log.level).map_err(|error| wrong(error.to_string())),
    }
}

fn is_level(word: &str) -> bool {
    word.parse::<tracing_subscriber::filter::LevelFilter>().is_ok()
}

/// Puts another filter of the log in force.
type SetFilter = Box<dyn Fn(EnvFilter) -> anyhow::Result<()> + Send>;

fn start_logging(log: &LogConfig) -> Result<SetFilter, Failure> {
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
fn abort_on_panic(language: Language) {
    let print_backtrace = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        print_backtrace(panic);
        complain(&notices::panicked(language));
        std::process::abort();
    }));
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("Cannot start the runtime")
}

fn print(text: &str) -> Result<(), Failure> {
    write(text).map_err(Failure::Output)
}

fn write(text: &str) -> std::io::Result<()> {
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
    fn a_level_that_is_none_is_no_filter() {
        let level = |level: &str| filter(&LogConfig { level: level.to_owned(), ..LogConfig::default() });
        for good in ["info", "OFF", "warn,madang_relay=debug", "madang_relay=trace"] {
            assert!(level(good).is_ok(), "{good}");
        }
        for bad in ["loud", "info,louder", "a=b=c"] {
            assert!(level(bad).is_err(), "{bad:?}");
        }
    }
}
