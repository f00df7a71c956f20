//! An axum extractor for the access token of a request.

use std::ops::Deref;
use std::sync::Arc;

use axum_core::body::Body;
use axum_core::extract::FromRequestParts;
use axum_core::response::{IntoResponse, Response};
use countersign_token::AccessTokenClaims;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The claims of a token that [`crate::RequireToken`] accepted, with the custom claims as the type `C`.
///
/// ```
/// use countersign_verify::AccessToken;
///
/// #[derive(serde::Deserialize)]
/// struct Own {
///     username: String,
/// }
///
/// async fn greet(token: AccessToken<Own>) -> String {
///     format!("{} is {}, signed in as {}", token.sub, token.extra.username, token.sid)
/// }
///
/// async fn sign_out(token: AccessToken) -> String {
///     format!("session {} of {}", token.sid, token.client_id)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct AccessToken<C = NoExtra> {
    claims: Arc<AccessTokenClaims>,
    /// The claims that are not fields of [`AccessTokenClaims`], deserialised.
    pub extra: C,
}

/// The default type for custom claims. It ignores them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct NoExtra {}

impl<C> AccessToken<C> {
    /// All claims of the token, with the custom claims as JSON in `extra`.
    pub fn claims(&self) -> &AccessTokenClaims {
        &self.claims
    }
}

impl<C> Deref for AccessToken<C> {
    type Target = AccessTokenClaims;

    fn deref(&self) -> &AccessTokenClaims {
        &self.claims
    }
}

impl<C: DeserializeOwned, S: Sync> FromRequestParts<S> for AccessToken<C> {
    type Rejection = AccessTokenRejection;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AccessTokenRejection> {
        let claims = parts.extensions.get::<Arc<AccessTokenClaims>>();
        let claims = claims.ok_or(AccessTokenRejection::NoLayer)?.clone();
        let extra = C::deserialize(&claims.extra).map_err(AccessTokenRejection::Claims)?;
        Ok(Self { claims, extra })
    }
}

/// The access token could not be extracted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AccessTokenRejection {
    /// At fault: the API. The route is not behind [`crate::RequireToken`], so anonymous clients could call
    /// it. The response is 500.
    #[error("the route is not behind RequireToken; add the layer to it")]
    NoLayer,
    /// At fault: the issuer or the API, because the custom claims do not deserialise to `C`. The response is
    /// 403.
    #[error("the token's custom claims do not have the expected type")]
    Claims(#[source] serde_json::Error),
}

impl IntoResponse for AccessTokenRejection {
    fn into_response(self) -> Response {
        tracing::error!(error = &self as &dyn std::error::Error, "the access token could not be extracted");
        let (status, body) = match self {
            Self::NoLayer => (StatusCode::INTERNAL_SERVER_ERROR, r#"{"error":"server_error"}"#),
            Self::Claims(_) => (StatusCode::FORBIDDEN, r#"{"error":"access_denied"}"#),
        };
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}
