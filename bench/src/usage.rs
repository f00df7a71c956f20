//! The memory, processor time and writes of a process, from `/proc` (`man 5 proc`).

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The unit of processor time in `/proc`. It is the same on all supported architectures.
const TICKS_PER_SECOND: u32 = 100;

/// The resident memory of a process, in KiB.
pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("/proc has no VmRSS for the process")?;
    line.trim().trim_end_matches(" kB").parse().context("VmRSS is not a number")
}

/// The bytes that a process has caused to be written to disk. A page that changes twice before the system
/// writes it counts once.
pub(crate) fn written_bytes(pid: u32) -> Result<u64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io"))?;
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes:"))
        .context("/proc has no write_bytes for the process")?;
    line.trim().parse().context("write_bytes is not a number")
}

/// The processor time of all threads of a process, in user and system code, to a hundredth of a second. Time
/// spent waiting for a processor does not count.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    ticks(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
        .map(|ticks| Duration::from_secs(1) / TICKS_PER_SECOND * ticks)
        .context("/proc has no processor time for the process")
}

/// The sum of `utime` and `stime`, the 12th and 13th fields after the name. The name may contain any
/// character.
fn ticks(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(|field| field.parse::<u32>().ok());
    Some(times.next()?? + times.next()??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 9 9 20 0 4 0 123";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a) S 1 7"), None);
    }
}
