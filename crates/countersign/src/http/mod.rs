//! HTTP: handlers turn requests into calls of flows, and results into responses.
//!
//! A handler has three steps: extract, flow, reply. [`routes`] is the route table.
//! `extract` limits the input, `frame` adds the headers of every response, and only
//! `error` chooses the status of a failure.

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
mod misfit;
mod oauth2;
mod pair_body;
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
use error::Dialect;
pub use followers::Followers;
use frame::Frame;
pub use visitor::DeviceLabels;

/// The state of all handlers: the parts that flows use, and those that only HTTP needs.
pub struct Edge {
    /// The parts that flows use.
    pub app: App,
    /// The largest body, in bytes.
    pub body_limit: usize,
    /// The time in which a request must be read and answered.
    pub request_time: Duration,
    /// The proxies whose `X-Forwarded-For` the server trusts.
    pub trusted_proxies: Vec<IpNet>,
    /// The device labels of `User-Agent` headers.
    pub devices: DeviceLabels,
    /// The host names that requests may use.
    pub hosts: Hosts,
    /// The names and the path of its cookies.
    pub cookies: Cookies,
    /// The origins whose pages may call it with the user's cookies and tokens.
    pub allowed_origins: Vec<Origin>,
    /// The settings of forward authentication.
    pub forward_auth: ForwardAuthConfig,
    /// The hosts that `rd` may name when a browser is redirected to sign in.
    pub return_hosts: Vec<Host>,
    /// The followers of the revocation list.
    pub followers: Followers,
    /// The followers of the event stream.
    pub watchers: Followers,
    /// Whether the server is shutting down. Load balancers then send it no new requests.
    pub is_draining: AtomicBool,
}

/// The host names that requests may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hosts {
    /// Any name, because a proxy in front of the server checks it.
    Any,
    /// Only names of this machine. In development, another site could otherwise let its name point to this server.
    Loopback,
}

/// The routes for clients: below the issuer's path, and also without it, because some proxies remove the path.
pub fn routes(edge: &Arc<Edge>) -> Router {
    let path = edge.app.terms.issuer.path().to_owned();
    let routes = all_routes(edge);
    if path.is_empty() {
        return routes;
    }
    let below = routes.map_request(move |request| without_path(request, &path));
    Router::new().fallback_service(below)
}

fn all_routes(edge: &Arc<Edge>) -> Router {
    let origins = edge.allowed_origins.as_slice();
    let (tutorial, first_party) = match edge.app.lab {
        // With `--dev` an empty request signs the demo user in. Pages of other origins must not be able to send it.
        Some(_) => (
            tutorial(origins).layer(cross_origin::refuse_others(origins)).merge(lab_pages()),
            first_party(origins).merge(lab_api()),
        ),
        None => (tutorial(origins), first_party(origins)),
    };
    let tutorial = cross_origin::for_pages(tutorial, origins)
        .merge(public().layer(cross_origin::public()))
        .merge(for_proxies())
        .merge(health());
    let first_party = cross_origin::for_pages(first_party, origins);
    framed(tutorial, edge, Dialect::Tutorial)
        .merge(framed(first_party, edge, Dialect::Problem))
        .merge(framed(oauth2(origins), edge, Dialect::OAuth))
        .merge(unknown_paths(edge))
}

/// Removes the issuer's path from a request. The well-known documents of an issuer with a path are at both places
/// (RFC 8414 §3.1, OpenID Connect Discovery §4).
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
        // The route also accepts the cookie, which a page of another origin must not use.
        .route("/logout", post(tutorial::logout).layer(cross_origin::refuse_others(origins)))
}

/// The public documents, which pages of every origin may read.
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
            post(v1::sessions::sign_in).get(v1::sessions::list).delete(v1::sessions::revoke_all),
        )
        .route("/v1/sessions/refresh", post(v1::sessions::refresh))
        .route("/v1/sessions/{id}", delete(v1::sessions::revoke))
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
        .route("/v1/admin/clients", post(v1::admin::clients::add).get(v1::admin::clients::list))
        .route(
            "/v1/admin/clients/{id}",
            get(v1::admin::clients::show)
                .patch(v1::admin::clients::change)
                .delete(v1::admin::clients::remove),
        )
        .route("/v1/admin/clients/{id}/secret", post(v1::admin::clients::rotate_secret))
        .route("/v1/admin/events", get(events::all))
        // Pages of other origins must not use a visitor's cookies here.
        .layer(cross_origin::refuse_others(origins))
}

/// The OAuth routes for clients and resource servers.
fn oauth2(origins: &[Origin]) -> Router<Arc<Edge>> {
    Router::new()
        .route("/oauth2/introspect", post(oauth2::introspect))
        .route("/oauth2/revoke", post(oauth2::revoke))
        .merge(cross_origin::for_pages(Router::new().route("/oauth2/token", post(oauth2::token)), origins))
}

/// The routes for proxies that ask whether a request may pass.
fn for_proxies() -> Router<Arc<Edge>> {
    Router::new()
        .route("/authz/auth-request", any(authz::auth_request))
        .route("/authz/forward-auth", any(authz::forward_auth))
        .route("/authz/ext-authz/", any(authz::ext_authz))
        .route("/authz/ext-authz/{*path}", any(authz::ext_authz))
}

/// The health checks for supervisors and load balancers.
fn health() -> Router<Arc<Edge>> {
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/healthz", get(health::readyz))
}

/// The routes for operators, on another address.
pub fn management_routes(edge: &Arc<Edge>) -> Router {
    let routes = health().route("/metrics", get(health::metrics));
    framed(routes, edge, Dialect::Tutorial).fallback_service(nothing(edge, Dialect::Tutorial))
}

/// The lab's pages, which exist only with `--dev`.
fn lab_pages() -> Router<Arc<Edge>> {
    Router::new()
        .route("/", get(lab::page))
        .route("/lab/{*path}", get(lab::asset))
        .layer(cross_origin::refuse_others(&[]))
}

/// The routes that only the lab's pages use. They exist only with `--dev`.
fn lab_api() -> Router<Arc<Edge>> {
    Router::new()
        .route("/v1/lab", get(v1::lab::show))
        .route("/v1/lab/sessions", post(v1::lab::open))
        .route("/v1/lab/sessions/{id}", get(v1::lab::session))
        .route("/v1/lab/events", get(events::of_lab))
        .route("/v1/lab/keys/rotate", post(v1::lab::rotate_key))
        .route("/v1/lab/restart", post(v1::lab::restart))
        .layer(cross_origin::refuse_others(&[]))
}

/// Responses to unknown paths, in the dialect of the routes with the same prefix.
fn unknown_paths(edge: &Arc<Edge>) -> Router {
    Router::new()
        .nest_service("/v1", nothing(edge, Dialect::Problem))
        .nest_service("/oauth2", nothing(edge, Dialect::OAuth))
        .fallback_service(nothing(edge, Dialect::Tutorial))
}

fn nothing(edge: &Arc<Edge>, dialect: Dialect) -> Router {
    framed(Router::new(), edge, dialect)
}

/// Adds the frame of every response to routes, also after a panic.
fn framed(routes: Router<Arc<Edge>>, edge: &Arc<Edge>, dialect: Dialect) -> Router {
    let frame = Frame { edge: edge.clone(), dialect };
    routes
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(axum::middleware::from_fn_with_state(frame, frame::frame))
        .with_state(edge.clone())
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
        assemble(&Config::default(), issuer, store, keys, &world).await.unwrap().edge
    }

    async fn panic() -> &'static str {
        panic!("canary")
    }

    // D11, G1
    #[tokio::test]
    async fn a_panic_answers_500_with_every_header_and_none_of_its_words() {
        for (path, dialect) in [("/broken", Dialect::Tutorial), ("/v1/broken", Dialect::Problem)] {
            let broken = Router::new().route(path, get(panic));
            let request =
                Request::builder().uri(path).header("host", "localhost").body(Body::empty()).unwrap();
            let response = framed(broken, &edge().await, dialect).oneshot(request).await.unwrap();
            assert_eq!(response.status(), 500);
            for name in
                ["strict-transport-security", "content-security-policy", "x-request-id", "referrer-policy"]
            {
                assert!(response.headers().contains_key(name), "{name}");
            }
            let bytes = to_bytes(response.into_body(), 1024).await.unwrap();
            let text = String::from_utf8(bytes.to_vec()).unwrap();
            assert!(text.contains("The server has an internal error") && !text.contains("canary"), "{text}");
        }
    }
}
