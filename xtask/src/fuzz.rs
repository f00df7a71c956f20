//! The fuzz targets, which run two at a time (`fuzz/README.md`).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::console::{Remark, say};
use crate::{process, repository};

/// The default duration of each target, in seconds.
pub(crate) const SECONDS: u64 = 60;

/// The duration of each target in a check, in seconds. It suffices for all known inputs and some new ones.
pub(crate) const SECONDS_OF_CHECK: u64 = 20;

/// Compiler flags that give libFuzzer its coverage data on a stable compiler.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Runs every target for `seconds` and prints how many inputs each executed.
pub(crate) fn run(seconds: u64) -> Result<()> {
    let remark = all(seconds)?;
    say(&remark);
    Ok(())
}

/// Builds every target and runs it for `seconds`.
pub(crate) fn all(seconds: u64) -> Result<Remark> {
    let binaries = build()?;
    let targets = targets()?;
    let mut remarks = Vec::new();
    for pair in targets.chunks(2) {
        let running: Vec<_> = pair
            .iter()
            .map(|target| start(&binaries, target, seconds).map(|child| (target, child)))
            .collect::<Result<_>>()?;
        for (target, child) in running {
            remarks.push(finish(target, child)?);
        }
    }
    Ok(remarks.join(", "))
}

/// Builds the targets and returns their folder.
fn build() -> Result<PathBuf> {
    let host = host()?;
    let arguments =
        ["build", "--release", "--locked", "--manifest-path", "fuzz/Cargo.toml", "--target", host.as_str()];
    process::run(process::cargo(&arguments).env("RUSTFLAGS", FLAGS))?;
    Ok(repository::at("fuzz/target").join(host).join("release"))
}

fn host() -> Result<String> {
    let about = process::capture(&mut process::command("rustc", &["-vV"]))?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` does not name the host")?.to_owned())
}

/// The names of the targets in alphabetical order.
fn targets() -> Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(repository::at("fuzz/targets"))?
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_str()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

fn start(binaries: &Path, target: &str, seconds: u64) -> Result<Child> {
    let home = repository::at("fuzz");
    fs::create_dir_all(home.join("target/corpus").join(target))?;
    let log = fs::File::create(log_of(target))?;
    say(&format!("{target} for {seconds} s"));
    Command::new(binaries.join(target))
        .current_dir(home)
        .arg(format!("-max_total_time={seconds}"))
        .args(["-max_len=4096", "-print_final_stats=1", "-artifact_prefix=target/"])
        .args([format!("target/corpus/{target}"), format!("seeds/{target}")])
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .with_context(|| format!("cannot run the fuzz target {target}"))
}

fn finish(target: &str, mut child: Child) -> Result<Remark> {
    let status = child.wait()?;
    let log = fs::read(log_of(target))?;
    let log = String::from_utf8_lossy(&log);
    if !status.success() {
        let lines: Vec<_> = log.lines().collect();
        bail!("{target} failed:\n{}", lines[lines.len().saturating_sub(40)..].join("\n"));
    }
    let inputs = log.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    Ok(format!("{target} {} inputs", inputs.context("the fuzz target did not print its statistics")?.trim()))
}

fn log_of(target: &str) -> PathBuf {
    repository::at("fuzz/target").join(format!("{target}.log"))
}
