//! Stories of whole cores that are connected in memory.

mod pair;
mod repair;
mod stories;
