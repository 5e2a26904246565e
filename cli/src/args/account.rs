//! `madang account …`

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Verbs of the account.
#[derive(Debug, Subcommand)]
pub(crate) enum Account {
    /// Make an account in an empty home
    ///
    /// The home is locked with the passphrase of MADANG_PASSPHRASE or --passphrase-file, else with a key in the
    /// keyring of the system, else with a key file in the home.
    Create(Create),
    /// The account of this home
    Show,
    /// Check a recovery phrase; bringing the account back with it comes in a later version
    ///
    /// Says which word is wrong, or that the phrase is right. Keep the words until a later version takes them.
    Restore(Restore),
}

/// `account create`
#[derive(Debug, Args)]
#[command(before_help = "Example:\n  madang account create --name Alice --phrase-out phrase.txt\n")]
pub(crate) struct Create {
    /// Name that friends see, at most 20 characters
    #[arg(long)]
    pub(crate) name: String,
    /// Write the recovery phrase into this new file instead of showing it once
    #[arg(long, value_name = "FILE")]
    pub(crate) phrase_out: Option<PathBuf>,
}

/// `account restore`
#[derive(Debug, Args)]
#[command(
    before_help = "Example:\n  madang account restore --phrase-file phrase.txt --name Alice --relay /ip4/…\n"
)]
pub(crate) struct Restore {
    /// Where the phrase is.
    #[command(flatten)]
    pub(crate) phrase: Phrase,
    /// Name that friends will see, at most 20 characters
    #[arg(long)]
    pub(crate) name: String,
    /// Relay on which the account was; not asked yet
    #[arg(long, value_name = "ADDR")]
    pub(crate) relay: Option<String>,
}

/// Where a recovery phrase comes from: never an argument.
#[derive(Debug, Args)]
pub(crate) struct Phrase {
    /// File with the 24 words; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) phrase_file: PathBuf,
}
