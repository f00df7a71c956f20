//! `token`: decodes a token, or verifies it like an API.

use std::io::Read;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use countersign_core::refresh_token;
use countersign_token::unverified::UnverifiedToken;
use countersign_token::{
    Algorithm, DEFAULT_LEEWAY, Expected, JwkSet, KeySet, TokenType, VerifyingKey, unverified,
};
use reqwest::header::ACCEPT_ENCODING;
use serde_json::{Value, json};

use super::context::Context;
use super::output;

/// The time limit for fetching a key set.
const FETCH_TIME: Duration = Duration::from_secs(10);

/// The maximum size of a key set, in bytes.
const MAX_KEY_SET: usize = 256 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Prints a token's header and claims without verifying it.
    Decode {
        /// The token, or `-` to read it from standard input.
        token: String,
    },
    /// Verifies a token. Prints its claims, or the reason why it is invalid.
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The token, or `-` to read it from standard input.
    token: String,
    /// The key set: a URL or a file.
    #[arg(long, value_name = "URL_OR_FILE")]
    jwks: String,
    /// The required issuer. Default: the token's own, with a warning.
    #[arg(long)]
    issuer: Option<String>,
    /// The required audience. Default: the token's own, with a warning.
    #[arg(long)]
    audience: Option<String>,
    /// The required type.
    #[arg(long, default_value = "at+jwt")]
    typ: String,
    /// An accepted algorithm. Can be repeated. Default: the algorithms of the keys.
    #[arg(long)]
    alg: Vec<Algorithm>,
}

impl Token {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<()> {
        match self {
            Self::Decode { token } => {
                let decoded = decode(&read_token(token)?)?;
                output::remark("Nothing was checked: the token may be forged.");
                output::json(&json!({"header": decoded.header, "claims": decoded.claims}));
                Ok(())
            }
            Self::Verify(verify) => verify.run(context).await,
        }
    }
}

impl Verify {
    async fn run(self, context: &Context) -> anyhow::Result<()> {
        let token = read_token(self.token)?;
        let unverified = decode(&token)?.claims;
        let keys = read_keys(&self.jwks, &self.alg).await?;
        let expected = Expected {
            issuer: self.issuer.unwrap_or_else(|| unchecked(&unverified["iss"], "--issuer")),
            audience: self.audience.unwrap_or_else(|| {
                let audience = &unverified["aud"];
                let first = audience.as_array().and_then(|list| list.first()).unwrap_or(audience);
                unchecked(first, "--audience")
            }),
            token_type: token_type(&self.typ)?,
            leeway: DEFAULT_LEEWAY,
        };
        let claims: Value = countersign_token::verify(&token, &keys, &expected, context.world.now())?;
        output::json(&claims);
        Ok(())
    }
}

/// Decodes a JWT. A refresh token is not one.
fn decode(token: &str) -> anyhow::Result<UnverifiedToken> {
    anyhow::ensure!(
        !token.starts_with(refresh_token::PREFIX),
        "this is a refresh token, which has no readable content: decode the access token instead, or run \
         `countersign session list`"
    );
    Ok(unverified::decode(token)?)
}

/// Uses the token's own claim as the expected value, and warns that this checks nothing.
fn unchecked(claim: &Value, flag: &str) -> String {
    let value = claim.as_str().unwrap_or_default().to_owned();
    output::remark(format!("warning: {value:?} was not checked: use {flag} to check it"));
    value
}

fn token_type(name: &str) -> anyhow::Result<TokenType> {
    let names = || TokenType::ALL.map(TokenType::name).join(", ");
    let found = TokenType::ALL.into_iter().find(|token_type| token_type.matches(name));
    found.with_context(|| format!("unknown token type {name:?}: use one of {}", names()))
}

fn read_token(argument: String) -> anyhow::Result<String> {
    if argument != "-" {
        return Ok(argument);
    }
    let mut text = String::new();
    std::io::stdin().lock().take(1 << 20).read_to_string(&mut text).context("cannot read standard input")?;
    Ok(text.trim().to_owned())
}

async fn read_keys(source: &str, algorithms: &[Algorithm]) -> anyhow::Result<KeySet> {
    // A URL can contain a password, even if the URL is mistyped.
    let may_be_url = source.contains(":/") || source.contains(['@', '?', '#', ';']);
    let shown = if may_be_url { countersign_store::without_credentials(source) } else { source.to_owned() };
    let bytes = if source.starts_with("https://") || source.starts_with("http://") {
        fetch(source).await.with_context(|| format!("cannot fetch {shown}"))?
    } else {
        std::fs::read(source).with_context(|| format!("cannot read {shown}"))?
    };
    let set = JwkSet::parse(&bytes).with_context(|| format!("{shown} is not a key set"))?;
    let is_allowed = |key: &VerifyingKey| algorithms.is_empty() || algorithms.contains(&key.algorithm());
    Ok(KeySet::new(KeySet::from(set).iter().filter(|key| is_allowed(key)).cloned()))
}

/// Fetches a URL. Errors do not contain the URL, which may have a password.
async fn fetch(url: &str) -> anyhow::Result<Vec<u8>> {
    let client = reqwest::Client::builder().timeout(FETCH_TIME).redirect(reqwest::redirect::Policy::none());
    let request = client.build()?.get(url).header(ACCEPT_ENCODING, "identity");
    let response = request.send().await.and_then(reqwest::Response::error_for_status);
    let mut response = response.map_err(reqwest::Error::without_url)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        anyhow::ensure!(
            bytes.len() + chunk.len() <= MAX_KEY_SET,
            "the key set is larger than {MAX_KEY_SET} bytes"
        );
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
