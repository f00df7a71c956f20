//! What a command shows while it works: each step with its time, and a table at the end.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;

/// A step's remark for the table; empty when there is nothing to say.
pub(crate) type Remark = String;

/// The steps of a command so far.
pub(crate) struct Steps {
    started: Instant,
    done: Vec<(String, Duration, Remark)>,
}

/// Writes a line. A closed standard output is no reason to stop.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// The time on the wall.
#[expect(clippy::disallowed_methods, reason = "these commands measure real work")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl Steps {
    /// None yet.
    pub(crate) fn begin() -> Self {
        Self { started: now(), done: Vec::new() }
    }

    /// Takes one step. When it fails, the error begins with `advice`, a phrase.
    pub(crate) fn take(
        &mut self,
        name: &str,
        advice: &str,
        work: impl FnOnce() -> Result<Remark>,
    ) -> Result<()> {
        say(&format!("\n── {name}"));
        let started = now();
        match work() {
            Ok(remark) => {
                let took = started.elapsed();
                say(&format!("── {name}: {} {remark}", seconds(took)));
                self.done.push((name.to_owned(), took, remark));
                Ok(())
            }
            Err(error) => {
                self.done.push((name.to_owned(), started.elapsed(), "FAILED".to_owned()));
                self.show();
                Err(error.context(format!("{name} failed ({advice})")))
            }
        }
    }

    /// Shows the table.
    pub(crate) fn show(&self) {
        let width = self.done.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
        say("");
        for (name, took, remark) in &self.done {
            say(&format!("  {name:width$}  {:>8}  {remark}", seconds(*took)));
        }
        say(&format!("  {:width$}  {:>8}", "together", seconds(self.started.elapsed())));
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
