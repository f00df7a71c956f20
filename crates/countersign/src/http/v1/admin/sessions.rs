//! Everybody's sessions, and opening one for a user whom another backend has authenticated.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::session::RevokedReason;
use countersign_core::store::{Page, Whose};
use countersign_core::user::UserClaims;
use countersign_core::{ClientId, UserId, story};
use countersign_token::Scope;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::super::Edge;
use super::super::super::error::Failure;
use super::super::super::extract::{Administrator, JsonBody};
use super::super::sessions::check_scope;
use super::super::{
    Reply, created, ended, full_session_body, parse_session, parse_user, revoked, with_refresh_token,
};
use super::MAX_LIMIT;
use crate::app::Visitor;
use crate::flows::accounts::AccountError;
use crate::flows::open::Request;
use crate::flows::{accounts, open, revoke, sessions};
use crate::time_text;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super::super) struct Open {
    subject: UserId,
    client_id: ClientId,
    claims: Option<Value>,
    #[serde(default)]
    scope: String,
}

/// Whose sessions: one user's, one client's, or everybody's.
#[derive(Deserialize)]
pub(in super::super::super) struct Among {
    user: Option<String>,
    client: Option<String>,
    after: Option<String>,
    limit: Option<u32>,
}

/// `POST /v1/admin/sessions`: a pair for a user whom a backend has authenticated by its own means.
pub(in super::super::super) async fn open(
    State(edge): State<Arc<Edge>>,
    _: Administrator,
    visitor: Visitor,
    JsonBody(body): JsonBody<Open>,
) -> Reply<Response> {
    let user = accounts::find(&edge.app.directory(), &body.subject).await?;
    if !user.is_enabled() {
        let detail = "This user is disabled.";
        return Err(Failure::new(StatusCode::CONFLICT, "user_disabled", detail).into());
    }
    let scope = Scope::parse(&body.scope).map_err(|_| Failure::malformed("That is not a scope."))?;
    check_scope(&scope, &user)?;
    let claims = body.claims.map(UserClaims::check).transpose().map_err(AccountError::Malformed)?;
    let claims = claims.unwrap_or_default().as_map().clone();
    let request = Request { client: body.client_id, scope, claims };
    let pair = open::open(&edge.app, &user, request, &visitor.presence, None).await?;
    let pair = pair.ok_or_else(|| Failure::malformed("The session could not be opened."))?;
    Ok(created(with_refresh_token(&pair)))
}

/// `GET /v1/admin/sessions?user=&client=&after=&limit=`.
pub(in super::super::super) async fn list(
    State(edge): State<Arc<Edge>>,
    _: Administrator,
    Query(among): Query<Among>,
) -> Reply<Json<Value>> {
    let limit = among.limit.unwrap_or(100);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Failure::malformed(format!("`limit` is between 1 and {MAX_LIMIT}.")).into());
    }
    let after = among.after.as_deref().map(parse_session).transpose()?;
    let rows = sessions::page(&edge.app, &among.whose()?, &Page { after, limit }).await?;
    Ok(Json(json!({"sessions": rows.iter().map(full_session_body).collect::<Vec<_>>()})))
}

/// `DELETE /v1/admin/sessions?user=&client=`: everybody's when neither is named.
pub(in super::super::super) async fn end_all(
    State(edge): State<Arc<Edge>>,
    _: Administrator,
    visitor: Visitor,
    Query(among): Query<Among>,
) -> Reply<Json<Value>> {
    let how = revoked(RevokedReason::EndedByAdmin, &visitor.presence);
    Ok(ended(revoke::end_all(&edge.app, &among.whose()?, None, how).await?))
}

/// `GET /v1/admin/sessions/{id}`: with its story in words.
pub(in super::super::super) async fn show(
    State(edge): State<Arc<Edge>>,
    _: Administrator,
    Path(id): Path<String>,
) -> Reply<Json<Value>> {
    let row = sessions::find(&edge.app, parse_session(&id)?).await?;
    let row = row.ok_or_else(|| Failure::not_found("session"))?;
    let mut body = full_session_body(&row);
    body["story"] = story::tell(&row, edge.app.world.now(), time_text::spoken).into();
    Ok(Json(body))
}

/// `DELETE /v1/admin/sessions/{id}`.
pub(in super::super::super) async fn end(
    State(edge): State<Arc<Edge>>,
    _: Administrator,
    visitor: Visitor,
    Path(id): Path<String>,
) -> Reply<StatusCode> {
    let how = revoked(RevokedReason::EndedByAdmin, &visitor.presence);
    if revoke::end(&edge.app, parse_session(&id)?, &Whose::Everyone, how).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Failure::not_found("session").into())
    }
}

impl Among {
    fn whose(&self) -> Result<Whose, Failure> {
        match (&self.user, &self.client) {
            (None, None) => Ok(Whose::Everyone),
            (Some(user), None) => parse_user(user).map(Whose::User),
            (None, Some(client)) => {
                client.parse().map(Whose::Client).map_err(|_| Failure::malformed("That is not a client id."))
            }
            (Some(_), Some(_)) => Err(Failure::malformed("Name a user or a client, not both.")),
        }
    }
}
