//! One contract over every store, random interleavings against the specification, and what SQLite alone promises.

mod contract;
mod interleavings;
mod sqlite;
mod support;
