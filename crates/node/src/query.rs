//! Answers from the store for questions that change nothing. They run on read connections, beside the
//! engine, and see what was committed.

pub(crate) mod friends;
pub(crate) mod messages;
pub(crate) mod rooms;
pub(crate) mod standing;
