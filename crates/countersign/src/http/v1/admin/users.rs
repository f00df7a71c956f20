//! The accounts of all users. An administrator can set only temporary passwords.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::UserId;
use countersign_core::session::RevokedReason;
use countersign_core::store::{Page, UserChange};
use countersign_core::user::UserClaims;
use countersign_core::user::email::{Email, Verification};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Listing, check_limit, parse_parameter, present};
use crate::flows::accounts::{self, AccountError, Directory, FirstPassword, NewAccount};
use crate::http::Edge;
use crate::http::error::Failure;
use crate::http::extract::{Administrator, Id, JsonBody, Query};
use crate::http::v1::{Reply, created, parse_role, parse_user, revoked};
use crate::user_body::user_body;
use crate::visitor::Visitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Add {
    id: Option<UserId>,
    username: String,
    email: Option<String>,
    /// Whether the administrator vouches for the address.
    #[serde(default)]
    email_verified: bool,
    claims: Option<Value>,
    role: Option<String>,
    /// Whether to generate a temporary password. Without a password, the user cannot sign in.
    #[serde(default)]
    temporary_password: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// `null` removes it; absent leaves it.
    #[serde(default, deserialize_with = "present")]
    email: Option<Option<String>>,
    /// Whether the administrator vouches for `email`, which must be sent too.
    email_verified: Option<bool>,
    claims: Option<Value>,
    role: Option<String>,
    disabled: Option<bool>,
}

/// `POST /v1/admin/users`.
pub(crate) async fn add(
    State(edge): State<Arc<Edge>>,
    Administrator(standing): Administrator,
    JsonBody(body): JsonBody<Add>,
) -> Reply<Response> {
    let role = body.role.as_deref().map(parse_role).transpose()?;
    let first = if body.temporary_password { FirstPassword::Temporary } else { FirstPassword::None };
    let email = body.email.map(|email| (email, body.email_verified.into()));
    let account = NewAccount {
        id: body.id,
        username: body.username,
        email,
        claims: body.claims,
        role,
        ..NewAccount::default()
    };
    let made = accounts::add(&Directory::of(&edge.app), &[standing], account, first).await?;
    let mut reply = user_body(&made.user);
    if let Some(password) = &made.generated {
        reply["temporary_password"] = password.expose().as_str().into();
    }
    Ok(created(reply))
}

/// `GET /v1/admin/users?after=&limit=`.
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    _: Administrator,
    Query(listing): Query<Listing>,
) -> Reply<Json<Value>> {
    let after = parse_parameter("after", listing.after.as_deref())?;
    let users =
        accounts::page(&Directory::of(&edge.app), &Page { after, limit: check_limit(listing.limit)? })
            .await?;
    Ok(Json(json!({"users": users.iter().map(user_body).collect::<Vec<_>>()})))
}

/// `GET /v1/admin/users/{id}`.
pub(crate) async fn show(State(edge): State<Arc<Edge>>, _: Administrator, Id(id): Id) -> Reply<Json<Value>> {
    let user = accounts::find(&Directory::of(&edge.app), &parse_user(&id)?).await?;
    Ok(Json(user_body(&user)))
}

/// `PATCH /v1/admin/users/{id}`: changes the members of the body.
pub(crate) async fn change(
    State(edge): State<Arc<Edge>>,
    Administrator(standing): Administrator,
    visitor: Visitor,
    Id(id): Id,
    JsonBody(body): JsonBody<Change>,
) -> Reply<Json<Value>> {
    let (id, changes) = (parse_user(&id)?, changes(body, &visitor)?);
    let user = accounts::change_user(&Directory::of(&edge.app), &id, &[standing], &changes).await?;
    Ok(Json(user_body(&user)))
}

/// `DELETE /v1/admin/users/{id}`: also revokes the user's sessions.
pub(crate) async fn delete(
    State(edge): State<Arc<Edge>>,
    Administrator(standing): Administrator,
    visitor: Visitor,
    Id(id): Id,
) -> Reply<StatusCode> {
    let change = UserChange::Delete(revoked(RevokedReason::UserDeleted, &visitor.presence));
    accounts::change_user(&Directory::of(&edge.app), &parse_user(&id)?, &[standing], &[change]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /v1/admin/users/{id}/password`: sets a temporary password, which only this response contains, and revokes the
/// user's sessions.
pub(crate) async fn reset_password(
    State(edge): State<Arc<Edge>>,
    Administrator(standing): Administrator,
    visitor: Visitor,
    Id(id): Id,
) -> Reply<Json<Value>> {
    let how = revoked(RevokedReason::PasswordChanged, &visitor.presence);
    let id = parse_user(&id)?;
    let password = accounts::reset_password(&Directory::of(&edge.app), &[standing], &id, how).await?;
    Ok(Json(json!({"temporary_password": password.expose()})))
}

fn changes(body: Change, visitor: &Visitor) -> Result<Vec<UserChange>, Failure> {
    let malformed = |error| Failure::from(AccountError::Malformed(error));
    let mut changes = Vec::new();
    // The user may have changed the address since the administrator looked at it.
    if body.email_verified.is_some() && !matches!(body.email, Some(Some(_))) {
        return Err(Failure::malformed("`email_verified` needs the address beside it, as `email`."));
    }
    if let Some(email) = body.email {
        let verification = Verification::from(body.email_verified.unwrap_or_default());
        let email = email.map(|text| Email::parse(&text, verification)).transpose().map_err(malformed)?;
        changes.push(UserChange::SetEmail(email));
    }
    if let Some(claims) = body.claims {
        changes.push(UserChange::SetClaims(UserClaims::check(claims).map_err(malformed)?));
    }
    if let Some(role) = body.role {
        changes.push(UserChange::SetRole(parse_role(&role)?));
    }
    match body.disabled {
        Some(true) => {
            changes.push(UserChange::Disable(revoked(RevokedReason::UserDisabled, &visitor.presence)))
        }
        Some(false) => changes.push(UserChange::Enable),
        None => {}
    }
    Ok(changes)
}
