//! Forward authentication: a proxy asks about each request, in one of three dialects.
//!
//! nginx (`auth_request`) understands 2xx, 401 and 403; Traefik and Caddy hand
//! any other answer to the client; Envoy sends the request itself. What a request
//! was for comes in headers that only a trusted proxy may set, each of them once
//! and in its usual spelling. None of them has a default: a proxy that does not
//! forward one is refused.

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
use super::identity_headers::{self, plain};
use super::visitor::is_from_trusted_proxy;
use crate::flows::forward_auth::{self, Decision, HeldRequest};

/// Headers that say what a request was for.
const CONTROLS: [&str; 7] = [
    "x-original-url",
    "x-rewrite-url",
    "x-original-method",
    "x-forwarded-method",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-uri",
];

/// How a proxy asks, and what it makes of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Nginx,
    Forwarded,
    Envoy,
}

/// A request that a proxy asks about.
struct Inquiry {
    method: Method,
    origin: Origin,
    /// Path and query, as sent.
    target: String,
    headers: HeaderMap,
    dialect: Dialect,
}

/// The access token of a request.
enum Presented {
    Nothing,
    Token(Secret<String>),
    /// There is a cookie, and nothing shows which page made the browser send it.
    CookieIgnored,
}

/// `/authz/auth-request`, for nginx.
pub(super) async fn auth_request(
    State(edge): State<Arc<Edge>>,
    request: Request,
) -> Result<Response, Message> {
    Inquiry::of_nginx(checked(request, &edge, &["x-original-url"])?, &edge)?.answer(&edge).await
}

/// `/authz/forward-auth`, for Traefik and Caddy.
pub(super) async fn forward_auth(
    State(edge): State<Arc<Edge>>,
    request: Request,
) -> Result<Response, Message> {
    Inquiry::forwarded(checked(request, &edge, &[])?, &edge)?.answer(&edge).await
}

/// `/authz/ext-authz/…`, for Envoy over HTTP.
pub(super) async fn ext_authz(State(edge): State<Arc<Edge>>, request: Request) -> Result<Response, Message> {
    Inquiry::of_envoy(checked(request, &edge, &[])?, &edge)?.answer(&edge).await
}

/// Headers that some applications take for the path of a request, whatever its own path is.
const OVERRIDES: [&str; 2] = ["x-original-url", "x-rewrite-url"];

/// Headers that some applications take for the method of a request.
const METHOD_OVERRIDES: [&str; 3] = ["x-http-method-override", "x-http-method", "x-method-override"];

/// G4: who may ask, and nothing that could be mistaken for what the proxy says. Of [`OVERRIDES`], the proxy itself sends
/// those in `own`.
fn checked(request: Request, edge: &Edge, own: &[&str]) -> Result<Parts, Message> {
    let (parts, _) = request.into_parts();
    if !is_from_trusted_proxy(&parts, &edge.trusted_proxies) {
        tracing::warn!(
            "a stranger asks as if it were a proxy: name the network of yours in `trusted_proxies`"
        );
        return Err(refused("only a trusted proxy may ask"));
    }
    if identity_headers::are_forged(&parts.headers) {
        return Err(refused("the request says who it is from"));
    }
    let is_odd = |name: &str| CONTROLS.iter().any(|known| plain(name) == *known && name != *known);
    if parts.headers.keys().any(|name| is_odd(name.as_str())) {
        return Err(refused("a header is spelt in an odd way"));
    }
    if OVERRIDES.iter().any(|name| !own.contains(name) && parts.headers.contains_key(*name)) {
        return Err(refused("the client sends a header that an application may take for the path"));
    }
    if edge.app.routes.have_methods() && METHOD_OVERRIDES.iter().any(|name| parts.headers.contains_key(*name))
    {
        return Err(refused("the client sends a header that an application may take for the method"));
    }
    Ok(parts)
}

fn refused(why: &str) -> Message {
    tracing::info!(why, "a proxy's request was refused");
    Message::forbidden("This request is not let through.")
}

/// A header that is there once.
fn single<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut lines = headers.get_all(name).iter();
    lines.next().and_then(|line| line.to_str().ok()).filter(|_| lines.next().is_none())
}

fn required<'h>(headers: &'h HeaderMap, name: &str) -> Result<&'h str, Message> {
    let line = single(headers, name);
    line.ok_or_else(|| refused("a header that says what the request is for is missing, or comes twice"))
}

/// The origin of a request as the browser sees it. A proxy says `ws` or `wss` of a WebSocket; in an `Origin` the scheme
/// is that of the page.
fn origin_of(edge: &Edge, scheme: &str, host: &str) -> Result<Origin, Message> {
    let said = match scheme {
        "ws" => "http",
        "wss" => "https",
        other => other,
    };
    let scheme = edge.forward_auth.scheme.map_or(said, |scheme| scheme.as_str());
    let origin = Origin::parse(&format!("{scheme}://{host}"));
    origin.map_err(|_| refused("the host could be read in more than one way"))
}

fn method(name: &str) -> Result<Method, Message> {
    name.parse().map_err(|_| refused("the request's method is not a valid HTTP method"))
}

/// Scheme and host, and the rest as it was sent.
fn split(url: &str) -> Option<(&str, &str)> {
    let host = url.find("://")? + 3;
    let path = host + url[host..].find('/')?;
    Some(url.split_at(path))
}

impl Inquiry {
    /// `X-Original-URL` and `X-Original-Method`.
    fn of_nginx(parts: Parts, edge: &Edge) -> Result<Self, Message> {
        let of = |name| required(&parts.headers, name);
        let (origin, target) =
            split(of("x-original-url")?).ok_or_else(|| refused("`X-Original-URL` is no URL"))?;
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

    /// Method and host are the request's own, the path is behind the prefix.
    fn of_envoy(parts: Parts, edge: &Edge) -> Result<Self, Message> {
        let of = |name| required(&parts.headers, name);
        let origin = origin_of(edge, of("x-forwarded-proto")?, of("host")?)?;
        let whole = parts.uri.path_and_query().map_or("/", |whole| whole.as_str());
        let target = whole.strip_prefix("/authz/ext-authz").unwrap_or_default().to_owned();
        Ok(Self { method: parts.method, origin, target, headers: parts.headers, dialect: Dialect::Envoy })
    }

    async fn answer(&self, edge: &Edge) -> Result<Response, Message> {
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
                return Err(refused("nothing shows which page made the browser send the cookie"));
            }
            Decision::TokenNeeded => self.token_needed(edge, had_token),
            Decision::ScopeMissing(scope) => {
                let challenge = format!(r#"Bearer error="insufficient_scope", scope="{}""#, scope.as_str());
                let challenge = HeaderValue::try_from(challenge).expect("a scope is visible ASCII");
                let body = Message::forbidden("The access token lacks a scope.");
                ([(header::WWW_AUTHENTICATE, challenge)], body).into_response()
            }
        })
    }

    /// The token in `Authorization`, or else in the cookie that the operator named.
    fn presented(&self, edge: &Edge) -> Result<Presented, Message> {
        if self.headers.contains_key(header::AUTHORIZATION) {
            // Another scheme is for the application. It is not an access token of this server.
            let token = bearer(&self.headers).map(str::to_owned).unwrap_or_default();
            return Ok(Presented::Token(Secret::new(token)));
        }
        let Some(name) = &edge.forward_auth.cookie else { return Ok(Presented::Nothing) };
        let values = cookies::values(&self.headers, name)
            .ok_or_else(|| refused("the cookie has characters that are not ASCII"))?;
        let value = match values[..] {
            [] => return Ok(Presented::Nothing),
            [value] => value.to_owned(),
            _ => return Err(refused("the cookie comes twice")),
        };
        match cookie_use::judge(&self.method, &self.origin, &self.headers) {
            CookieUse::Counts => Ok(Presented::Token(Secret::new(value))),
            CookieUse::Ignored => Ok(Presented::CookieIgnored),
            CookieUse::Refused => Err(refused(
                "the cookie came without a proof that a page of this origin sent it: \
                 `Sec-Fetch-Site: same-origin`, or an `Origin` that is the request's own",
            )),
        }
    }

    /// 401 for programs. Browsers are redirected to `sign_in` if it is set, with the address that they asked for
    /// if its host is configured: otherwise the `Host` header would choose where the sign-in page sends a user.
    fn token_needed(&self, edge: &Edge, had_token: bool) -> Response {
        if !had_token {
            tracing::info!(why = "no access token came", "a proxy's request was refused");
        }
        let challenge = if had_token { r#"Bearer error="invalid_token""# } else { "Bearer" };
        let challenge = [(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))];
        let body = Message::unauthorized("An access token is needed.");
        let Some(place) = edge.forward_auth.sign_in.as_ref().filter(|_| self.is_navigation()) else {
            return (challenge, body).into_response();
        };
        let place = if edge.return_hosts.contains(self.origin.host()) {
            let wanted = format!("{}{}", self.origin, self.target);
            let separator = if place.contains('?') { '&' } else { '?' };
            let query: String =
                form_urlencoded::Serializer::new(String::new()).append_pair("rd", &wanted).finish();
            format!("{place}{separator}{query}")
        } else {
            place.clone()
        };
        let place = HeaderValue::try_from(place);
        let place = [(header::LOCATION, place.expect("a URL and an encoded query are visible ASCII"))];
        match self.dialect {
            // nginx takes no redirect from here; its `error_page` makes one of this.
            Dialect::Nginx => (place, challenge, body).into_response(),
            Dialect::Forwarded | Dialect::Envoy => (StatusCode::FOUND, place).into_response(),
        }
    }

    /// Whether somebody went to a page, rather than a script that would follow a redirect to no end.
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
