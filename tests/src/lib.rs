//! Stories across processes.
