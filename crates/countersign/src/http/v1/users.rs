//! One's own account.

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

use super::super::Edge;
use super::super::error::Failure;
use super::super::extract::{JsonBody, SignedIn};
use super::{Reply, created, revoked};
use crate::app::Registration;
use crate::flows::accounts::{self, AccountError, Directory, FirstPassword, NewAccount};
use crate::flows::change_password;
use crate::flows::sign_in::SignInError;
use crate::user_body::user_body;
use crate::visitor::Visitor;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct SignUp {
    username: String,
    password: Secret<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Change {
    current_password: Secret<String>,
    /// `null` removes it.
    email: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Confirmed {
    current_password: Secret<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct PasswordChange {
    current_password: Secret<String>,
    new_password: Secret<String>,
}

/// `POST /v1/users`, where strangers may sign up.
pub(in super::super) async fn sign_up(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    JsonBody(body): JsonBody<SignUp>,
) -> Reply<Response> {
    if edge.app.registration == Registration::Closed {
        return Err(Failure::registration_closed().into());
    }
    edge.app.throttle.take_sign_up(&visitor).map_err(SignInError::Throttled)?;
    let _slot = edge.app.hashing.take_slot(visitor.presence.address).map_err(SignInError::from)?;
    let email = body.email.map(|email| (email, Verification::Unverified));
    let account = NewAccount { username: body.username, email, ..NewAccount::default() };
    let first = FirstPassword::Chosen(body.password);
    let made = accounts::add(&Directory::of(&edge.app), &[], account, first).await?;
    Ok(created(user_body(&made.user)))
}

/// `GET /v1/users/me`.
pub(in super::super) async fn show(SignedIn(caller): SignedIn) -> Json<Value> {
    Json(user_body(&caller.user))
}

/// `PATCH /v1/users/me`: the e-mail address, which is unverified then, after the password was proved again.
pub(in super::super) async fn change(
    State(edge): State<Arc<Edge>>,
    SignedIn(caller): SignedIn,
    visitor: Visitor,
    JsonBody(body): JsonBody<Change>,
) -> Reply<Json<Value>> {
    let email = match body.email {
        Value::Null => None,
        Value::String(text) => {
            Some(Email::parse(&text, Verification::Unverified).map_err(AccountError::Malformed)?)
        }
        _ => return Err(Failure::malformed("`email` is a text or null.").into()),
    };
    let changes = [UserChange::SetEmail(email)];
    let password = &body.current_password;
    let user = change_password::confirmed(&edge.app, &caller, password, (&changes, &visitor)).await?;
    Ok(Json(user_body(&user)))
}

/// `DELETE /v1/users/me`, after the password was proved again.
pub(in super::super) async fn delete(
    State(edge): State<Arc<Edge>>,
    SignedIn(caller): SignedIn,
    visitor: Visitor,
    JsonBody(body): JsonBody<Confirmed>,
) -> Reply<Response> {
    let changes = [UserChange::Delete(revoked(RevokedReason::UserDeleted, &visitor.presence))];
    let password = &body.current_password;
    change_password::confirmed(&edge.app, &caller, password, (&changes, &visitor)).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    edge.cookies.clear_refresh(response.headers_mut());
    Ok(response)
}

/// `POST /v1/users/me/password`: ends the other sessions.
pub(in super::super) async fn change_password(
    State(edge): State<Arc<Edge>>,
    SignedIn(caller): SignedIn,
    visitor: Visitor,
    JsonBody(body): JsonBody<PasswordChange>,
) -> Reply<Response> {
    let passwords = (&body.current_password, &body.new_password);
    let user = change_password::change(&edge.app, &caller, passwords, &visitor).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    // The change ended what every device token stands for; this device has just proved the password.
    edge.cookies.set_device(response.headers_mut(), &user, &edge.app);
    Ok(response)
}
