//! What can be typed: the one definition from which help, completions and parsing come.
//!
//! It must not know what a verb does. Invariant: no secret is an argument.

mod account;
mod friends;
mod messages;
mod network;
mod rooms;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use account::{Account, Create, Restore};
pub(crate) use friends::{Friend, Invite};
pub(crate) use messages::{List, Message, Read, Search, Send, Tail};
pub(crate) use network::{Net, Relay, Run};
pub(crate) use rooms::Room;

const EXAMPLES: &str = "\
Examples:
  madang account create --name Alice --phrase-out phrase.txt
  madang run --relay /dns4/relay.example/tcp/443/tls/ws/p2p/12D3…
  madang invite create --once
  madang friend add 'madang://invite/1/…' --greeting 'It is me, Bob'
  madang send ROOM 'See you at six'
  madang --json tail | jq -r 'select(.event == \"message\") | .text'

Exit codes: 0 done · 1 failed · 2 wrong usage · 3 no node runs on this home · 4 not found
            5 offline or timed out · 130 interrupted
";

/// Madang, a messenger without a company in the middle: the node and its commands.
#[derive(Debug, Parser)]
#[command(name = "madang", version, before_help = EXAMPLES, propagate_version = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// What applies to every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Directory of the account on this machine; without it the usual place of this system
    #[arg(long, global = true, env = "MADANG_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    /// One JSON value on one line; streams print one object per line
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No colour (also: the variable NO_COLOR)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// File with the passphrase of the home; `-` is standard input (also: the variable MADANG_PASSPHRASE)
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// More on standard error; twice for details (also: the variable RUST_LOG)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Every verb.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make or show the account of this home, or check its recovery phrase
    #[command(subcommand)]
    Account(Account),
    /// Run the node in the foreground until it is interrupted
    Run(Run),
    /// State of the node: peers, relays, what waits
    Status,
    /// By which path messages travel
    #[command(subcommand)]
    Net(Net),
    /// Relays of the account
    #[command(subcommand)]
    Relay(Relay),
    /// Links by which people become friends
    #[command(subcommand)]
    Invite(Invite),
    /// Friends and contact requests
    #[command(subcommand)]
    Friend(Friend),
    /// Rooms
    #[command(subcommand)]
    Room(Room),
    /// Send a text
    Send(Send),
    /// A page of a room's messages, oldest first
    Messages(List),
    /// One message
    #[command(subcommand)]
    Message(Message),
    /// Mark a room read
    Read(Read),
    /// Print events as they come, until interrupted
    Tail(Tail),
    /// Find messages, newest first
    Search(Search),
    /// Look for what is wrong; the output can be pasted into a report
    Doctor {
        /// Without a running node: looks at the files of the home
        #[arg(long)]
        offline: bool,
    },
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Call the node directly, with a method of the contract
    #[command(before_help = "Example:\n  madang rpc message_list '{\"room\":\"…\",\"limit\":5}'\n")]
    Rpc {
        /// Name of the method
        method: String,
        /// Its parameters, a JSON object; `-` reads standard input
        #[arg(default_value = "{}")]
        params: String,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_starts_with_examples() {
        assert!(Cli::command().render_help().to_string().starts_with("Examples:"));
    }

    #[test]
    fn no_argument_takes_a_secret() {
        fn walk(command: &clap::Command) {
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                let secret = name.contains("pass") || name.contains("phrase");
                let path = name.ends_with("file") || name.ends_with("out");
                assert!(!secret || path, "{} {name}", command.get_name());
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&Cli::command());
    }

    #[test]
    fn the_global_options_stand_anywhere() {
        let cli = Cli::try_parse_from(["madang", "friend", "list", "--json", "--home", "/tmp/a"]).unwrap();
        assert!(cli.global.json);
        assert_eq!(cli.global.home.unwrap().to_str(), Some("/tmp/a"));
    }
}
