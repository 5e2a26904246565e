//! The own account, the home it lives in, and settings of the shells.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// No parameters, or nothing to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Empty {}

/// State of the home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum HomeState {
    /// No account yet.
    Empty,
    /// An account that a passphrase opens.
    Locked,
    /// The node runs.
    Running,
}

/// Answer of `home_state`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Home {
    /// The state.
    pub state: HomeState,
    /// Version of the product.
    pub version: String,
}

/// Parameters of `account_create`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Create {
    /// Name on the default card, at most 20 characters.
    pub name: String,
    /// Unlock secret; without it the system keyring or a key file is used.
    #[serde(default)]
    pub passphrase: Option<String>,
}

/// Answer of `account_create`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Created {
    /// Id of the account.
    pub account: String,
    /// Id of this machine.
    pub device: String,
    /// Name on the default card.
    pub name: String,
    /// The 24 words. They are shown once and kept nowhere.
    pub phrase: Vec<String>,
    /// Code of a warning about how the home is locked, for example `key_file`.
    pub warning: Option<String>,
}

/// Parameters of `account_restore`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Restore {
    /// The 24 words, separated by white space.
    pub phrase: String,
    /// Name on the default card.
    pub name: String,
    /// Relay on which the account state lies.
    #[serde(default)]
    pub relay: Option<String>,
    /// Unlock secret of the new home.
    #[serde(default)]
    pub passphrase: Option<String>,
}

/// Parameters of `home_unlock`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Unlock {
    /// The passphrase.
    pub passphrase: String,
}

/// The own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Account {
    /// Id of the account.
    pub account: String,
    /// Id of this machine.
    pub device: String,
    /// Name on the default card.
    pub name: String,
    /// Relays, the preferred one first.
    pub relays: Vec<String>,
}

/// A setting of the shells, kept in the home.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Setting {
    /// Name of the setting.
    pub key: String,
    /// Its value; none when it was never set.
    pub value: Option<String>,
}

/// Parameters of `setting_get`.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct SettingKey {
    /// Name of the setting.
    pub key: String,
}
