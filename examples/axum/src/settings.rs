//! What the environment says.

use std::time::Duration;

use anyhow::Context as _;
use countersign_verify::WhenStale;

/// How this API runs.
pub(crate) struct Settings {
    /// `ISSUER`, by default a server that was started with `--dev`.
    pub(crate) issuer: String,
    /// `AUDIENCE`, by default the issuer, as its tokens have it by default.
    pub(crate) audience: String,
    /// `STAFF_ISSUER`: a second issuer; none by default.
    pub(crate) staff_issuer: Option<String>,
    /// `STALE`, in seconds: for how long requests are served without news of revocations. 60 by default.
    pub(crate) when_stale: WhenStale,
    /// `REFRESH_EVERY`, in seconds: how old keys may become. 300 by default, 30 at least.
    pub(crate) refresh_every: Duration,
    /// `PORT`, 4000 by default; 0 takes a free one.
    pub(crate) port: u16,
}

impl Settings {
    /// # Errors
    ///
    /// When a number is none.
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let issuer = variable("ISSUER").unwrap_or_else(|| "http://localhost:3000".to_owned());
        let when_stale =
            seconds("STALE")?.map_or_else(WhenStale::default, |up_to| WhenStale::Serve { up_to });
        Ok(Self {
            audience: variable("AUDIENCE").unwrap_or_else(|| issuer.clone()),
            issuer,
            staff_issuer: variable("STAFF_ISSUER"),
            when_stale,
            refresh_every: seconds("REFRESH_EVERY")?.unwrap_or(Duration::from_secs(300)),
            port: variable("PORT").map_or(Ok(4000), |port| port.parse()).context("PORT is a port number")?,
        })
    }
}

fn seconds(name: &str) -> anyhow::Result<Option<Duration>> {
    let seconds = variable(name).map(|seconds| seconds.parse());
    let seconds = seconds.transpose().with_context(|| format!("{name} is a number of seconds"))?;
    Ok(seconds.map(Duration::from_secs))
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
