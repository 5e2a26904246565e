//! What people rely on who meet only through relays. Two or three real cores over stores on disk talk to
//! relays that keep their boxes in memory; time is virtual.

mod escrow;
mod hostile;
mod leave;
mod loss;
mod malice;
mod place;
mod reach;
mod relay;
mod seeds;
mod shelter;
mod stale;
mod streams;
mod world;
