//! Stories of whole cores that are connected in memory.

mod accounts;
mod contacts;
mod inbox;
mod keys;
mod lanes;
mod pair;
mod peers;
mod registers;
mod removed;
mod repair;
mod replay;
mod requests;
mod states;
mod stories;
mod undone;
