//! What a process uses of the machine, as the system says (`man 5 proc`).

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// The unit of processor time in `/proc`, the same on all machines with the architectures that we run on.
const TICKS_PER_SECOND: u32 = 100;

/// The resident memory of a process, in KiB.
pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    line.trim().trim_end_matches(" kB").parse().context("VmRSS is no number")
}

/// The time for which the threads of a process have had a processor, in the system's code and their own, to
/// a hundredth of a second. Waiting for a processor that others use does not count.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    ticks(&fs::read_to_string(format!("/proc/{pid}/stat"))?)
        .map(|ticks| Duration::from_secs(1) / TICKS_PER_SECOND * ticks)
        .context("there is no processor time in /proc")
}

/// The fields `utime` and `stime`, the 12th and 13th after the name, which may hold anything.
fn ticks(stat: &str) -> Option<u32> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11).map(|field| field.parse::<u32>().ok());
    Some(times.next()?? + times.next()??)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_moves_no_field() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 9 9 20 0 4 0 123";
        assert_eq!(ticks(stat), Some(300));
        assert_eq!(ticks("7 (a) S 1 7"), None);
    }
}
