//! Settings from environment variables.

use std::time::Duration;

use anyhow::Context as _;
use countersign_verify::WhenStale;

/// The settings, with their defaults applied.
pub(crate) struct Settings {
    /// `ISSUER`; the default is the address of a server with `--dev`.
    pub(crate) issuer: String,
    /// `AUDIENCE`; the default is the issuer, which is also the issuer's default audience.
    pub(crate) audience: String,
    /// `STAFF_ISSUER`: a second issuer. Optional.
    pub(crate) staff_issuer: Option<String>,
    /// `STALE`, in seconds: how long tokens are accepted without updates of the revocation list. Default 60.
    pub(crate) when_stale: WhenStale,
    /// `REFRESH_EVERY`, in seconds: the maximum age of the cached keys. Default 300, minimum 30.
    pub(crate) refresh_every: Duration,
    /// `PORT`: default 4000; 0 selects a free port.
    pub(crate) port: u16,
}

impl Settings {
    /// # Errors
    ///
    /// If `STALE`, `REFRESH_EVERY` or `PORT` is not a valid number.
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
            port: variable("PORT")
                .map_or(Ok(4000), |port| port.parse())
                .context("PORT must be a port number")?,
        })
    }
}

fn seconds(name: &str) -> anyhow::Result<Option<Duration>> {
    let seconds = variable(name).map(|seconds| seconds.parse());
    let seconds = seconds.transpose().with_context(|| format!("{name} must be a number of seconds"))?;
    Ok(seconds.map(Duration::from_secs))
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
