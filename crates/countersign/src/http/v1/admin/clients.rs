//! Registered clients.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::ClientId;
use countersign_core::client::{ClientAuthentication, ClientChange, GrantType, SecretMethod};
use countersign_core::refresh::LateRetry;
use countersign_core::session::RevokedReason;
use countersign_core::store::Page;
use countersign_token::{Scope, TokenType};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, json};

use super::{Listing, check_limit, parse_parameter, present};
use crate::client_body::client_body;
use crate::flows::clients::{self, Clients, NewClient, WithSecret};
use crate::http::Edge;
use crate::http::error::Failure;
use crate::http::extract::{Administrator, Id, JsonBody, Query};
use crate::http::v1::{Reply, created, revoked};
use crate::visitor::Visitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Add {
    /// Required. It is an `Option` so that the error for another member names that member.
    client_id: Option<ClientId>,
    /// `client_secret_basic` by default; `none` makes a public client.
    token_endpoint_auth_method: Option<String>,
    #[serde(flatten)]
    settings: Settings,
}

/// Settings to change. An absent member stays as it is; `null` is the default.
#[derive(Deserialize)]
pub(crate) struct Settings {
    #[serde(default, deserialize_with = "present")]
    client_name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    redirect_uris: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    grant_types: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    scope: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    audiences: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    access_token_lifetime: Option<Option<Seconds>>,
    #[serde(default, deserialize_with = "present")]
    access_token_type: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    idle_lifetime: Option<Option<Seconds>>,
    #[serde(default, deserialize_with = "present")]
    absolute_lifetime: Option<Option<Seconds>>,
    #[serde(default, deserialize_with = "present")]
    grace: Option<Option<Seconds>>,
    #[serde(default, deserialize_with = "present")]
    late_retry: Option<Option<String>>,
}

/// As [`Settings`], and no other member.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    #[serde(flatten)]
    settings: Settings,
}

/// A duration in whole seconds.
struct Seconds(Duration);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl de::Visitor<'_> for Number {
            type Value = Seconds;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a whole number of seconds")
            }

            fn visit_u64<E>(self, seconds: u64) -> Result<Seconds, E> {
                Ok(Seconds(Duration::from_secs(seconds)))
            }
        }
        deserializer.deserialize_u64(Number)
    }
}

/// `POST /v1/admin/clients`: the response has the secret, which is not shown again.
pub(crate) async fn add(
    State(edge): State<Arc<Edge>>,
    Administrator(standing): Administrator,
    JsonBody(body): JsonBody<Add>,
) -> Reply<Response> {
    let method = match body.token_endpoint_auth_method.as_deref() {
        None => Some(SecretMethod::Basic),
        Some(name) if name == ClientAuthentication::None.as_str() => None,
        Some(name) => Some(SecretMethod::from_name(name).ok_or_else(unknown_method)?),
    };
    let id = body
        .client_id
        .ok_or_else(|| Failure::malformed("The request body is invalid: missing field `client_id`."))?;
    let new = NewClient { id, method, changes: body.settings.changes()? };
    Ok(created(with_secret(&clients::add(&Clients::of(&edge.app), &[standing], new).await?)))
}

/// `GET /v1/admin/clients?after=&limit=`.
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    _: Administrator,
    Query(listing): Query<Listing>,
) -> Reply<Json<Value>> {
    let after = parse_parameter("after", listing.after.as_deref())?;
    let page = Page { after, limit: check_limit(listing.limit)? };
    let found = clients::page(&Clients::of(&edge.app), &page).await?;
    Ok(Json(json!({"clients": found.iter().map(client_body).collect::<Vec<_>>()})))
}

/// `GET /v1/admin/clients/{id}`.
pub(crate) async fn show(State(edge): State<Arc<Edge>>, _: Administrator, Id(id): Id) -> Reply<Json<Value>> {
    Ok(Json(client_body(&clients::find(&Clients::of(&edge.app), &parse_client(&id)?).await?)))
}

/// `PATCH /v1/admin/clients/{id}`.
pub(crate) async fn change(
    State(edge): State<Arc<Edge>>,
    Administrator(standing): Administrator,
    Id(id): Id,
    JsonBody(body): JsonBody<Change>,
) -> Reply<Json<Value>> {
    let (id, changes) = (parse_client(&id)?, body.settings.changes()?);
    let client = clients::change(&Clients::of(&edge.app), &id, &[standing], &changes).await?;
    Ok(Json(client_body(&client)))
}

/// `DELETE /v1/admin/clients/{id}`: revokes its sessions.
pub(crate) async fn remove(
    State(edge): State<Arc<Edge>>,
    Administrator(standing): Administrator,
    visitor: Visitor,
    Id(id): Id,
) -> Reply<StatusCode> {
    let how = revoked(RevokedReason::EndedByAdmin, &visitor.presence);
    clients::remove(&Clients::of(&edge.app), &parse_client(&id)?, &[standing], &how).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/admin/clients/{id}/secret`: a new secret, which is not shown again.
pub(crate) async fn rotate_secret(
    State(edge): State<Arc<Edge>>,
    Administrator(standing): Administrator,
    Id(id): Id,
) -> Reply<Json<Value>> {
    let rotated = clients::rotate_secret(&Clients::of(&edge.app), &parse_client(&id)?, &[standing]).await?;
    Ok(Json(with_secret(&rotated)))
}

fn with_secret(made: &WithSecret) -> Value {
    let mut body = client_body(&made.client);
    if let Some(secret) = &made.secret {
        body["client_secret"] = secret.expose().as_str().into();
    }
    body
}

impl Settings {
    fn changes(self) -> Result<Vec<ClientChange>, Failure> {
        let seconds = |seconds: Option<Seconds>| seconds.map(|Seconds(duration)| duration);
        let grants = self.grant_types.map(Option::unwrap_or_default).map(parse_grants).transpose()?;
        let scope = self.scope.map(|scope| scope.as_deref().map(parse_scope).transpose()).transpose()?;
        let token_type = self
            .access_token_type
            .map(|name| name.as_deref().map(parse_token_type).transpose())
            .transpose()?;
        let late_retry =
            self.late_retry.map(|name| name.as_deref().map(parse_late_retry).transpose()).transpose()?;
        let changes = [
            self.client_name.map(|name| ClientChange::Name(name.unwrap_or_default())),
            self.redirect_uris.map(|uris| ClientChange::RedirectUris(uris.unwrap_or_default())),
            grants.map(ClientChange::Grants),
            scope.map(ClientChange::Scope),
            self.audiences.map(|audiences| ClientChange::Audiences(audiences.unwrap_or_default())),
            self.access_token_lifetime.map(|lifetime| ClientChange::AccessTokenLifetime(seconds(lifetime))),
            token_type.map(ClientChange::AccessTokenType),
            self.idle_lifetime.map(|lifetime| ClientChange::IdleLifetime(seconds(lifetime))),
            self.absolute_lifetime.map(|lifetime| ClientChange::AbsoluteLifetime(seconds(lifetime))),
            self.grace.map(|grace| ClientChange::Grace(seconds(grace))),
            late_retry.map(ClientChange::LateRetry),
        ];
        Ok(changes.into_iter().flatten().collect())
    }
}

/// No grants at all are the default ones.
fn parse_grants(names: Vec<String>) -> Result<Vec<GrantType>, Failure> {
    if names.is_empty() {
        return Ok(vec![GrantType::RefreshToken]);
    }
    let known = names.iter().map(|name| GrantType::from_name(name)).collect::<Option<Vec<_>>>();
    known.ok_or_else(|| {
        Failure::malformed(
            "`grant_types` can have `authorization_code`, `refresh_token` and `client_credentials`.",
        )
    })
}

fn parse_scope(text: &str) -> Result<Scope, Failure> {
    Scope::parse(text).map_err(|_| Failure::malformed("`scope` has names separated by single spaces."))
}

fn parse_token_type(name: &str) -> Result<TokenType, Failure> {
    TokenType::from_name(name).ok_or_else(|| Failure::malformed("`access_token_type` is `at+jwt` or `JWT`."))
}

fn parse_late_retry(name: &str) -> Result<LateRetry, Failure> {
    LateRetry::from_name(name).ok_or_else(|| Failure::malformed("`late_retry` is `revoke` or `recover`."))
}

fn unknown_method() -> Failure {
    Failure::malformed(
        "`token_endpoint_auth_method` is `client_secret_basic`, `client_secret_post` or `none`.",
    )
}

fn parse_client(id: &str) -> Result<ClientId, Failure> {
    id.parse().map_err(|_| Failure::not_found("client"))
}
