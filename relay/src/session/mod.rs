//! One client stream.
//!
//! Owns the life of a stream: reading, answering, pushing, ending. It must not know SQL or libp2p connections.
//! Invariant: frames are carried out in the order in which they came; answers may overtake each other, their ids tell.

mod boxes;
mod capability;
mod parts;
mod reply;
mod request;
mod slots;
mod stream;
mod subscription;

#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod subscription_tests;

#[cfg(test)]
pub(crate) use stream::READS_CAP;
pub(crate) use stream::serve;
