//! Madang node.
