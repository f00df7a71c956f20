//! The sessions of all users, and opening a session for a user that a backend has authenticated.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::session::{RevokedReason, Whose};
use countersign_core::store::Page;
use countersign_core::{ClientId, Secret, UserId};
use countersign_token::Scope;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{check_limit, parse_parameter};
use crate::flows::open_on_behalf::{self, OnBehalf};
use crate::flows::{revoke, sessions};
use crate::http::Edge;
use crate::http::error::Failure;
use crate::http::extract::{Administrator, Id, JsonBody, Query};
use crate::http::pair_body::with_refresh_token;
use crate::http::v1::{Reply, created, ended, parse_session, revoked, session_story};
use crate::session_body::admin_session_body;
use crate::visitor::Visitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Open {
    subject: UserId,
    client_id: ClientId,
    /// Required for a confidential client.
    client_secret: Option<Secret<String>>,
    claims: Option<Value>,
    #[serde(default)]
    scope: String,
}

/// Which sessions to list: those of one user, of one client, or all.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Listing {
    user: Option<String>,
    client: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

/// Which sessions to revoke. All sessions require `all=true`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ending {
    user: Option<String>,
    client: Option<String>,
    #[serde(default)]
    all: bool,
}

/// `POST /v1/admin/sessions`: a pair for a user that a backend has authenticated itself.
pub(crate) async fn open(
    State(edge): State<Arc<Edge>>,
    Administrator(standing): Administrator,
    visitor: Visitor,
    JsonBody(body): JsonBody<Open>,
) -> Reply<Response> {
    let request = OnBehalf {
        subject: body.subject,
        client: body.client_id,
        client_secret: body.client_secret,
        scope: Scope::parse(&body.scope).map_err(|_| Failure::malformed_scope())?,
        claims: body.claims,
    };
    let pair = open_on_behalf::open(&edge.app, standing, request, &visitor.presence).await?;
    Ok(created(with_refresh_token(&pair)))
}

/// `GET /v1/admin/sessions?user=&client=&after=&limit=`.
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    _: Administrator,
    Query(listing): Query<Listing>,
) -> Reply<Json<Value>> {
    let after = parse_parameter("after", listing.after.as_deref())?;
    let page = Page { after, limit: check_limit(listing.limit)? };
    let of = whose(listing.user.as_deref(), listing.client.as_deref())?;
    let rows = sessions::page(&edge.app, &of.unwrap_or(Whose::Everyone), &page).await?;
    let now = edge.app.world.now();
    let rows: Vec<_> = rows.iter().map(|row| admin_session_body(row, now)).collect();
    Ok(Json(json!({"sessions": rows})))
}

/// `DELETE /v1/admin/sessions?user=` or `?client=` or `?all=true`.
pub(crate) async fn end_all(
    State(edge): State<Arc<Edge>>,
    _: Administrator,
    visitor: Visitor,
    Query(ending): Query<Ending>,
) -> Reply<Json<Value>> {
    let of = match (whose(ending.user.as_deref(), ending.client.as_deref())?, ending.all) {
        (Some(of), false) => of,
        (None, true) => Whose::Everyone,
        _ => return Err(Failure::malformed("Name a user or a client, or say `all=true`.").into()),
    };
    let how = revoked(RevokedReason::EndedByAdmin, &visitor.presence);
    Ok(ended(revoke::revoke_all(&edge.app, &of, None, how).await?))
}

/// `GET /v1/admin/sessions/{id}`: with the session's history as sentences.
pub(crate) async fn show(State(edge): State<Arc<Edge>>, _: Administrator, Id(id): Id) -> Reply<Json<Value>> {
    let row = sessions::find(&edge.app, parse_session(&id)?).await?;
    let row = row.ok_or_else(|| Failure::not_found("session"))?;
    Ok(Json(session_story(&row, edge.app.world.now())))
}

/// `DELETE /v1/admin/sessions/{id}`.
pub(crate) async fn end(
    State(edge): State<Arc<Edge>>,
    _: Administrator,
    visitor: Visitor,
    Id(id): Id,
) -> Reply<StatusCode> {
    let how = revoked(RevokedReason::EndedByAdmin, &visitor.presence);
    if revoke::revoke(&edge.app, parse_session(&id)?, &Whose::Everyone, how).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Failure::not_found("session").into())
    }
}

fn whose(user: Option<&str>, client: Option<&str>) -> Result<Option<Whose>, Failure> {
    match (parse_parameter("user", user)?, parse_parameter("client", client)?) {
        (None, None) => Ok(None),
        (Some(user), None) => Ok(Some(Whose::User(user))),
        (None, Some(client)) => Ok(Some(Whose::Client(client))),
        (Some(_), Some(_)) => Err(Failure::malformed("Name a user or a client, not both.")),
    }
}
