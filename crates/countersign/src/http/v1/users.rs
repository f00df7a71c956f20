//! A user's own account.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign_core::Secret;
use countersign_core::session::RevokedReason;
use countersign_core::store::UserChange;
use countersign_core::user::email::{Email, Verification};
use serde::Deserialize;
use serde_json::Value;

use super::{Reply, created, revoked};
use crate::app::Registration;
use crate::flows::accounts::{self, AccountError, Directory, FirstPassword, NewAccount};
use crate::flows::authenticate_user::AuthenticationError;
use crate::flows::change_password::{self, Replacement};
use crate::flows::sign_in;
use crate::http::Edge;
use crate::http::error::Failure;
use crate::http::extract::{Caller, JsonBody};
use crate::user_body::user_body;
use crate::visitor::Visitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUp {
    username: String,
    password: Secret<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    current_password: Secret<String>,
    /// A string, or `null` to remove the address.
    email: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirmed {
    current_password: Secret<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordChange {
    current_password: Secret<String>,
    new_password: Secret<String>,
}

/// `POST /v1/users`: creates an account if `registration.enabled` is set.
pub(crate) async fn sign_up(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    JsonBody(body): JsonBody<SignUp>,
) -> Reply<Response> {
    if edge.app.registration == Registration::Closed {
        return Err(Failure::registration_closed().into());
    }
    edge.app.throttle.take_sign_up(&visitor).map_err(AuthenticationError::Throttled)?;
    let _slot = edge.app.hashing.take_slot(visitor.presence.address).map_err(AuthenticationError::from)?;
    let email = body.email.map(|email| (email, Verification::Unverified));
    let account = NewAccount { username: body.username, email, ..NewAccount::default() };
    let first = FirstPassword::Chosen(body.password);
    let made = accounts::add(&Directory::of(&edge.app), &[], account, first).await?;
    Ok(created(user_body(&made.user)))
}

/// `GET /v1/users/me`.
pub(crate) async fn show(Caller(caller): Caller) -> Json<Value> {
    Json(user_body(&caller.user))
}

/// `PATCH /v1/users/me`: changes the e-mail address. Requires the password. The new address is unverified.
pub(crate) async fn change(
    State(edge): State<Arc<Edge>>,
    Caller(caller): Caller,
    visitor: Visitor,
    JsonBody(body): JsonBody<Change>,
) -> Reply<Json<Value>> {
    let email = match body.email {
        Value::Null => None,
        Value::String(text) => {
            Some(Email::parse(&text, Verification::Unverified).map_err(AccountError::Malformed)?)
        }
        _ => return Err(Failure::malformed("`email` must be a string or null.").into()),
    };
    let change = UserChange::SetEmail(email);
    let password = &body.current_password;
    let user = change_password::confirmed(&edge.app, &caller, password, change, &visitor).await?;
    Ok(Json(user_body(&user)))
}

/// `DELETE /v1/users/me`. Requires the password.
pub(crate) async fn delete(
    State(edge): State<Arc<Edge>>,
    Caller(caller): Caller,
    visitor: Visitor,
    JsonBody(body): JsonBody<Confirmed>,
) -> Reply<Response> {
    let change = UserChange::Delete(revoked(RevokedReason::UserDeleted, &visitor.presence));
    let password = &body.current_password;
    change_password::confirmed(&edge.app, &caller, password, change, &visitor).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    edge.cookies.clear_refresh(response.headers_mut());
    Ok(response)
}

/// `POST /v1/users/me/password`: sets a new password and revokes the other sessions.
pub(crate) async fn change_password(
    State(edge): State<Arc<Edge>>,
    Caller(caller): Caller,
    visitor: Visitor,
    JsonBody(body): JsonBody<PasswordChange>,
) -> Reply<Response> {
    let passwords = Replacement { current: &body.current_password, new: &body.new_password };
    let user = change_password::change(&edge.app, &caller, passwords, &visitor).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    // The change made every device token invalid. The user has just proved the password on this device, so
    // the device gets a new token.
    edge.cookies.set_device(response.headers_mut(), &sign_in::device_token(&edge.app, &user));
    Ok(response)
}
