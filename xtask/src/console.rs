//! The output of a command: each step with its duration, and a table of all steps at the end.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::Result;

/// A step's remark in the table; empty if there is none.
pub(crate) type Remark = String;

/// The finished steps of a command.
pub(crate) struct Steps {
    started: Instant,
    done: Vec<(String, Duration, Remark)>,
}

/// Writes a line to standard output. Errors are ignored, so a closed output does not stop the command.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// The current time of the system's clock.
#[expect(clippy::disallowed_methods, reason = "these commands measure real work")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

impl Steps {
    /// Starts without any steps.
    pub(crate) fn begin() -> Self {
        Self { started: now(), done: Vec::new() }
    }

    /// Runs one step and records its duration.
    ///
    /// # Errors
    /// When `work` fails. The error names the step and gives `advice`.
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

    /// Writes the table of the finished steps.
    pub(crate) fn show(&self) {
        let width = self.done.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
        say("");
        for (name, took, remark) in &self.done {
            say(&format!("  {name:width$}  {:>8}  {remark}", seconds(*took)));
        }
        say(&format!("  {:width$}  {:>8}", "total", seconds(self.started.elapsed())));
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
