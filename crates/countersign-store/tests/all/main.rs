//! One contract over every store, random interleavings against the specification, and what SQLite alone promises.

#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect fails there")]

mod contract;
mod interleavings;
mod journal;
mod sqlite;
mod standings;
mod support;
