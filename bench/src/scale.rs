//! The capacity of one node: the same server with ten thousand to ten million sessions.
//!
//! Each size gets its own data directory, and the clients refresh random sessions of the whole directory. The
//! directory is removed after the measurement.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign::system;
use countersign_load::Measured;

use crate::compare::{CLIENTS, CONNECTIONS, SERVERS};
use crate::console::{now, say};
use crate::fleet::{self, Fleet, Plan};
use crate::job::{Job, Workload};
use crate::ours::{Form, Ours};
use crate::page::{mebibytes, put_between};
use crate::report::millis;
use crate::{machine, process, server, usage};

const SIZES: [u64; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

/// Seconds of warm-up and of measurement for each size.
const WARM_UP: f64 = 5.0;
const SECONDS: f64 = 15.0;
/// Seconds of measurement for the first refreshes, with no part of the database in memory.
const SECONDS_COLD: f64 = 5.0;

/// The time without requests after which a server is idle.
const REST: Duration = Duration::from_secs(5);

/// The results for one size.
struct Row {
    sessions: u64,
    filled: Duration,
    bytes: u64,
    start: Duration,
    idle_kib: u64,
    refreshing_cold: Measured,
    refreshing: Measured,
    busy_kib: u64,
    rested_kib: u64,
    bytes_after: u64,
    /// Bytes written per refresh, including the folds and checkpoints that follow.
    written_each: f64,
}

/// Measures every size up to `largest`, and writes the results to a page.
pub(crate) fn run(largest: u64, page: &Path) -> Result<()> {
    let mut rows = Vec::new();
    for sessions in SIZES.into_iter().filter(|size| *size <= largest) {
        let row = measure(sessions).with_context(|| format!("at {sessions} sessions"))?;
        say(&line(&row));
        rows.push(row);
    }
    let table = table(&rows)?;
    say(&table);
    put_between(page, "scale", &table)
}

fn measure(sessions: u64) -> Result<Row> {
    let home = server::home()?;
    let directory = home.path().join("data");
    let world = system::world();
    let plan = Plan { count: sessions, each: fleet::EACH, made: world.now() };
    let began = now();
    Arc::new(Fleet::plan(&directory, plan, &world)?).fill_directory(&directory, |written| {
        if written > 0 && written % 1_000_000 == 0 {
            say(&format!("{written} of {sessions} sessions are written"));
        }
    })?;
    let filled = began.elapsed();
    let bytes = size(&directory)?;
    let forgotten = forget_files();
    let (ours, start) = Ours::start_timed(Form::Durable, directory, (home, SERVERS), first_answer)?;
    say(&format!(
        "{sessions} sessions: {} at the start",
        if forgotten { "files not in memory" } else { "files in memory" }
    ));
    sleep(REST);
    let idle_kib = usage::resident_kib(ours.pid)?;
    let refreshing_cold = refresh(&ours, 0..sessions / 10, (0.0, SECONDS_COLD))?;
    read_files(&ours.directory)?;
    let written = usage::written_bytes(ours.pid)?;
    let refreshing = refresh(&ours, sessions / 10..sessions, (WARM_UP, SECONDS))?;
    let busy_kib = usage::resident_kib(ours.pid)?;
    sleep(REST);
    let rested_kib = usage::resident_kib(ours.pid)?;
    let bytes_after = size(&ours.directory)?;
    let written = usage::written_bytes(ours.pid)? - written;
    // The refreshes of the warm-up are not counted, so they are assumed to be as fast as the measured ones.
    let written_each = written as f64 / (refreshing.per_second * (WARM_UP + SECONDS));
    Ok(Row {
        sessions,
        filled,
        bytes,
        start,
        idle_kib,
        refreshing_cold,
        refreshing,
        busy_kib,
        rested_kib,
        bytes_after,
        written_each,
    })
}

/// Refreshes random sessions of a range, for `warm_up` seconds without and `seconds` seconds with
/// measurement.
fn refresh(ours: &Ours, among: Range<u64>, (warm_up, seconds): (f64, f64)) -> Result<Measured> {
    let workload = Workload::Fleet {
        directory: ours.directory.clone(),
        first: among.start,
        count: among.end - among.start,
    };
    let job = Job { server: ours.base, connections: CONNECTIONS, warm_up, seconds, workload };
    let refreshing = job.run_on(CLIENTS)?;
    ensure!(refreshing.errors == 0, "{} refreshes failed", refreshing.errors);
    Ok(refreshing)
}

/// Whether a server that was just started responds to a readiness request with 200.
fn first_answer(base: SocketAddr) -> bool {
    let ask = || -> Option<bool> {
        let mut stream = TcpStream::connect(base).ok()?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer.starts_with("HTTP/1.1 200"))
    };
    ask() == Some(true)
}

/// Drops the system's file cache. Returns `false` if this process lacks the permission.
fn forget_files() -> bool {
    process::run(&mut std::process::Command::new("sync")).is_ok()
        && fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

/// Reads the database files, so that they are in the system's file cache, as after hours of use with enough
/// memory.
fn read_files(directory: &Path) -> Result<()> {
    for file in files(directory)? {
        io::copy(&mut File::open(file)?, &mut io::sink())?;
    }
    Ok(())
}

/// The total size of the database's files, in bytes.
fn size(directory: &Path) -> Result<u64> {
    files(directory)?.iter().map(|file| Ok(fs::metadata(file)?.len())).sum()
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("countersign.db") {
            files.push(entry.path());
        }
    }
    Ok(files)
}

fn line(row: &Row) -> String {
    let Row { sessions, refreshing, .. } = row;
    format!(
        "{sessions} sessions: filled in {:.0} s, first answer after {:.0} ms, {:.0} refreshes/s at first, then {:.0} \
         refreshes/s, p99 {:.2} ms",
        row.filled.as_secs_f64(),
        row.start.as_secs_f64() * 1000.0,
        row.refreshing_cold.per_second,
        refreshing.per_second,
        millis(refreshing.p99_micros)
    )
}

fn table(rows: &[Row]) -> Result<String> {
    let first = rows.first().context("no size was measured")?.refreshing.per_second;
    let mut table = format!(
        "Measured on {} with `cargo xtask scale`: {}. The server and the clients have one processor each. \
         {CONNECTIONS} connections refresh random sessions. For {SECONDS_COLD} s, they refresh a tenth of the \
         sessions, and no file of the database is in memory. Then, for {SECONDS} s, they refresh the other sessions, \
         and all files of the database are in memory.\n\n\
         | sessions | database | bytes/session | first response | idle memory | refreshes/s cold | refreshes/s | of first row | p50 | \
         p99 | KiB written/refresh | memory after | 5 s later | database after |\n|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        machine::today()?,
        machine::describe()?
    );
    for row in rows {
        let Measured { per_second, p50_micros, p99_micros, .. } = row.refreshing;
        writeln!(
            table,
            "| {} | {} | {} | {:.0} ms | {} | {:.0} | {per_second:.0} | {:.0} % | {:.2} ms | {:.2} ms | {:.1} | {} | {} | {} |",
            row.sessions,
            mebibytes(row.bytes),
            row.bytes / row.sessions,
            row.start.as_secs_f64() * 1000.0,
            mebibytes(row.idle_kib << 10),
            row.refreshing_cold.per_second,
            per_second / first * 100.0,
            millis(p50_micros),
            millis(p99_micros),
            row.written_each / 1024.0,
            mebibytes(row.busy_kib << 10),
            mebibytes(row.rested_kib << 10),
            mebibytes(row.bytes_after),
        )?;
    }
    Ok(table)
}
