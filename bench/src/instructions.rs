//! Counts instructions, a measure that does not depend on other programs on the machine.
//!
//! Valgrind counts the instructions of all threads of a process outside the kernel. Each operation runs in
//! two processes, with twice as many turns in the second. The difference is the cost of the turns without the
//! set-up.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::operation::{self, Operation};

/// What the counts do not include.
const NOTE: &str = "
Counted by Valgrind's Callgrind, in all threads and outside the kernel. The cryptographic library picks its code by
what the processor can do, and Valgrind's processor can do less than a real one: no AVX-512, and depending on its release
no SHA extensions and no ADX either. Natively a hash, and all that consists of hashes, takes a fraction of these
instructions, and a signature somewhat fewer. Requests come without sockets and without a log. With the store each
session is refreshed for the first time, so its row is read, and the log of rotations is folded on the way.
";

/// The instructions of one operation.
pub(crate) struct Counted {
    what: &'static str,
    instructions: u64,
}

/// Counts every operation.
pub(crate) fn count_all() -> Result<Vec<Counted>> {
    operation::ALL.iter().map(count).collect()
}

/// The counts as a Markdown table, followed by `NOTE`.
pub(crate) fn table(counted: &[Counted]) -> String {
    let mut text = "| operation | instructions |\n|---|---:|\n".to_owned();
    for Counted { what, instructions } in counted {
        writeln!(text, "| {what} | {} |", grouped(*instructions)).expect("writing to a string does not fail");
    }
    text.push_str(NOTE);
    text
}

fn count(operation: &Operation) -> Result<Counted> {
    let once = collect(operation, operation.turns)?;
    let twice = collect(operation, 2 * operation.turns)?;
    let times = operation.turns * operation.at_once;
    let spent = twice.checked_sub(once).context("twice as many turns took fewer instructions")?;
    Ok(Counted { what: operation.what, instructions: (spent + times / 2) / times })
}

/// Counts the instructions of one process.
fn collect(operation: &Operation, turns: u64) -> Result<u64> {
    let program = std::env::current_exe().context("cannot determine the path of this program")?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["operation", operation.name, &turns.to_string()])
        .output()
        .context("cannot run `valgrind`; install it")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let outputs = || format!("{}{said}", String::from_utf8_lossy(&output.stdout));
    ensure!(output.status.success(), "`{}` exited with {}:\n{}", operation.name, output.status, outputs());
    collected(&said).with_context(|| format!("Callgrind printed no count:\n{}", outputs()))
}

/// Finds the count in Callgrind's summary line `==1234== Collected : 56789`.
fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

/// Formats a number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_the_output_of_callgrind() {
        let said = "==77== Events    : Ir\n==77== Collected : 173245123\n==77== \n";
        assert_eq!(collected(said), Some(173_245_123));
        assert_eq!(collected("==77== Events    : Ir\n"), None);
    }

    #[test]
    fn a_table_has_a_line_for_each_operation() {
        let counted = [("a", 7), ("b", 1234), ("c", 1_234_567)];
        let counted = counted.map(|(what, instructions)| Counted { what, instructions });
        let text = table(&counted);
        assert!(text.starts_with(
            "| operation | instructions |\n|---|---:|\n| a | 7 |\n| b | 1,234 |\n| c | 1,234,567 |\n\n"
        ));
    }
}
