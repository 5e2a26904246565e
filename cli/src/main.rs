//! `madang`: the headless node and its command line, one binary.
//!
//! It owns verbs, help, exit codes and how results look. It must not know anything that is not in the contract:
//! what a verb does is done by the node. Invariant: data on standard output, everything else on standard error.

mod account;
mod args;
mod attach;
mod doctor;
mod failure;
mod friends;
mod invites;
mod logging;
mod messages;
mod moment;
mod network;
mod output;
mod place;
mod rooms;
mod run;
mod secret;
mod table;
mod tail;
mod words;

use std::{path::Path, process::ExitCode, time::Duration};

use clap::FromArgMatches as _;
use madang_api::{Code, Error};
use madang_terminal::{Language, usage};
use serde_json::Value;

use crate::{
    args::{Cli, Command},
    attach::Attached,
    failure::Failure,
    output::Output,
    table::Text,
    words::{help, notices::Notice},
};

/// How long threads may take to end when everything is done.
const GRACE: Duration = Duration::from_millis(500);

fn main() -> ExitCode {
    if madang_media::worker::requested() {
        return madang_media::worker::main();
    }
    let json = std::env::args_os().any(|argument| argument == "--json");
    // What programs read is the same in every language.
    let language = if json { Language::English } else { Language::of_process() };
    let parsed = help::command(language).try_get_matches();
    match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => start(cli),
        Err(error) => unparsed(&error, language, json),
    }
}

/// Help and version are answers; anything else that does not parse is a wrong use, told in the form asked for.
fn unparsed(error: &clap::Error, language: Language, json: bool) -> ExitCode {
    if !error.use_stderr() {
        return ExitCode::from(match error.print() {
            Ok(()) => 0,
            Err(error) => Failure::from(error).exit_code(),
        });
    }
    if json {
        let failure = Failure::usage(error.to_string().trim_end());
        Output::of_process(true, true).failure(&failure);
        return ExitCode::from(failure.exit_code());
    }
    match usage::told(language, error) {
        Some(told) => Output::of_process(false, true).notice(&told),
        // A closed standard error is nobody's loss.
        None => drop(error.print()),
    }
    ExitCode::from(2)
}

fn start(cli: Cli) -> ExitCode {
    let out = Output::of_process(cli.global.json, cli.global.no_color);
    logging::start(cli.global.verbose, cli.global.no_color);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            out.failure(&Error::new(Code::Internal, format!("Cannot start threads: {error}")).into());
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(interruptible(cli, out));
    // What still runs ends before the process does. A thread that waits for standard input never would.
    runtime.shutdown_timeout(GRACE);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            out.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

/// The node ends by itself when it is interrupted; any other command just stops.
async fn interruptible(cli: Cli, out: Output) -> Result<(), Failure> {
    if matches!(cli.command, Command::Run(_)) {
        return dispatch(cli, out).await;
    }
    tokio::select! {
        biased;
        result = dispatch(cli, out) => result,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
    }
}

async fn dispatch(cli: Cli, out: Output) -> Result<(), Failure> {
    let Cli { global, command } = cli;
    if let Command::Completions { shell } = command {
        return completions(shell, out);
    }
    let home = place::home(global.home)?;
    let given = || secret::Given::of(global.passphrase_file.as_deref());
    match command {
        Command::Account(args::Account::Create(create)) => account::create(&home, out, create, &given()?),
        Command::Account(args::Account::Restore(restore)) => account::restore(&home, &restore),
        Command::Run(run) => run::run(&home, out, run, given()?).await,
        Command::Doctor { offline: true } => doctor::offline(&home, out, &given()?),
        command => attached(&home, out, command).await,
    }
}

/// The verbs that a running node answers.
async fn attached(home: &Path, out: Output, command: Command) -> Result<(), Failure> {
    let node = match Attached::to(home).await {
        Err(error) if error.code == Code::NotRunning && matches!(command, Command::Doctor { .. }) => {
            return Err(Failure::worded(error.code, Notice::DoctorOffline));
        }
        attached => attached?,
    };
    match command {
        Command::Account(_) => account::show(&node, out).await,
        Command::Status => network::status(&node, out).await,
        Command::Net(verb) => network::net(&node, out, verb).await,
        Command::Relay(verb) => network::relay(&node, out, verb).await,
        Command::Invite(verb) => invites::run(&node, out, verb).await,
        Command::Friend(verb) => friends::run(&node, out, verb).await,
        Command::Room(verb) => rooms::run(&node, out, verb).await,
        Command::Send(send) => messages::send(&node, out, send).await,
        Command::Messages(list) => messages::list(&node, out, list).await,
        Command::Message(verb) => messages::one(&node, out, verb).await,
        Command::Read(read) => rooms::read(&node, out, read).await,
        Command::Tail(verb) => tail::tail(home, &node, out, verb).await,
        Command::Search(search) => messages::search(&node, out, search).await,
        Command::Doctor { .. } => doctor::online(home, &node, out).await,
        Command::Rpc { method, params } => rpc(&node, out, &method, params).await,
        Command::Run(_) | Command::Completions { .. } => {
            Err(Failure::usage("This command does not talk to a node"))
        }
    }
}

async fn rpc(node: &Attached, out: Output, method: &str, params: String) -> Result<(), Failure> {
    let params: Value = serde_json::from_str(&secret::or_stdin(params)?)
        .map_err(|error| Failure::usage(format!("The parameters are no JSON: {error}")))?;
    if !params.is_object() {
        return Err(Failure::usage("The parameters are a JSON object, for example '{\"room\":\"…\"}'"));
    }
    let answer = node.call_patiently(method, &params).await?;
    if out.json { out.line(&answer.to_string()) } else { out.text(&Text::Lines(format!("{answer:#}"))) }
}

fn completions(shell: clap_complete::Shell, out: Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut help::command(out.language), "madang", &mut script);
    out.line(String::from_utf8_lossy(&script).trim_end())
}
