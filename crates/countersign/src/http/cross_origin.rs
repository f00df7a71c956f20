//! Access by pages of other origins (the CORS protocol of the Fetch standard).
//!
//! Pages of every origin can read the key set, the metadata and the revocation list. Only
//! the origins in `cors.allowed_origins` can read responses of the routes for signed-in
//! users. The server rejects state-changing requests from all other origins, because the
//! browser sends such a request even if the page cannot read the response.

use std::time::Duration;

use axum::Router;
use axum::http::{HeaderName, HeaderValue, Method, header};
use countersign_core::origin::Origin;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};
use tower_http::csrf::CsrfLayer;

/// How long browsers may cache a preflight response. Chromium caches it for at most two hours.
const PREFLIGHT_LIFETIME: Duration = Duration::from_secs(2 * 60 * 60);

/// The layer of routes that every page may read.
pub(super) fn public() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD])
        .allow_headers([header::ACCEPT, header::IF_NONE_MATCH, HeaderName::from_static("last-event-id")])
        .expose_headers([header::ETAG, header::RETRY_AFTER])
        .max_age(PREFLIGHT_LIFETIME)
}

/// Lets pages of `origins` use the routes with a signed-in user's tokens and cookies.
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

/// Rejects state-changing requests from pages of all origins except this one and `origins`.
pub(super) fn refuse_others(origins: &[Origin]) -> CsrfLayer {
    origins.iter().fold(CsrfLayer::new(), |layer, origin| {
        layer.add_trusted_origin(origin.to_string()).expect("an origin is a scheme, a host and a port")
    })
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
