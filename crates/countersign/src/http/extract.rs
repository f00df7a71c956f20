//! Extractors, which apply limits to the input of untrusted clients.
//!
//! The server checks the size of a body before it parses the body. JSON is strict
//! (RFC 8259, no repeated members). Malformed input is rejected with a 4xx and a short
//! sentence.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use countersign_core::Secret;
use countersign_core::issuer::{ACCOUNT_SCOPE, ADMIN_SCOPE};
use countersign_core::store::Standing;
use countersign_core::user::Role;
use countersign_token::json::{JsonError, parse_exact, parse_strict};
use mime::Mime;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::{Failure, OAuth, Problem};
use super::{Edge, misfit};
use crate::flows::authorize::{self, AuthorizeError};

/// The body of a tutorial route.
pub(super) enum TutorialBody {
    Absent,
    Json(Value),
    /// A body that is not declared as JSON. The tutorial ignores it.
    Other,
}

impl TutorialBody {
    pub(super) fn json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) => Some(value),
            Self::Absent | Self::Other => None,
        }
    }
}

/// A JSON object, the body of a `/v1` route.
pub(super) struct JsonBody<T>(pub(super) T);

/// The parameters of a form (RFC 6749 appendix B). A repeated parameter is rejected (§3.1). Unknown
/// parameters are ignored.
pub(super) struct Form(BTreeMap<String, Secret<String>>);

impl Form {
    /// Whether a parameter was sent, even if it is empty.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Removes and returns a parameter. An empty parameter counts as absent (RFC 6749 §3.1).
    pub(super) fn take(&mut self, name: &str) -> Option<Secret<String>> {
        self.0.remove(name).filter(|value| !value.expose().is_empty())
    }
}

/// The query of a URL. Unknown parameters are rejected: a misspelt filter must not mean "all".
pub(super) struct Query<T>(pub(super) T);

/// The `{id}` of a path.
pub(super) struct Id(pub(super) String);

/// A user with a valid access token that has the scope `countersign:account`.
pub(super) struct Caller(pub(super) authorize::Caller);

/// A caller with the scope `countersign:admin`, as the condition of every write for the caller.
pub(super) struct Administrator(pub(super) Standing);

/// The access token of a tutorial route: `Authorization` has the token alone, or after `Bearer`.
pub(super) struct TutorialAuthorization(pub(super) Option<String>);

impl FromRequest<Arc<Edge>> for TutorialBody {
    type Rejection = super::error::Message;

    async fn from_request(request: Request, edge: &Arc<Edge>) -> Result<Self, Self::Rejection> {
        let is_json = is_json(request.headers());
        let bytes = read(request.into_body(), edge.body_limit).await?;
        if bytes.is_empty() {
            return Ok(Self::Absent);
        }
        Ok(if is_json? { Self::Json(parse_strict(&bytes).map_err(not_json)?) } else { Self::Other })
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Edge>> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let value = read_json(request, edge).await?;
        Self::from_value(
            value.ok_or_else(|| Failure::malformed("The request body is missing. Send a JSON object."))?,
        )
    }
}

impl<T: DeserializeOwned> OptionalFromRequest<Arc<Edge>> for JsonBody<T> {
    type Rejection = Problem;

    /// Some client libraries send `null` for an absent body.
    async fn from_request(request: Request, edge: &Arc<Edge>) -> Result<Option<Self>, Problem> {
        let value = read_json(request, edge).await?.filter(|value| !value.is_null());
        value.map(Self::from_value).transpose()
    }
}

impl<T: DeserializeOwned> JsonBody<T> {
    fn from_value(value: Value) -> Result<Self, Problem> {
        if !value.is_object() {
            return Err(Failure::malformed("The request body must be a JSON object.").into());
        }
        let body = T::deserialize(&value).map_err(|error| {
            Failure::malformed(format!(
                "The request body is invalid: {}.",
                misfit::of_body::<T>(&value, &error)
            ))
        });
        Ok(Self(body?))
    }
}

/// Reads a JSON body. `None`: the body is empty. Its `Content-Type` does not matter then (RFC 9110 §8.3),
/// because client libraries send a type with every `POST`.
async fn read_json(request: Request, edge: &Edge) -> Result<Option<Value>, Failure> {
    let is_json = is_json(request.headers());
    let bytes = read(request.into_body(), edge.body_limit).await?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if !is_json? {
        return Err(Failure::unsupported("Send JSON with Content-Type: application/json."));
    }
    // Claims are stored and put into tokens, so numbers must keep their exact value.
    parse_exact(&bytes).map(Some).map_err(not_json)
}

impl FromRequest<Arc<Edge>> for Form {
    type Rejection = OAuth;

    async fn from_request(request: Request, edge: &Arc<Edge>) -> Result<Self, OAuth> {
        let kind = media_type(request.headers());
        if kind.is_none_or(|kind| kind.essence_str() != mime::APPLICATION_WWW_FORM_URLENCODED) {
            let detail = "Send a form with Content-Type: application/x-www-form-urlencoded.";
            return Err(Failure::unsupported(detail).into());
        }
        refuse_encoded(request.headers())?;
        let bytes = read(request.into_body(), edge.body_limit).await?;
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(&bytes) {
            if parameters.insert(name.into_owned(), Secret::new(value.into_owned())).is_some() {
                return Err(Failure::invalid_request("A parameter is repeated.").into());
            }
        }
        Ok(Self(parameters))
    }
}

impl<T: DeserializeOwned> FromRequestParts<Arc<Edge>> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Edge>) -> Result<Self, Problem> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        let axum::extract::Query(query) = query.map_err(|error| {
            Failure::malformed(format!("The query is invalid: {}.", misfit::of_query(&error)))
        })?;
        Ok(Self(query))
    }
}

impl FromRequestParts<Arc<Edge>> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let id = axum::extract::Path::<String>::from_request_parts(parts, edge).await;
        let axum::extract::Path(id) = id.map_err(|_| Failure::malformed("The path is not UTF-8."))?;
        Ok(Self(id))
    }
}

impl FromRequestParts<Arc<Edge>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        Ok(Self(authorize::caller(&edge.app, bearer(&parts.headers)?, ACCOUNT_SCOPE).await?))
    }
}

impl FromRequestParts<Arc<Edge>> for Administrator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let caller = authorize::caller(&edge.app, bearer(&parts.headers)?, ADMIN_SCOPE).await?;
        Ok(Self(Standing { role: Some(Role::Admin), ..caller.standing() }))
    }
}

impl FromRequestParts<Arc<Edge>> for TutorialAuthorization {
    type Rejection = super::error::Message;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Edge>) -> Result<Self, Self::Rejection> {
        let mut lines = parts.headers.get_all(header::AUTHORIZATION).iter();
        let line = lines.next().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
        if lines.next().is_some() {
            // Two headers are ambiguous, so they count as an invalid token.
            return Ok(Self(Some(String::new())));
        }
        let token = line.map(|line| strip_bearer(&line).unwrap_or(&line).trim().to_owned());
        Ok(Self(token.filter(|token| !token.is_empty() && !token.eq_ignore_ascii_case("bearer"))))
    }
}

/// The token of the only `Authorization` header, with the scheme `Bearer` (RFC 6750 §2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, Failure> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let line = lines.next().ok_or_else(Failure::no_access_token)?;
    let token = line.to_str().ok().and_then(strip_bearer).filter(|_| lines.next().is_none());
    token.ok_or_else(|| AuthorizeError::Refused.into())
}

/// Schemes are case-insensitive (RFC 9110 §11.1).
fn strip_bearer(line: &str) -> Option<&str> {
    let (scheme, token) = line.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

/// Rejects compressed bodies: a small body could decompress to a very large one.
fn refuse_encoded(headers: &HeaderMap) -> Result<(), Failure> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    match encodings.find(|encoding| *encoding != "identity") {
        Some(_) => Err(Failure::unsupported("Send the body without a content encoding.")),
        None => Ok(()),
    }
}

fn is_json(headers: &HeaderMap) -> Result<bool, Failure> {
    refuse_encoded(headers)?;
    let kind = media_type(headers).filter(|kind| kind.essence_str() == mime::APPLICATION_JSON);
    let charset = kind.as_ref().and_then(|kind| kind.get_param(mime::CHARSET));
    // RFC 8259 §11 defines no `charset`; client libraries send both spellings.
    if charset.is_none_or(|charset| charset == mime::UTF_8 || charset == "utf8") {
        Ok(kind.is_some())
    } else {
        Err(Failure::unsupported("Send JSON in UTF-8."))
    }
}

fn media_type(headers: &HeaderMap) -> Option<Mime> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()?.parse().ok()
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Failure::too_large(limit));
    }
    to_bytes(body, limit).await.map_err(|error| {
        let is_limit = std::error::Error::source(&error)
            .is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>);
        if is_limit {
            Failure::too_large(limit)
        } else {
            Failure::malformed("The request body was incomplete.")
        }
    })
}

fn not_json(error: JsonError) -> Failure {
    let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
    Failure::malformed(format!("The request body is not valid JSON: {cause}."))
}
