//! Requests into flows, outcomes into replies.
//!
//! A handler makes three moves: extract, flow, reply. [`routes`] is the whole
//! outside on one screen. What a request may be is bounded in `extract`; what
//! goes out is framed once, in `frame`; a status is decided in `error` alone.

mod authz;
mod client_credentials;
mod cookie_use;
mod cookies;
mod cross_origin;
mod error;
mod events;
mod extract;
mod followers;
mod frame;
mod health;
mod identity_headers;
mod lab;
mod metadata;
mod oauth;
mod revocations;
mod tutorial;
mod v1;
mod visitor;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::routing::{any, delete, get, post};
use countersign_core::origin::{Host, Origin};
use ipnet::IpNet;
use tower::ServiceExt;
use tower_http::catch_panic::CatchPanicLayer;

use crate::app::App;
use crate::config::ForwardAuthConfig;
pub use cookies::Cookies;
pub use followers::Followers;
pub use visitor::DeviceLabels;

/// The server as its handlers see it: the flows' parts, and what HTTP adds to them.
pub struct Edge {
    /// What flows use.
    pub app: App,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// A request must have been read and answered by then.
    pub request_time: Duration,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// What the clients' User-Agents mean.
    pub devices: DeviceLabels,
    /// By which names clients may call it.
    pub hosts: Hosts,
    /// The names and the path of its cookies.
    pub cookies: Cookies,
    /// The origins whose pages may call it with the user's cookies and tokens.
    pub allowed_origins: Vec<Origin>,
    /// How proxies are answered.
    pub forward_auth: ForwardAuthConfig,
    /// The hosts that `rd` may name when a browser is sent to sign in.
    pub return_hosts: Vec<Host>,
    /// Who follows what is taken back.
    pub followers: Followers,
    /// Who watches what happens to sessions.
    pub watchers: Followers,
    /// Set when the server is about to stop, so that no new work is sent to it.
    pub is_draining: AtomicBool,
}

/// By which names clients may call a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hosts {
    /// By any: a proxy in front decides.
    Any,
    /// By those of this machine: in development a page of another name could otherwise be made to point here.
    Loopback,
}

/// What clients reach: below the issuer's path, and without it, because some proxies take it away.
pub fn routes(edge: Arc<Edge>) -> Router {
    let path = edge.app.terms.issuer.path().to_owned();
    let routes = framed(all_routes(&edge), edge);
    if path.is_empty() {
        return routes;
    }
    let below = routes.map_request(move |request| without_path(request, &path));
    Router::new().fallback_service(below)
}

fn all_routes(edge: &Edge) -> Router<Arc<Edge>> {
    let origins = edge.allowed_origins.as_slice();
    let routes = match edge.app.lab {
        // In development an empty request signs somebody in: not one that another page sends.
        Some(_) => tutorial(origins).layer(cross_origin::refuse_others(origins)).merge(lab_routes()),
        None => tutorial(origins),
    };
    let for_users = routes.merge(first_party(origins));
    let for_users = match origins {
        [] => for_users,
        origins => for_users.layer(cross_origin::for_pages(origins)),
    };
    for_users
        .merge(public().layer(cross_origin::public()))
        // For clients and resource servers.
        .route("/oauth2/introspect", post(oauth::introspect))
        .route("/oauth2/revoke", post(oauth::revoke))
        // For proxies.
        .route("/authz/auth-request", any(authz::auth_request))
        .route("/authz/forward-auth", any(authz::forward_auth))
        .route("/authz/ext-authz/", any(authz::ext_authz))
        .route("/authz/ext-authz/{*path}", any(authz::ext_authz))
        // For those who watch over the process.
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/healthz", get(health::readyz))
}

/// A request to a path below the issuer's is one to the path without it. The well-known documents of an issuer with a
/// path stand at both places (RFC 8414 §3.1, OpenID Connect Discovery §4).
fn without_path(mut request: Request, path: &str) -> Request {
    let below = |target: &str| {
        let rest = target.strip_prefix(path)?;
        match rest.chars().next() {
            Some('/') => Some(rest.to_owned()),
            None | Some('?') => Some(String::from('/') + rest),
            Some(_) => None,
        }
    };
    let target = request.uri().path_and_query().and_then(|target| below(target.as_str()));
    if let Some(target) = target.and_then(|target| target.parse().ok()) {
        // The host of a target in absolute form stays: it is compared with `Host`.
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.path_and_query = Some(target);
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
    }
    request
}

fn tutorial(origins: &[Origin]) -> Router<Arc<Edge>> {
    Router::new()
        .route("/getTokens", post(tutorial::get_tokens))
        .route("/refreshToken", post(tutorial::refresh_token))
        .route("/protectedRoute", get(tutorial::protected_route))
        // It takes the cookie too, which a page of another origin cannot use.
        .route("/logout", post(tutorial::logout).layer(cross_origin::refuse_others(origins)))
}

/// What every client may read, from a page of any origin.
fn public() -> Router<Arc<Edge>> {
    Router::new()
        .route("/.well-known/jwks.json", get(health::jwks))
        .route("/.well-known/oauth-authorization-server", get(metadata::show))
        .route("/.well-known/oauth-authorization-server/{*path}", get(metadata::show_at_path))
        .route("/.well-known/openid-configuration", get(metadata::show))
        .route("/.well-known/openid-configuration/{*path}", get(metadata::show_at_path))
        .route("/revocations", get(revocations::list))
        .route("/revocations/stream", get(revocations::follow))
        .route("/openapi.json", get(health::openapi))
}

fn first_party(origins: &[Origin]) -> Router<Arc<Edge>> {
    Router::new()
        .route("/v1/users", post(v1::users::sign_up))
        .route("/v1/users/me", get(v1::users::show).patch(v1::users::change).delete(v1::users::delete))
        .route("/v1/users/me/password", post(v1::users::change_password))
        .route(
            "/v1/sessions",
            post(v1::sessions::sign_in).get(v1::sessions::list).delete(v1::sessions::end_all),
        )
        .route("/v1/sessions/refresh", post(v1::sessions::refresh))
        .route("/v1/sessions/{id}", delete(v1::sessions::end))
        .route("/v1/admin/users", post(v1::admin::users::add).get(v1::admin::users::list))
        .route(
            "/v1/admin/users/{id}",
            get(v1::admin::users::show).patch(v1::admin::users::change).delete(v1::admin::users::delete),
        )
        .route("/v1/admin/users/{id}/password", post(v1::admin::users::reset_password))
        .route(
            "/v1/admin/sessions",
            post(v1::admin::sessions::open)
                .get(v1::admin::sessions::list)
                .delete(v1::admin::sessions::end_all),
        )
        .route("/v1/admin/sessions/{id}", get(v1::admin::sessions::show).delete(v1::admin::sessions::end))
        .route("/v1/admin/events", get(events::all))
        // A page of another origin cannot use a visitor's cookies here.
        .layer(cross_origin::refuse_others(origins))
}

/// What operators reach, on an address of its own.
pub fn management_routes(edge: Arc<Edge>) -> Router {
    let routes = Router::new()
        .route("/metrics", get(health::metrics))
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/healthz", get(health::readyz));
    framed(routes, edge)
}

/// The lab and what it asks for, in development alone: no other client needs to know them.
fn lab_routes() -> Router<Arc<Edge>> {
    Router::new()
        .route("/", get(lab::page))
        .route("/lab/{*path}", get(lab::asset))
        .route("/v1/lab", get(v1::lab::show))
        .route("/v1/lab/sessions", post(v1::lab::open))
        .route("/v1/lab/sessions/{id}", get(v1::lab::session))
        .route("/v1/lab/events", get(events::of_lab))
        .route("/v1/lab/keys/rotate", post(v1::lab::rotate_key))
        .route("/v1/lab/restart", post(v1::lab::restart))
        .layer(cross_origin::refuse_others(&[]))
}

/// What every answer has, whichever route or failure made it.
fn framed(routes: Router<Arc<Edge>>, edge: Arc<Edge>) -> Router {
    routes
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(axum::middleware::from_fn_with_state(edge.clone(), frame::frame))
        .with_state(edge)
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::http::Request;
    use countersign_core::{ServerKeys, Timestamp, testing};

    use super::*;
    use crate::config::Config;
    use crate::runtime::assembly::assemble;

    async fn edge() -> Arc<Edge> {
        let world = testing::world(Timestamp::from_seconds(1_800_000_000), 1);
        let keys = ServerKeys::parse(&ServerKeys::generate(&world)).unwrap();
        let store = countersign_store::open(&countersign_store::StoreUrl::Memory).await.unwrap();
        let issuer = "https://id.example.com".to_owned();
        assemble(&Config::default(), issuer, (store, keys), &world).await.unwrap().edge
    }

    async fn panic() -> &'static str {
        panic!("canary")
    }

    // D11, G1
    #[tokio::test]
    async fn a_panic_answers_500_with_every_header_and_none_of_its_words() {
        for path in ["/broken", "/v1/broken"] {
            let broken = Router::new().route(path, get(panic));
            let request =
                Request::builder().uri(path).header("host", "localhost").body(Body::empty()).unwrap();
            let response = framed(broken, edge().await).oneshot(request).await.unwrap();
            assert_eq!(response.status(), 500);
            for name in
                ["strict-transport-security", "content-security-policy", "x-request-id", "referrer-policy"]
            {
                assert!(response.headers().contains_key(name), "{name}");
            }
            let bytes = to_bytes(response.into_body(), 1024).await.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            assert!(text.contains("Something went wrong on our side") && !text.contains("canary"), "{text}");
        }
    }
}
