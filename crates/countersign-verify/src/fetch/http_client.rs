//! HTTP requests to an issuer: which URLs are allowed, and how long a response may take and how large it may
//! be.
//!
//! Redirects are not followed, and `http://` is allowed only to this machine. An attacker who can respond in
//! the issuer's place can supply keys, and so forge tokens.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, Url, redirect};
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_platform_verifier::Verifier;

use super::error::IssuerError;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The time limit for the headers of a stream, and for a whole document.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Parses a URL. Accepts `https://`, and `http://` on this machine, without user name and password.
pub(super) fn parse_url(address: &str) -> Result<Url, IssuerError> {
    let unacceptable = || IssuerError::Address(address.to_owned());
    let url = Url::parse(address).map_err(|_| unacceptable())?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_on_this_machine(&url));
    if is_private && url.has_host() && !has_user { Ok(url) } else { Err(unacceptable()) }
}

/// Builds the client for all requests to one issuer. It uses the proxy of the environment (`HTTPS_PROXY`,
/// `NO_PROXY`).
pub(super) fn new_client(issuer: &str) -> Result<Client, IssuerError> {
    let tls = tls().map_err(|error| IssuerError::Client(error.into()))?;
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("countersign-verify/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(redirect::Policy::none());
    if Url::parse(issuer).is_ok_and(|url| is_on_this_machine(&url)) {
        // A proxy on another machine cannot reach this machine's loopback interface.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| IssuerError::Client(error.into()))
}

/// Uses the cryptographic provider that the program installed, or else aws-lc-rs, which also verifies the
/// tokens. Without an explicit provider, the client would panic.
fn tls() -> Result<ClientConfig, rustls::Error> {
    let provider = CryptoProvider::get_default().cloned();
    let provider = provider.unwrap_or_else(|| Arc::new(aws_lc_rs::default_provider()));
    let verifier = Arc::new(Verifier::new(provider.clone())?);
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    Ok(config.with_no_client_auth())
}

/// A GET request that does not accept compressed responses. Without `Accept-Encoding`, a server may use any
/// encoding (RFC 9110 §12.5.3). This module does not decompress, because a small body could become very
/// large.
pub(super) fn request(client: &Client, url: &Url) -> RequestBuilder {
    client.get(url.clone()).header(ACCEPT_ENCODING, "identity")
}

/// Fetches a document of at most `longest` bytes.
pub(super) async fn get(client: &Client, url: Url, longest: usize) -> Result<Vec<u8>, IssuerError> {
    let body = async { body(check_response(request(client, &url).send().await?, &url)?, longest).await };
    tokio::time::timeout(RESPONSE_TIMEOUT, body).await.map_err(|_| IssuerError::TooSlow)?
}

/// Reads the whole body of a response, at most `longest` bytes.
pub(super) async fn body(mut response: Response, longest: usize) -> Result<Vec<u8>, IssuerError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > longest {
            return Err(IssuerError::TooLong(longest));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Returns the response if its status is 200, its URL is the requested one, and its body is not compressed.
pub(super) fn check_response(response: Response, requested: &Url) -> Result<Response, IssuerError> {
    if response.url() != requested {
        return Err(IssuerError::Redirected);
    }
    let retry_after = retry_after(response.headers());
    match response.status().as_u16() {
        200 if is_encoded(response.headers()) => Err(IssuerError::Encoded),
        200 => Ok(response),
        status => Err(IssuerError::Status { status, retry_after }),
    }
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .any(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Whether the `Content-Type` is this media type, with any parameters.
pub(super) fn has_media_type(media_type: &str, response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|value| {
        let named = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        named.trim_ascii().eq_ignore_ascii_case(media_type.as_bytes())
    })
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3). Dates are ignored, because they would depend on both clocks.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}

fn is_on_this_machine(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost" | "[::1]") => true,
        Some(host) => host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_uses_https_or_is_on_this_machine() {
        for accepted in [
            "https://id.example",
            "https://id.example:8443/tenant/keys.json",
            "http://localhost:3000",
            "http://127.0.0.1:3000/jwks",
            "http://[::1]:3000",
            "http://127.1:3000",
        ] {
            assert!(parse_url(accepted).is_ok(), "{accepted}");
        }
        for rejected in [
            "",
            "id.example",
            "http://id.example",
            "http://localhost.example",
            "http://127.0.0.1.example",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "ftp://localhost",
            "file:///etc/keys.json",
            "https://user:secret@id.example",
            "data:application/json,{}",
        ] {
            assert!(matches!(parse_url(rejected), Err(IssuerError::Address(_))), "{rejected}");
        }
    }
}
