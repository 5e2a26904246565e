//! Madang p2p.
