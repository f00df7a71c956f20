//! Writes the generated part of docs/verifying.md.

use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context as _, Result};
use countersign_load::Measured;

use super::revoking::{self, Revoking, Seen};
use super::rotating::Rotating;
use super::speed::{Row, Speed, row};
use super::unknown_keys::Volley;
use crate::compare::CONNECTIONS;
use crate::page::{GOALS, goal};
use crate::report::millis;
use crate::results::Effort;
use crate::{machine, page};

/// The whole generated part, in the order of the page.
pub(super) fn whole(
    effort: Effort,
    load_before: &str,
    (speed, revoking, volleys, rotating): (&Speed, &Revoking, &[Volley], &Rotating),
) -> Result<String> {
    let mut text = format!(
        "Measured on {} with `cargo xtask verifying`: {}. Its load average was {load_before} before and {} at the \
         end. All servers share one processor, and only the measured one is busy. The clients use the other \
         processor.\n\n",
        machine::today()?,
        machine::describe()?,
        machine::load()?
    );
    text.push_str(GOALS);
    goals(&mut text, (speed, revoking, volleys, rotating))?;
    write!(
        text,
        "\n### Speed\n\n`GET /protectedRoute` on {CONNECTIONS} connections. Each connection has a separate token, \
         and the API has cached all tokens. There are {} alternating rounds of {} s, each after a warm-up of {} s. \
         The first column is the median rate per second of processor time. The wall-clock columns are from the round \
         with the median rate.\n\n{}",
        effort.rounds,
        effort.seconds,
        effort.warm_up,
        self::speed(speed)?
    )?;
    write!(text, "\n### Revocations\n\n{}", self::revoking(revoking)?)?;
    write!(text, "\n### Unknown keys\n\n{}", unknown_keys(volleys)?)?;
    write!(text, "\n### New keys\n\n{}", self::rotating(rotating)?)?;
    Ok(text)
}

fn goals(
    text: &mut String,
    (speed, revoking, volleys, rotating): (&Speed, &Revoking, &[Volley], &Rotating),
) -> Result<()> {
    let ratio = speed.per_core(row::OURS)? / speed.per_core(row::EXPRESS)?;
    let what = "a cached token, per core: 20x the middleware of the Express original";
    goal(text, what, &format!("{ratio:.1}x"), ratio >= 20.0)?;
    for seen in &revoking.seen {
        let what = format!(
            "{}: a revoked session is rejected within 1 s at p99, {} revocations a minute",
            seen.name,
            revoking::PER_MINUTE
        );
        let p99 = seen.quantile(0.99)?;
        goal(text, &what, &seconds(p99), p99 < Duration::from_secs(1) && seen.missed == 0)?;
    }
    let most = volleys.iter().map(|volley| volley.fetches).max().unwrap_or_default();
    let tokens = volleys.iter().map(|volley| volley.tokens).max().unwrap_or_default();
    let what = format!("{tokens} tokens with random keys: at most one fetch in 30 s");
    goal(text, &what, &most.to_string(), most <= 1)?;
    let failures: u64 = rotating.answers.iter().map(|(_, [_, others])| others).sum();
    let what = format!("{} new keys under load: no valid token rejected", rotating.rotations);
    goal(text, &what, &failures.to_string(), failures == 0)
}

pub(super) fn speed(speed: &Speed) -> Result<String> {
    let mut text =
        "| | requests per second of processor time | first row ÷ this | requests/s, wall clock | p50 | \
                    p99 |\n|---|--:|--:|--:|--:|--:|\n"
            .to_owned();
    let ours = speed.per_core(row::OURS)?;
    for Row { name, measured, per_core } in &speed.rows {
        let Measured { per_second, p50_micros, p99_micros, .. } = measured;
        writeln!(
            text,
            "| {name} | {per_core:.0} | {:.1}x | {per_second:.0} | {:.2} ms | {:.2} ms |",
            ours / per_core,
            millis(*p50_micros),
            millis(*p99_micros)
        )?;
    }
    writeln!(
        text,
        "\nThe layer alone, in one process and without HTTP, takes {:.2} us for a cached token and {:.1} us for any \
         other token. Each token is also checked against a list of 1,000 revoked sessions.",
        speed.remembered, speed.verified
    )?;
    Ok(text)
}

pub(super) fn revoking(revoking: &Revoking) -> Result<String> {
    let mut text = format!(
        "{} sessions were revoked with `POST /logout` in {:.1} s, one every {:.0} ms. For every tenth session, a \
         client started after the response to `POST /logout` and sent its access token every {} ms, until the API \
         rejected it.\n\n\
         | | watched | p50 | p99 | longest | never rejected | memory before | after |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|\n",
        revoking.revoked,
        revoking.took.as_secs_f64(),
        60_000.0 / revoking::PER_MINUTE as f64,
        revoking::PAUSE.as_millis()
    );
    for seen in &revoking.seen {
        let Seen { name, delays, missed, memory: [before, after] } = seen;
        writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {missed} | {} | {} |",
            delays.len() + missed,
            seconds(seen.quantile(0.5)?),
            seconds(seen.quantile(0.99)?),
            seconds(seen.quantile(1.0)?),
            page::mebibytes(before << 10),
            page::mebibytes(after << 10)
        )?;
    }
    Ok(text)
}

pub(super) fn unknown_keys(volleys: &[Volley]) -> Result<String> {
    let mut text =
        "| | tokens | sent in | slowest response | key set fetches |\n|---|--:|--:|--:|--:|\n".to_owned();
    for Volley { when, tokens, took, slowest, fetches } in volleys {
        let (took, slowest) = (took.as_secs_f64(), slowest.as_secs_f64() * 1000.0);
        writeln!(text, "| {when} | {tokens} | {took:.2} s | {slowest:.1} ms | {fetches} |")?;
    }
    Ok(text)
}

pub(super) fn rotating(rotating: &Rotating) -> Result<String> {
    let Rotating { rotations, took, issued, fetches, answers } = rotating;
    let mut text = format!(
        "The signing key was rotated {rotations} times in {:.0} s. During this time, the server issued {issued} \
         access tokens, and the APIs fetched the key set {fetches} times.\n\n\
         | | accepted | not accepted |\n|---|--:|--:|\n",
        took.as_secs_f64()
    );
    for (name, [good, others]) in answers {
        writeln!(text, "| {name} | {good} | {others} |")?;
    }
    Ok(text)
}

impl Seen {
    /// The delay that `share` of the watched sessions did not exceed.
    fn quantile(&self, share: f64) -> Result<Duration> {
        let rank = (share * self.delays.len() as f64).ceil() as usize;
        let index = rank.clamp(1, self.delays.len().max(1)) - 1;
        self.delays.get(index).copied().context("no session was watched")
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}
