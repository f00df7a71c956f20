//! `token`: looking into a token, and verifying one as an API would.

use std::io::Read;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use countersign_token::{
    Algorithm, DEFAULT_LEEWAY, Expected, JwkSet, KeySet, TokenType, VerifyingKey, unverified,
};
use reqwest::header::ACCEPT_ENCODING;
use serde_json::{Value, json};

use super::context::Context;
use super::output;

/// How long a key set may take to arrive.
const FETCH_TIME: Duration = Duration::from_secs(10);

/// The largest key set, in bytes.
const MAX_KEY_SET: usize = 256 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Shows what a token says. Checks nothing.
    Decode {
        /// The token; `-` reads it from standard input.
        token: String,
    },
    /// Verifies a token: claims on standard output, or the reason on standard error.
    Verify(Verify),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The token; `-` reads it from standard input.
    token: String,
    /// The key set: a URL, or a file.
    #[arg(long, value_name = "URL_OR_FILE")]
    jwks: String,
    /// The issuer that it must come from.
    #[arg(long)]
    issuer: Option<String>,
    /// The audience that it must be for.
    #[arg(long)]
    audience: Option<String>,
    /// The type that it must have.
    #[arg(long, default_value = "at+jwt")]
    typ: String,
    /// An algorithm that its key may have; may be given several times. Default: any that the keys have.
    #[arg(long)]
    alg: Vec<Algorithm>,
}

impl Token {
    pub(super) async fn run(self, context: &Context) -> anyhow::Result<()> {
        match self {
            Self::Decode { token } => {
                let decoded = unverified::decode(&read_token(token)?)?;
                output::remark("Nothing was checked: anybody can write such a token.");
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
        let said = unverified::decode(&token)?.claims;
        let keys = read_keys(&self.jwks, &self.alg).await?;
        let expected = Expected {
            issuer: self.issuer.unwrap_or_else(|| as_said(&said["iss"], "--issuer")),
            audience: self.audience.unwrap_or_else(|| {
                let first = said["aud"].as_array().and_then(|list| list.first()).unwrap_or(&said["aud"]);
                as_said(first, "--audience")
            }),
            token_type: token_type(&self.typ)?,
            leeway: DEFAULT_LEEWAY,
        };
        let claims: Value = countersign_token::verify(&token, &keys, &expected, context.world.now())?;
        output::json(&claims);
        Ok(())
    }
}

/// What nobody named is taken from the token itself, which is no check and is said so.
fn as_said(claim: &Value, flag: &str) -> String {
    let said = claim.as_str().unwrap_or_default().to_owned();
    output::remark(format!("{said:?} was believed without {flag}"));
    said
}

fn token_type(name: &str) -> anyhow::Result<TokenType> {
    let names = || TokenType::ALL.map(TokenType::name).join(", ");
    let found = TokenType::ALL.into_iter().find(|token_type| token_type.matches(name));
    found.with_context(|| format!("no token has the type {name:?}: choose one of {}", names()))
}

fn read_token(argument: String) -> anyhow::Result<String> {
    if argument != "-" {
        return Ok(argument);
    }
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(1 << 20)
        .read_to_string(&mut text)
        .context("standard input cannot be read")?;
    Ok(text.trim().to_owned())
}

async fn read_keys(place: &str, algorithms: &[Algorithm]) -> anyhow::Result<KeySet> {
    // A URL may hold a password, also one that is mistyped.
    let may_be_url = place.contains(":/") || place.contains(['@', '?', '#', ';']);
    let shown = if may_be_url { countersign_store::without_credentials(place) } else { place.to_owned() };
    let bytes = if place.starts_with("https://") || place.starts_with("http://") {
        fetch(place).await.with_context(|| format!("cannot fetch {shown}"))?
    } else {
        std::fs::read(place).with_context(|| format!("cannot read {shown}"))?
    };
    let set = JwkSet::parse(&bytes).with_context(|| format!("{shown} is no key set"))?;
    let is_allowed = |key: &VerifyingKey| algorithms.is_empty() || algorithms.contains(&key.algorithm());
    Ok(KeySet::new(KeySet::from(set).iter().filter(|key| is_allowed(key)).cloned()))
}

/// The bytes at a URL, which no error repeats.
async fn fetch(url: &str) -> anyhow::Result<Vec<u8>> {
    let client = reqwest::Client::builder().timeout(FETCH_TIME).redirect(reqwest::redirect::Policy::none());
    let asked = client.build()?.get(url).header(ACCEPT_ENCODING, "identity");
    let answered = asked.send().await.and_then(reqwest::Response::error_for_status);
    let mut response = answered.map_err(reqwest::Error::without_url)?;
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        anyhow::ensure!(bytes.len() + chunk.len() <= MAX_KEY_SET, "it is larger than {MAX_KEY_SET} bytes");
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
