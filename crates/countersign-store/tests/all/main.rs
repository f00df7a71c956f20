//! Tests of the stores: the contract of every store, random comparisons with the specification, and SQLite
//! alone.

#![expect(clippy::unwrap_used, reason = "a test that meets what it does not expect fails there")]

mod clients;
mod contract;
mod interleavings;
mod rotations;
mod sqlite;
mod standings;
mod support;
