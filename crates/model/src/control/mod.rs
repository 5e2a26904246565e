//! The control log: who is in a conversation, with which rights and machines (protocol section 5).

mod op;

pub use op::{
    Change, Control, ControlError, ControlOp, Cut, Entry, Genesis, History, JoinRule, Policy, Role, RoomKind,
};
