//! Reading what strangers send, within limits.
//!
//! Nothing is parsed before its size is known to be small; JSON is strict
//! (RFC 8259, no member twice). What is malformed is told so with a 4xx and a
//! short sentence.

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
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Edge;
use super::error::{Failure, OAuth, Problem};
use crate::flows::authorize::{self, AuthorizeError};

/// A body as the tutorial takes it.
pub(super) enum TutorialBody {
    /// There is none.
    Absent,
    /// JSON.
    Json(Value),
    /// Something else, which the tutorial does not look at.
    Other,
}

impl TutorialBody {
    /// The JSON, if it is some.
    pub(super) fn json(&self) -> Option<&Value> {
        match self {
            Self::Json(value) => Some(value),
            Self::Absent | Self::Other => None,
        }
    }
}

/// A JSON body as `/v1` takes it.
pub(super) struct JsonBody<T>(pub(super) T);

/// The parameters of a form (RFC 6749 appendix B). None comes twice (§3.1); those that nobody knows are ignored.
pub(super) struct Form(BTreeMap<String, Secret<String>>);

impl Form {
    /// Whether a parameter was sent, be it empty.
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Takes a parameter out. An empty one counts as absent (RFC 6749 §3.1).
    pub(super) fn take(&mut self, name: &str) -> Option<Secret<String>> {
        self.0.remove(name).filter(|value| !value.expose().is_empty())
    }
}

/// The query of a URL. A parameter that nobody knows is refused: a misspelt filter must not mean "all".
pub(super) struct Query<T>(pub(super) T);

/// The id in a path.
pub(super) struct Id(pub(super) String);

/// A user with a valid access token for their own account.
pub(super) struct Caller(pub(super) authorize::Caller);

/// An administrator: what every write on their behalf rests on.
pub(super) struct Administrator(pub(super) Standing);

/// The tutorial's header: the bare token, or `Bearer` before it.
pub(super) struct TutorialToken(pub(super) Option<String>);

impl FromRequest<Arc<Edge>> for TutorialBody {
    type Rejection = super::error::Message;

    async fn from_request(request: Request, edge: &Arc<Edge>) -> Result<Self, Self::Rejection> {
        let is_json = is_json(request.headers())?;
        let bytes = read(request.into_body(), edge.body_limit).await?;
        match (bytes.is_empty(), is_json) {
            (true, _) => Ok(Self::Absent),
            (false, true) => Ok(Self::Json(parse_strict(&bytes).map_err(not_json)?)),
            (false, false) => Ok(Self::Other),
        }
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<Edge>> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, edge: &Arc<Edge>) -> Result<Self, Problem> {
        let value = read_json(request, edge).await?;
        Self::from_value(
            value.ok_or_else(|| Failure::malformed("The body is a JSON object, and there is none."))?,
        )
    }
}

impl<T: DeserializeOwned> OptionalFromRequest<Arc<Edge>> for JsonBody<T> {
    type Rejection = Problem;

    /// `null` is what some client libraries send for nothing.
    async fn from_request(request: Request, edge: &Arc<Edge>) -> Result<Option<Self>, Problem> {
        let value = read_json(request, edge).await?.filter(|value| !value.is_null());
        value.map(Self::from_value).transpose()
    }
}

impl<T: DeserializeOwned> JsonBody<T> {
    fn from_value(value: Value) -> Result<Self, Problem> {
        if !value.is_object() {
            return Err(Failure::malformed("The body is a JSON object.").into());
        }
        let body = serde_json::from_value(value);
        Ok(Self(
            body.map_err(|error| {
                Failure::malformed(format!("The body does not fit: {}.", expected(&error)))
            })?,
        ))
    }
}

/// The JSON of a body. An empty body is no body, whatever its type (RFC 9110 §8.3): client libraries send a type with
/// every `POST`.
async fn read_json(request: Request, edge: &Edge) -> Result<Option<Value>, Failure> {
    let is_json = is_json(request.headers());
    let bytes = read(request.into_body(), edge.body_limit).await?;
    match (bytes.is_empty(), is_json?) {
        (true, _) => Ok(None),
        // What is kept and sent on is kept as it was written.
        (false, true) => parse_exact(&bytes).map(Some).map_err(not_json),
        (false, false) => Err(Failure::unsupported("Send JSON with Content-Type: application/json.")),
    }
}

impl FromRequest<Arc<Edge>> for Form {
    type Rejection = OAuth;

    async fn from_request(request: Request, edge: &Arc<Edge>) -> Result<Self, OAuth> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let essence = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let detail = "Send a form with Content-Type: application/x-www-form-urlencoded.";
            return Err(Failure::unsupported(detail).into());
        }
        refuse_encoded(request.headers())?;
        let bytes = read(request.into_body(), edge.body_limit).await?;
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(&bytes) {
            if parameters.insert(name.into_owned(), Secret::new(value.into_owned())).is_some() {
                return Err(Failure::invalid_request("A parameter comes twice.").into());
            }
        }
        Ok(Self(parameters))
    }
}

impl<T: DeserializeOwned> FromRequestParts<Arc<Edge>> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Edge>) -> Result<Self, Problem> {
        let query = axum::extract::Query::try_from_uri(&parts.uri);
        let axum::extract::Query(query) = query
            .map_err(|error| Failure::malformed(format!("The query does not fit: {}.", expected(&error))))?;
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

impl FromRequestParts<Arc<Edge>> for TutorialToken {
    type Rejection = super::error::Message;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Edge>) -> Result<Self, Self::Rejection> {
        let mut lines = parts.headers.get_all(header::AUTHORIZATION).iter();
        let line = lines.next().map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
        if lines.next().is_some() {
            // Two headers are no token that anybody meant to send.
            return Ok(Self(Some(String::new())));
        }
        let token = line.map(|line| strip_bearer(&line).unwrap_or(&line).trim().to_owned());
        Ok(Self(token.filter(|token| !token.is_empty() && !token.eq_ignore_ascii_case("bearer"))))
    }
}

/// RFC 6750 §2.1: one header, scheme `Bearer`.
pub(super) fn bearer(headers: &HeaderMap) -> Result<&str, Failure> {
    let mut lines = headers.get_all(header::AUTHORIZATION).iter();
    let line = lines.next().ok_or_else(Failure::no_access_token)?;
    let token = line.to_str().ok().and_then(strip_bearer).filter(|_| lines.next().is_none());
    token.ok_or_else(|| AuthorizeError::Refused.into())
}

/// The scheme's name is case-insensitive (RFC 9110 §11.1).
fn strip_bearer(line: &str) -> Option<&str> {
    let (scheme, token) = line.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

/// Nothing is unpacked: a small body could become a very large one.
fn refuse_encoded(headers: &HeaderMap) -> Result<(), Failure> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    match encodings.find(|encoding| *encoding != "identity") {
        Some(_) => Err(Failure::unsupported("Send the body without a content encoding.")),
        None => Ok(()),
    }
}

fn is_json(headers: &HeaderMap) -> Result<bool, Failure> {
    refuse_encoded(headers)?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let mut parts = kind.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"));
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"'))
    });
    match charset {
        // RFC 8259 §11 defines no `charset`; client libraries send both spellings.
        Some(charset)
            if is_json && !["utf-8", "utf8"].iter().any(|utf8| charset.eq_ignore_ascii_case(utf8)) =>
        {
            Err(Failure::unsupported("Send JSON in UTF-8."))
        }
        _ => Ok(is_json),
    }
}

/// What would have fitted. What was sent instead is not repeated: it may be a secret, or very long.
fn expected(error: &dyn std::error::Error) -> String {
    let text =
        std::iter::successors(error.source(), |error| error.source()).last().unwrap_or(error).to_string();
    // The list of what is expected comes from our own code and stands last.
    match text.rsplit_once(", expected ") {
        Some((sent, known)) if sent.contains("unknown field") => format!("nothing but {known} is known"),
        Some((_, expected)) => format!("{expected} is expected somewhere"),
        None if text.len() < 120 => text,
        None => "a value is malformed".to_owned(),
    }
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Failure> {
    if body.size_hint().lower() > limit as u64 {
        return Err(Failure::too_large(limit));
    }
    to_bytes(body, limit).await.map_err(|error| {
        let is_limit = std::error::Error::source(&error)
            .is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>);
        if is_limit { Failure::too_large(limit) } else { Failure::malformed("The body broke off.") }
    })
}

fn not_json(error: JsonError) -> Failure {
    let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
    Failure::malformed(format!("The body is not JSON that can be accepted: {cause}."))
}
