//! The server from the outside: in this process with a clock that the test owns, and as a real process.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that meets what it does not expect fails there")]

mod harness;
mod refresh;
mod tutorial;
