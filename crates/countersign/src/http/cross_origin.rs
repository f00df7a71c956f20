//! What pages of other origins may do (the Fetch standard's CORS protocol).
//!
//! Keys, metadata and the list of revocations are public. The routes for signed-in
//! users answer the origins that `cors.allowed_origins` names and no others; a
//! request that changes something is refused from any other origin, whether or not
//! its browser could read the answer.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use countersign_core::origin::Origin;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use tower_http::csrf::CsrfLayer;

/// How long browsers may remember the answer to a preflight. Chromium keeps it for two hours at most.
const PREFLIGHT_LIFETIME: Duration = Duration::from_secs(2 * 60 * 60);

/// For what every page may read.
pub(super) fn public() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::ACCEPT, header::IF_NONE_MATCH, HeaderName::from_static("last-event-id")])
        .expose_headers([header::ETAG, header::RETRY_AFTER])
        .max_age(PREFLIGHT_LIFETIME)
}

/// Lets pages of these origins use the routes with a signed-in user's tokens and cookies.
pub(super) fn for_pages<S>(routes: Router<S>, origins: &[Origin]) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    if origins.is_empty() { routes } else { routes.layer(layer(origins)) }
}

fn layer(origins: &[Origin]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::try_from(origin.to_string()).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([header::ACCEPT, header::AUTHORIZATION, header::CONTENT_TYPE, REQUEST_ID])
        .expose_headers([header::RETRY_AFTER, header::WWW_AUTHENTICATE, REQUEST_ID])
        .max_age(PREFLIGHT_LIFETIME)
}

/// Refuses what pages of other origins send to change something.
pub(super) fn refuse_others(origins: &[Origin]) -> CsrfLayer {
    origins.iter().fold(CsrfLayer::new(), |layer, origin| {
        layer.add_trusted_origin(origin.to_string()).expect("an origin is a scheme, a host and a port")
    })
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
