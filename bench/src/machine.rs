//! The machine of the measurement, which the reports name because the results depend on it.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::process;

/// Describes this machine in one line.
pub(crate) fn describe() -> Result<String> {
    let processors = fs::read_to_string("/proc/cpuinfo")?;
    let model = value(&processors, "model name").unwrap_or("an unnamed processor");
    let count = processors.lines().filter(|line| line.starts_with("processor")).count();
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kib: u64 = value(&memory, "MemTotal")
        .and_then(|text| text.trim_end_matches(" kB").parse().ok())
        .context("/proc/meminfo has no memory size")?;
    let kernel = process::run(Command::new("uname").arg("-r"))?;
    Ok(format!("{count} processors ({model}), {} GiB, Linux {}", kib.div_ceil(1 << 20), kernel.trim()))
}

/// Today's date in ISO 8601 format.
pub(crate) fn today() -> Result<String> {
    Ok(process::run(Command::new("date").args(["--utc", "+%Y-%m-%d"]))?.trim().to_owned())
}

/// The system's load average over the last minute.
pub(crate) fn load() -> Result<String> {
    let load = fs::read_to_string("/proc/loadavg")?;
    load.split(' ').next().map(str::to_owned).context("/proc/loadavg is empty")
}

fn value<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}
