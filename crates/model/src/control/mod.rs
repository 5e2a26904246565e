//! The control log: who is in a conversation, with which rights and machines (protocol section 5).

mod content;
mod facts;
mod fold;
mod log;
mod op;
mod resolve;
mod settings;
mod view;

#[cfg(test)]
mod control_tests;
#[cfg(test)]
mod large_tests;
#[cfg(test)]
pub(crate) mod script;

pub use content::Verdict;
pub use log::{ControlLog, Conversation, Missing};
pub use op::{
    Change, Control, ControlError, ControlOp, Cut, Entry, Genesis, History, JoinRule, Policy, Role, RoomKind,
};
pub use settings::{Greeting, Settings};
pub use view::{Added, Member, Removal, View};
