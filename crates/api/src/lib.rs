//! The contract of Madang: requests, answers, events and errors as every shell sees them.
//!
//! It knows no transport, no SQL and no libp2p type. There is one list of calls, [`table`]; the
//! dispatch, the method names and the TypeScript client come from it. A [`Session`] answers the
//! calls for one home.

pub mod account;
mod bindings;
mod convert;
mod error;
mod event;
pub mod friends;
pub mod messages;
pub mod network;
pub mod rooms;
mod session;
mod table;

pub use bindings::{METHODS, typescript};
pub use error::{Code, Error};
pub use event::Event;
pub use session::{Events, Session};
