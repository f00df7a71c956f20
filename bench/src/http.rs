//! Requests outside the measurement. They use `curl`, a neutral client that does not favour one server.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::process;

/// The timeout of a request. The first request to Keycloak takes about a second.
const LIMIT_SECONDS: &str = "60";

/// A request with a body.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    /// Begins with `/`, and may have a query.
    pub(crate) path: String,
    /// A media type.
    pub(crate) content_type: &'static str,
    /// An access token, for the `Authorization` header.
    pub(crate) bearer: Option<String>,
    /// Already encoded as `content_type` requires.
    pub(crate) body: String,
}

/// A response.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// `null` if the body is not JSON.
    pub(crate) body: Value,
}

impl Post {
    /// A form. Names and values are not encoded, so they must not need it; tokens and hexadecimal text do
    /// not.
    pub(crate) fn form(path: impl Into<String>, fields: &[(&str, &str)]) -> Self {
        let pairs: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let content_type = "application/x-www-form-urlencoded";
        Self { path: path.into(), content_type, bearer: None, body: pairs.join("&") }
    }

    /// A JSON value.
    pub(crate) fn json(path: impl Into<String>, body: &Value) -> Self {
        Self { path: path.into(), content_type: "application/json", bearer: None, body: body.to_string() }
    }

    /// Sends the request.
    ///
    /// # Errors
    ///
    /// If there is no response. An HTTP error status is not an error.
    pub(crate) fn send(&self, base: SocketAddr) -> Result<Reply> {
        let mut curl = curl(base, &self.path);
        curl.args(["--header", &format!("Content-Type: {}", self.content_type)]);
        if let Some(bearer) = &self.bearer {
            curl.args(["--header", &format!("Authorization: Bearer {bearer}")]);
        }
        reply(curl.args(["--data-raw", &self.body]))
    }
}

/// The response to a `GET`.
pub(crate) fn get(base: SocketAddr, path: &str) -> Result<Reply> {
    reply(&mut curl(base, path))
}

/// The body of the response to a `GET`, as text.
pub(crate) fn get_text(base: SocketAddr, path: &str) -> Result<String> {
    process::run(curl(base, path).arg("--fail"))
}

fn curl(base: SocketAddr, path: &str) -> Command {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", LIMIT_SECONDS]);
    curl.args(["--write-out", "\n%{http_code}", &format!("http://{base}{path}")]);
    curl
}

fn reply(curl: &mut Command) -> Result<Reply> {
    let said = process::run(curl)?;
    let (body, status) = said.rsplit_once('\n').context("curl printed no status")?;
    let status = status.parse().with_context(|| format!("`{status}` is not an HTTP status"))?;
    Ok(Reply { status, body: serde_json::from_str(body).unwrap_or(Value::Null) })
}
