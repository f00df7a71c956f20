//! Forward authentication: a proxy asks the server about each request, in one of three dialects.
//!
//! nginx (`auth_request`) accepts only 2xx, 401 and 403. Traefik and Caddy pass every
//! response except 2xx on to the client. Envoy repeats the client's method, host and path.
//! The other proxies describe the client's request in headers. Only a trusted proxy may
//! send these headers, each exactly once and in its usual spelling. None of them has a
//! default: the server rejects a request if the proxy does not send one.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_core::Secret;
use countersign_core::origin::Origin;
use countersign_core::plain_path::PlainPath;

use super::Edge;
use super::cookie_use::{self, CookieUse};
use super::cookies;
use super::error::{Failure, Message};
use super::extract::bearer;
use super::identity_headers::{self, normalized};
use super::visitor::is_from_trusted_proxy;
use crate::flows::forward_auth::{self, Decision, HeldRequest};

/// Headers in which a proxy describes the client's request.
const CONTROLS: [&str; 7] = [
    "x-original-url",
    "x-rewrite-url",
    "x-original-method",
    "x-forwarded-method",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-uri",
];

/// How a proxy describes a request and which responses it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Nginx,
    Forwarded,
    Envoy,
}

/// A client's request, as the proxy describes it.
struct ProxiedRequest {
    method: Method,
    origin: Origin,
    /// Path and query, as the client sent them.
    target: String,
    headers: HeaderMap,
    dialect: Dialect,
}

/// The access token of a request.
enum Presented {
    Nothing,
    Token(Secret<String>),
    /// The request has a cookie, but no header proves which page made the browser send it.
    CookieIgnored,
}

/// `/authz/auth-request`, for nginx.
pub(super) async fn auth_request(
    State(edge): State<Arc<Edge>>,
    request: Request,
) -> Result<Response, Message> {
    ProxiedRequest::of_nginx(checked(request, &edge, &["x-original-url"])?, &edge)?.respond(&edge).await
}

/// `/authz/forward-auth`, for Traefik and Caddy.
pub(super) async fn forward_auth(
    State(edge): State<Arc<Edge>>,
    request: Request,
) -> Result<Response, Message> {
    ProxiedRequest::forwarded(checked(request, &edge, &[])?, &edge)?.respond(&edge).await
}

/// `/authz/ext-authz/…`, for Envoy over HTTP.
pub(super) async fn ext_authz(State(edge): State<Arc<Edge>>, request: Request) -> Result<Response, Message> {
    ProxiedRequest::of_envoy(checked(request, &edge, &[])?, &edge)?.respond(&edge).await
}

/// Headers that some applications use as the path of a request instead of the path in the request line.
const OVERRIDES: [&str; 2] = ["x-original-url", "x-rewrite-url"];

/// Headers that some applications use as the method of a request.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// G4: rejects a request that does not come from a trusted proxy, and one with a header that an application
/// could mistake for a header of the proxy. `own` lists the [`OVERRIDES`] that the proxy itself sends.
fn checked(request: Request, edge: &Edge, own: &[&str]) -> Result<Parts, Message> {
    let (parts, _) = request.into_parts();
    if !is_from_trusted_proxy(&parts, &edge.trusted_proxies) {
        tracing::warn!(
            "a request to /authz does not come from a trusted proxy: add your proxy to `trusted_proxies`"
        );
        return Err(refused("the request does not come from a trusted proxy"));
    }
    if identity_headers::are_present(&parts.headers) {
        return Err(refused("the client sent an identity header"));
    }
    let is_odd = |name: &str| CONTROLS.iter().any(|known| normalized(name) == *known && name != *known);
    if parts.headers.keys().any(|name| is_odd(name.as_str())) {
        return Err(refused("a header has an unusual spelling"));
    }
    if OVERRIDES.iter().any(|name| !own.contains(name) && parts.headers.contains_key(*name)) {
        return Err(refused("the client sent a header that an application may use as the path"));
    }
    if edge.app.routes.have_methods() && METHOD_OVERRIDES.iter().any(|name| parts.headers.contains_key(*name))
    {
        return Err(refused("the client sent a header that an application may use as the method"));
    }
    Ok(parts)
}

fn refused(why: &str) -> Message {
    tracing::info!(why, "a proxy's request was refused");
    Message::forbidden("The request was rejected.")
}

/// The value of a header that occurs exactly once.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut lines = headers.get_all(name).iter();
    lines.next().and_then(|line| line.to_str().ok()).filter(|_| lines.next().is_none())
}

fn required<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, Message> {
    let line = single(headers, name);
    line.ok_or_else(|| refused("a header that describes the client's request is missing or repeated"))
}

/// The origin of a request as the browser sees it. For a WebSocket, a proxy sends the scheme `ws` or `wss`,
/// but the browser's `Origin` header has the scheme of the page.
fn origin_of(edge: &Edge, scheme: &str, host: &str) -> Result<Origin, Message> {
    let page_scheme = match scheme {
        "ws" => "http",
        "wss" => "https",
        other => other,
    };
    let scheme = edge.forward_auth.scheme.map_or(page_scheme, |scheme| scheme.as_str());
    let origin = Origin::parse(&format!("{scheme}://{host}"));
    origin.map_err(|_| refused("the host is ambiguous"))
}

fn method(name: &str) -> Result<Method, Message> {
    name.parse().map_err(|_| refused("invalid HTTP method"))
}

/// Splits a URL into its scheme and host, and the unchanged rest.
fn split(url: &str) -> Option<(&str, &str)> {
    let host = url.find("://")? + 3;
    let path = host + url[host..].find('/')?;
    Some(url.split_at(path))
}

impl ProxiedRequest {
    /// `X-Original-URL` and `X-Original-Method`.
    fn of_nginx(parts: Parts, edge: &Edge) -> Result<Self, Message> {
        let of = |name| required(&parts.headers, name);
        let (origin, target) =
            split(of("x-original-url")?).ok_or_else(|| refused("`X-Original-URL` is not a URL"))?;
        let (scheme, host) = origin.split_once("://").unwrap_or_default();
        Ok(Self {
            method: method(of("x-original-method")?)?,
            origin: origin_of(edge, scheme, host)?,
            target: target.to_owned(),
            headers: parts.headers,
            dialect: Dialect::Nginx,
        })
    }

    /// `X-Forwarded-Method`, `-Proto`, `-Host` and `-Uri`.
    fn forwarded(parts: Parts, edge: &Edge) -> Result<Self, Message> {
        let of = |name| required(&parts.headers, name);
        Ok(Self {
            method: method(of("x-forwarded-method")?)?,
            origin: origin_of(edge, of("x-forwarded-proto")?, of("x-forwarded-host")?)?,
            target: of("x-forwarded-uri")?.to_owned(),
            headers: parts.headers,
            dialect: Dialect::Forwarded,
        })
    }

    /// Envoy keeps the client's method and host. The client's path follows the prefix.
    fn of_envoy(parts: Parts, edge: &Edge) -> Result<Self, Message> {
        let of = |name| required(&parts.headers, name);
        let origin = origin_of(edge, of("x-forwarded-proto")?, of("host")?)?;
        let whole = parts.uri.path_and_query().map_or("/", |whole| whole.as_str());
        let target = whole.strip_prefix("/authz/ext-authz").unwrap_or_default().to_owned();
        Ok(Self { method: parts.method, origin, target, headers: parts.headers, dialect: Dialect::Envoy })
    }

    async fn respond(&self, edge: &Edge) -> Result<Response, Message> {
        let path = PlainPath::parse(&self.target).map_err(|_| refused("the path is ambiguous"))?;
        let (token, is_ignored) = match self.presented(edge)? {
            Presented::Token(token) => (Some(token), false),
            Presented::Nothing => (None, false),
            Presented::CookieIgnored => (None, true),
        };
        let had_token = token.is_some();
        let (host, method) = (self.origin.host().clone(), self.method.as_str().to_owned());
        let held = HeldRequest { host, method, path, token };
        Ok(match forward_auth::decide(&edge.app, &held).await.map_err(Failure::from)? {
            Decision::Allow(identity) => {
                let mut response = StatusCode::OK.into_response();
                let preset = edge.forward_auth.identity_headers;
                identity_headers::add(preset, identity.as_ref(), response.headers_mut());
                response
            }
            Decision::TokenNeeded if is_ignored => {
                return Err(refused("no header proves which page made the browser send the cookie"));
            }
            Decision::TokenNeeded => self.token_needed(edge, had_token),
            Decision::ScopeMissing(scope) => {
                let challenge = format!(r#"Bearer error="insufficient_scope", scope="{}""#, scope.as_str());
                let challenge = HeaderValue::try_from(challenge).expect("a scope is visible ASCII");
                let body = Message::forbidden("The access token does not have the required scope.");
                ([(header::WWW_AUTHENTICATE, challenge)], body).into_response()
            }
        })
    }

    /// The token in `Authorization`, or else in the cookie `forward_auth.cookie`.
    fn presented(&self, edge: &Edge) -> Result<Presented, Message> {
        if self.headers.contains_key(header::AUTHORIZATION) {
            // Another scheme than `Bearer` is meant for the application. It counts as an invalid access
            // token.
            let token = bearer(&self.headers).map(str::to_owned).unwrap_or_default();
            return Ok(Presented::Token(Secret::new(token)));
        }
        let Some(name) = &edge.forward_auth.cookie else { return Ok(Presented::Nothing) };
        let values = cookies::values(&self.headers, name)
            .ok_or_else(|| refused("the cookie has non-ASCII characters"))?;
        let value = match values[..] {
            [] => return Ok(Presented::Nothing),
            [value] => value.to_owned(),
            _ => return Err(refused("the cookie occurs more than once")),
        };
        match cookie_use::judge(&self.method, &self.origin, &self.headers) {
            CookieUse::Counts => Ok(Presented::Token(Secret::new(value))),
            CookieUse::Ignored => Ok(Presented::CookieIgnored),
            CookieUse::Refused => Err(refused(
                "no header proves that a page of this origin sent the cookie: it needs \
                 `Sec-Fetch-Site: same-origin`, or an `Origin` equal to the request's own",
            )),
        }
    }

    /// The response to a request without a valid token: 401 for programs, a redirect to
    /// `forward_auth.sign_in` for browsers if it is set. The redirect has the requested address in `rd` only
    /// if its host is configured. Otherwise an attacker could choose by the `Host` header where the sign-in
    /// page sends the user.
    fn token_needed(&self, edge: &Edge, had_token: bool) -> Response {
        if !had_token {
            tracing::info!(why = "the request has no access token", "a proxy's request was refused");
        }
        let challenge = if had_token { r#"Bearer error="invalid_token""# } else { "Bearer" };
        let challenge = [(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))];
        let body = Message::unauthorized("The request needs an access token.");
        let Some(sign_in) = edge.forward_auth.sign_in.as_ref().filter(|_| self.is_navigation()) else {
            return (challenge, body).into_response();
        };
        let location = if edge.return_hosts.contains(self.origin.host()) {
            let wanted = format!("{}{}", self.origin, self.target);
            let separator = if sign_in.contains('?') { '&' } else { '?' };
            let query: String =
                form_urlencoded::Serializer::new(String::new()).append_pair("rd", &wanted).finish();
            format!("{sign_in}{separator}{query}")
        } else {
            sign_in.clone()
        };
        let location = HeaderValue::try_from(location).expect("a URL and an encoded query are visible ASCII");
        let location = [(header::LOCATION, location)];
        match self.dialect {
            // nginx does not accept a redirect in this response. Its `error_page` creates one from
            // `Location`.
            Dialect::Nginx => (location, challenge, body).into_response(),
            Dialect::Forwarded | Dialect::Envoy => (StatusCode::FOUND, location).into_response(),
        }
    }

    /// Whether a user navigates to a page. A script would follow the redirect and fail.
    fn is_navigation(&self) -> bool {
        let text =
            |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_page = match text("sec-fetch-mode") {
            "" => text("accept").contains("text/html"),
            mode => mode == "navigate",
        };
        is_page && [Method::GET, Method::HEAD].contains(&self.method)
    }
}
