//! Asking an issuer: which addresses are acceptable, and how long and how much an answer may be.
//!
//! Redirects are not followed and `http://` is for this machine alone, because whoever can answer in the issuer's
//! place can make keys.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, Url, redirect};
use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls_platform_verifier::Verifier;

use super::error::IssuerError;

/// How long a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// How long the head of an answer may take, and how long a whole document.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(10);

/// Parses an address and refuses those that others could answer at.
pub(super) fn parse(address: &str) -> Result<Url, IssuerError> {
    let unacceptable = || IssuerError::Address(address.to_owned());
    let url = Url::parse(address).map_err(|_| unacceptable())?;
    let has_user = !url.username().is_empty() || url.password().is_some();
    let is_private = url.scheme() == "https" || (url.scheme() == "http" && is_on_this_machine(&url));
    if is_private && url.has_host() && !has_user { Ok(url) } else { Err(unacceptable()) }
}

/// For everything that is asked of one issuer. The proxy is the one that the environment names (`HTTPS_PROXY`,
/// `NO_PROXY`).
pub(super) fn client(issuer: &str) -> Result<Client, IssuerError> {
    let tls = tls().map_err(|error| IssuerError::Client(error.into()))?;
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("countersign-verify/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIME)
        .redirect(redirect::Policy::none());
    if Url::parse(issuer).is_ok_and(|url| is_on_this_machine(&url)) {
        // No proxy knows the way back to this machine.
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| IssuerError::Client(error.into()))
}

/// The program's own cryptographic provider, and without one the one that tokens are verified with: left to itself
/// the client would panic.
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

/// A request for a document. Without `Accept-Encoding` every encoding would be acceptable (RFC 9110 §12.5.3), and
/// nothing is decoded here: a small body could become a very large one.
pub(super) fn request(client: &Client, url: &Url) -> RequestBuilder {
    client.get(url.clone()).header(ACCEPT_ENCODING, "identity")
}

/// The body of a small document.
pub(super) async fn get(client: &Client, url: Url, longest: usize) -> Result<Vec<u8>, IssuerError> {
    let body = async { body(accepted(request(client, &url).send().await?, &url)?, longest).await };
    tokio::time::timeout(ANSWER_TIME, body).await.map_err(|_| IssuerError::TooSlow)?
}

/// The body of an answer, to its end.
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

/// An answer with status 200 of the address that was asked; anything else, a redirect included, is an error.
pub(super) fn accepted(response: Response, asked: &Url) -> Result<Response, IssuerError> {
    if response.url() != asked {
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

/// Whether an answer says that it is of this media type, with whatever parameters.
pub(super) fn is_of(media_type: &str, response: &Response) -> bool {
    response.headers().get(CONTENT_TYPE).is_some_and(|said| {
        let said = said.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
        said.trim_ascii().eq_ignore_ascii_case(media_type.as_bytes())
    })
}

/// RFC 9110 §10.2.3; dates are not read, since they would depend on both clocks.
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
    fn an_address_is_private_or_on_this_machine() {
        for good in [
            "https://id.example",
            "https://id.example:8443/tenant/keys.json",
            "http://localhost:3000",
            "http://127.0.0.1:3000/jwks",
            "http://[::1]:3000",
            "http://127.1:3000",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in [
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
            assert!(matches!(parse(bad), Err(IssuerError::Address(_))), "{bad}");
        }
    }
}
