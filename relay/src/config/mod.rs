//! What the operator may set.
//!
//! Owns every option with its documentation, its default and the layers it may come from: file, then environment,
//! then flags. It must not know what the options do. Invariant: the example file is generated from this table.

mod example;
mod load;
mod mistake;
mod table;

#[cfg(test)]
mod load_tests;

pub use example::example;
pub(crate) use load::is_domain;
pub use load::{Flags, load, show};
pub use mistake::{ConfigError, Expected, Place, Rule};
pub use table::{
    AccessConfig, Config, HttpConfig, LimitsConfig, LogConfig, NetworkConfig, OptionDoc, RatesConfig,
    SECTIONS, SectionDoc, StorageConfig,
};
