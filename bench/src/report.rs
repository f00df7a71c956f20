//! Writes docs/comparison.md: the rates of each server, and the goals that they meet.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use countersign_load::Measured;

use crate::console::say;
use crate::page::{GOALS, goal};
use crate::results::{Effort, Results, row};
use crate::{chart, machine};

/// Writes `comparison.md` and `comparison.svg` into a directory.
pub(crate) fn write(results: &Results, effort: Effort, docs: &Path) -> Result<()> {
    fs::create_dir_all(docs)?;
    let page = page(results, effort)?;
    fs::write(docs.join("comparison.md"), &page)?;
    fs::write(docs.join("comparison.svg"), chart::draw(&bars(results)))?;
    say(&format!("\n{page}"));
    Ok(())
}

/// Converts microseconds to milliseconds.
#[expect(clippy::cast_precision_loss, reason = "a latency is far below 2^52 microseconds")]
pub(crate) fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

const REFRESH: [&str; 6] =
    [row::REFRESH, row::STORELESS, row::EXPRESS, row::TUNED, row::OIDC_PROVIDER, row::KEYCLOAK];

const VERIFY: [&str; 4] = [row::VERIFY_ES256, row::VERIFY_HS256, row::VERIFY_EXPRESS, row::VERIFY_TUNED];

fn page(results: &Results, effort: Effort) -> Result<String> {
    let mut page = String::from("# Throughput compared with other servers\n\n");
    writeln!(
        page,
        "Measured on {} with `cargo xtask compare{}`: {}. Each server has one processor, and the clients have \
         another, on which they never sleep. 64 connections stay open, and each sends its next request as soon as it \
         receives a response. There are {} alternating rounds of {} s, each after a warm-up of {} s. The tables show \
         the round with the median rate. Ratios are between medians of this run. Other machines give other figures, \
         but similar ratios.\n",
        machine::today()?,
        if results.rounds.contains_key(row::KEYCLOAK) { " --keycloak" } else { "" },
        machine::describe()?,
        effort.rounds,
        effort.seconds,
        effort.warm_up
    )?;
    page.push_str("![Refreshes per second](comparison.svg)\n\n## Refreshing\n\n");
    page.push_str(
        "`POST /refreshToken`, or the token endpoint with `grant_type=refresh_token`. Countersign refreshes 10,000 \
         random sessions and responds after its commit (`synchronous=FULL`). Express is the tutorial's server. The \
         refresh route of the original fails on every call, so this measurement uses a repaired copy. Express \
         stores nothing, and signs two HS256 tokens. *Tuned* creates its keys once and sets `NODE_ENV=production`. \
         oidc-provider and Keycloak rotate refresh tokens and sign with ES256. After one failed refresh, all later \
         requests of that client are rejected. All of these count as errors.\n\n",
    );
    table(&mut page, results, &REFRESH)?;
    page.push_str("\n## Verifying\n\n`GET /protectedRoute`. Each client has a separate access token.\n\n");
    table(&mut page, results, &VERIFY)?;
    limits(&mut page, results)?;
    if effort.rounds > 1 {
        goals(&mut page, results)?;
    } else {
        page.push_str("\nThis run was too short to evaluate the goals. Run it without `--quick`.\n");
    }
    Ok(page)
}

fn table(page: &mut String, results: &Results, rows: &[&str]) -> Result<()> {
    page.push_str("| | requests/s | p50 | p99 | errors | first row ÷ this |\n|---|--:|--:|--:|--:|--:|\n");
    let first = median(results, rows.first().context("the table has no rows")?)?.per_second;
    for row in rows.iter().filter(|row| results.rounds.contains_key(**row)) {
        let Measured { per_second, p50_micros, p99_micros, errors, .. } = median(results, row)?;
        writeln!(
            page,
            "| {row} | {per_second:.0} | {:.2} ms | {:.2} ms | {errors} | {:.1}x |",
            millis(p50_micros),
            millis(p99_micros),
            first / per_second
        )?;
    }
    Ok(())
}

fn limits(page: &mut String, results: &Results) -> Result<()> {
    let [signature, commit, amortised] = results.parts;
    let empty = 1e6 / median(results, row::EMPTY)?.per_second;
    let limit = 1e6 / (empty + signature + amortised);
    let reached = median(results, row::REFRESH)?.per_second / limit * 100.0;
    writeln!(
        page,
        "\n## The limit\n\nEvery refresh needs three parts, each of which was measured alone in the same run: an empty \
         handler of the same stack ({empty:.1} us), one ES256 access token ({signature:.1} us), and one row in a \
         commit of 64 rows ({amortised:.1} us; a commit of one row takes {commit:.0} us). Together they would allow \
         {limit:.0} refreshes per second. Countersign reaches {reached:.0} % of this limit."
    )?;
    Ok(())
}

fn goals(page: &mut String, results: &Results) -> Result<()> {
    let rate = |row: &str| median(results, row).map(|measured| measured.per_second);
    let refresh = median(results, row::REFRESH)?;
    let lone = millis(median(results, row::LONE)?.p50_micros) - results.parts[1] / 1000.0;
    let spread = millis(refresh.p99_micros) / millis(refresh.p50_micros);
    write!(page, "\n## Goals\n\n{GOALS}")?;
    let mut line = |what: &str, measured: String, is_met: bool| goal(page, what, &measured, is_met);
    let share = refresh.per_second / rate(row::STORELESS)? * 100.0;
    line(
        "rate of durable refreshes: 85 % of the same server without a store",
        format!("{share:.0} %"),
        share >= 85.0,
    )?;
    line("p99 of a durable refresh: at most 4x its p50", format!("{spread:.1}x"), spread <= 4.0)?;
    for (goal, row, factor) in [
        ("rate of durable refreshes: 30x Express with secrets as strings", row::EXPRESS, 30.0),
        ("rate of durable refreshes: 6x Express, tuned", row::TUNED, 6.0),
        ("rate of durable refreshes: 8x oidc-provider in memory", row::OIDC_PROVIDER, 8.0),
        ("rate of durable refreshes: 50x Keycloak", row::KEYCLOAK, 50.0),
    ] {
        if results.rounds.contains_key(row) {
            let ratio = refresh.per_second / rate(row)?;
            line(goal, format!("{ratio:.1}x"), ratio >= factor)?;
        }
    }
    let verify = rate(row::VERIFY_HS256)? / rate(row::VERIFY_EXPRESS)?;
    line(
        "protected route, HS256 on both servers: 20x Express with secrets as strings",
        format!("{verify:.1}x"),
        verify >= 20.0,
    )?;
    let verify = rate(row::VERIFY_ES256)? / rate(row::VERIFY_TUNED)?;
    line(
        "protected route, ES256 in Countersign: 10x Express, tuned",
        format!("{verify:.1}x"),
        verify >= 10.0,
    )?;
    line(
        "p50 of a refresh with a single client: at most one commit + 0.3 ms",
        format!("one commit + {lone:.2} ms"),
        lone <= 0.3,
    )?;
    Ok(())
}

fn bars(results: &Results) -> Vec<(&'static str, f64)> {
    let bar = |row: &&'static str| median(results, row).ok().map(|measured| (*row, measured.per_second));
    REFRESH.iter().filter_map(bar).collect()
}

fn median(results: &Results, row: &str) -> Result<Measured> {
    let rounds = results.rounds.get(row).cloned().unwrap_or_default();
    middle(rounds).with_context(|| format!("{row} was not measured"))
}

/// The round with the median rate; `None` if there are no rounds.
pub(crate) fn middle(mut rounds: Vec<Measured>) -> Option<Measured> {
    rounds.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    let middle = rounds.len() / 2;
    rounds.into_iter().nth(middle)
}
