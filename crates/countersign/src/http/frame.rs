//! The middleware that adds a request id, security headers, a body and a log line to every response.
//!
//! At the level `info`, only failed requests have a log line. It has the route's template,
//! and never the path or the query, which could contain a secret by mistake.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;
use uuid::Builder;

use super::error::{self, Dialect};
use super::{Edge, Hosts};

/// The header of the request id, in requests and responses.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The default headers of every response. An API does not need scripts, frames or referrers.
const SECURITY_HEADERS: [(HeaderName, &str); 8] = [
    (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-store"),
];

/// The state of the middleware for a group of routes.
#[derive(Clone)]
pub(super) struct Frame {
    pub(super) edge: Arc<Edge>,
    /// The response format of the routes' failures.
    pub(super) dialect: Dialect,
}

/// Checks a request, runs its handler within the time limit, and completes the response.
pub(super) async fn frame(
    State(Frame { edge, dialect }): State<Frame>,
    request: Request,
    next: Next,
) -> Response {
    let started = edge.app.world.monotonic_millis();
    let request_id = request_id(&edge, request.headers());
    let trace_id = trace_id(request.headers()).map(tracing::field::display);
    let route = request.extensions().get::<MatchedPath>().map_or("-", |path| path.as_str()).to_owned();
    let method = method_name(request.method());
    let span = tracing::info_span!("request", request_id, trace_id, caller = tracing::field::Empty);
    let work = async {
        let is_framed = check_framing(&request);
        let outcome = match is_framed.and_then(|()| check_host(edge.hosts, &request)) {
            Ok(()) => tokio::time::timeout(edge.request_time, next.run(request)).await,
            Err(status) => Ok(status.into_response()),
        };
        let mut response = outcome.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response());
        response = dialect.complete(response);
        add_headers(response.headers_mut(), &request_id, &edge);
        if is_framed.is_err() {
            // A proxy may see the end of this request elsewhere, so the server does not read on after it.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let millis = edge.app.world.monotonic_millis().saturating_sub(started);
        let status = response.status().as_u16();
        edge.app.metrics.note_request(
            method,
            &route,
            status,
            f64::from(u32::try_from(millis).unwrap_or(u32::MAX)) / 1000.0,
        );
        // Successful requests are only counted: a log line for each would cost more than the request itself.
        if response.status().is_client_error() || response.status().is_server_error() {
            let code = response.extensions().get::<error::Code>().map(|code| code.0);
            tracing::info!(method, route, status, code, millis, "request handled");
        } else {
            tracing::debug!(method, route, status, millis, "request handled");
        }
        response
    };
    work.instrument(span).await
}

/// RFC 9112 §6: a body has one length, and `chunked` is the only supported transfer coding. A request whose
/// end is ambiguous is rejected.
fn check_framing(request: &Request) -> Result<(), StatusCode> {
    let lines = |name| request.headers().get_all(name).iter().collect::<Vec<_>>();
    let (codings, lengths) = (lines(header::TRANSFER_ENCODING), lines(header::CONTENT_LENGTH));
    let is_unambiguous = match (codings.as_slice(), lengths.as_slice()) {
        ([], []) => true,
        ([], [length]) => length.as_bytes().iter().all(u8::is_ascii_digit),
        ([coding], []) => {
            coding.as_bytes().eq_ignore_ascii_case(b"chunked") && request.version() == Version::HTTP_11
        }
        _ => false,
    };
    if is_unambiguous { Ok(()) } else { Err(StatusCode::BAD_REQUEST) }
}

/// RFC 9112 §3.2: a request has exactly one `Host` header. If the request target has a host, both must be
/// equal. In development, `Host` is also required for HTTP/1.0, and must name this machine.
fn check_host(hosts: Hosts, request: &Request) -> Result<(), StatusCode> {
    let mut lines = request.headers().get_all(header::HOST).iter();
    let (first, second) = (lines.next(), lines.next());
    let is_needed = request.version() == Version::HTTP_11 || hosts == Hosts::Loopback;
    if second.is_some() || (first.is_none() && is_needed) {
        return Err(StatusCode::BAD_REQUEST);
    }
    let host = first.and_then(|host| host.to_str().ok()).unwrap_or_default();
    if request.uri().authority().is_some_and(|authority| !authority.as_str().eq_ignore_ascii_case(host)) {
        return Err(StatusCode::BAD_REQUEST);
    }
    // The colons of an IPv6 address are inside its brackets.
    let name = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name);
    // Envoy sends the `Host` of the client's request. The handler of this path accepts trusted proxies only.
    let is_of_another = request.uri().path().starts_with("/authz/ext-authz/");
    let is_expected = is_of_another || matches!(name, "localhost" | "127.0.0.1" | "[::1]");
    match hosts {
        Hosts::Loopback if !is_expected => Err(StatusCode::MISDIRECTED_REQUEST),
        Hosts::Loopback | Hosts::Any => Ok(()),
    }
}

fn add_headers(headers: &mut HeaderMap, request_id: &str, edge: &Edge) {
    // If the issuer has a path, other applications share the host. This server must not force them to use
    // https.
    let has_host_alone = edge.app.terms.issuer.path().is_empty();
    for (name, value) in SECURITY_HEADERS {
        if name == header::STRICT_TRANSPORT_SECURITY && !has_host_alone {
            continue;
        }
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, value);
    }
}

/// The client's request id if it is safe to log (1 to 64 letters, digits, `-` and `_`), otherwise a new UUID.
fn request_id(edge: &Edge, headers: &HeaderMap) -> String {
    let sent = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let is_plain = |id: &&str| {
        (1..=64).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    sent.filter(is_plain).map_or_else(
        || {
            let world = &edge.app.world;
            Builder::from_unix_timestamp_millis(world.now_millis(), &world.random()).into_uuid().to_string()
        },
        str::to_owned,
    )
}

/// The trace id of a valid `traceparent` header (W3C Trace Context §3.2).
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let line = headers.get("traceparent")?.to_str().ok()?;
    let mut parts = line.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    (version.len() == 2 && trace.len() == 32 && is_hex(version) && is_hex(trace)).then(|| trace.to_owned())
}

/// The method as a metric label, from a closed set: untrusted clients may send any method.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "_OTHER",
    }
}
