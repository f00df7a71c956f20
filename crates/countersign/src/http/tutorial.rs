//! The tutorial's three routes, and sign-out. Responses are byte-compatible with the tutorial where it was
//! correct.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_core::{ClientId, Secret};
use countersign_token::Scope;
use serde::Serialize;
use serde_json::Value;

use super::Edge;
use super::error::Message;
use super::extract::{TutorialAuthorization, TutorialBody};
use crate::flows::authenticate_user::Credentials;
use crate::flows::change_password::ChangePasswordError;
use crate::flows::sign_in::{SignIn, SignInError, SignedIn};
use crate::flows::{Pair, authorize, legacy, revoke, sign_in};
use crate::visitor::Visitor;

const BAD_CREDENTIALS: &str = "Failed to authenticate credentials";
const NEW_PASSWORD_NEEDED: &str = "This password is temporary. Send `newPassword` too";
const BAD_REFRESH_TOKEN: &str = "Failed to authenticate refresh token";
const BAD_ACCESS_TOKEN: &str = "Failed to authenticate access token";

/// `POST /getTokens`: exchanges a username and a password for a pair. `newPassword` sets a new password. A
/// temporary password requires it.
pub(super) async fn get_tokens(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    body: TutorialBody,
) -> Result<Response, Message> {
    let request = SignIn {
        credentials: credentials(&edge, &body)?,
        new_password: new_password(&body)?,
        scope: Scope::default(),
    };
    let signed_in = sign_in::sign_in(&edge.app, request, &visitor).await;
    let SignedIn { pair, device_token } = signed_in.map_err(|error| match error {
        SignInError::PasswordNotChanged(ChangePasswordError::Temporary) => {
            Message::forbidden(NEW_PASSWORD_NEEDED)
        }
        error => Message::refusing(error, BAD_CREDENTIALS),
    })?;
    let mut response = reply(&pair);
    edge.cookies.set_device(response.headers_mut(), &device_token);
    Ok(response)
}

/// `POST /refreshToken`: exchanges a refresh token for the next pair.
pub(super) async fn refresh_token(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    body: TutorialBody,
) -> Result<Response, Message> {
    let text = refresh_token_in(body.json())?;
    let pair = legacy::refresh(&edge.app, &text, &ClientId::first_party(), &visitor.presence).await;
    let pair = pair.map_err(|error| Message::refusing(error, BAD_REFRESH_TOKEN))?;
    Ok(reply(&pair))
}

/// `GET /protectedRoute`: verifies an access token like any API that follows the revocation list.
pub(super) async fn protected_route(
    State(edge): State<Arc<Edge>>,
    TutorialAuthorization(token): TutorialAuthorization,
) -> Result<Response, Message> {
    let token = token.ok_or_else(|| Message::unauthorized("No access token provided"))?;
    let refused = match authorize::verify_followed(&edge.app, &token).await? {
        Ok(claims) => return Ok(Protected::reply(&*claims)),
        Err(refused) => refused,
    };
    legacy::verify_access(&edge.app, &token).map(Protected::reply).ok_or_else(|| {
        refused.note();
        Message::forbidden(BAD_ACCESS_TOKEN)
    })
}

/// `POST /logout`: revokes the session of the refresh token in the body. If the body has no token, or its
/// token belongs to no session, the server revokes the session of the cookie. An unknown token is not an
/// error (RFC 7009 §2.2).
pub(super) async fn logout(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    headers: HeaderMap,
    body: TutorialBody,
) -> Result<Response, Message> {
    let sent = body.json().and_then(|body| body.get("refreshToken")).and_then(Value::as_str);
    let sent = Secret::new(sent.unwrap_or_default().to_owned());
    let mut response = StatusCode::NO_CONTENT.into_response();
    if legacy::sign_out(&edge.app, &sent, &visitor.presence).await? {
        return Ok(response);
    }
    // If the cookie occurs more than once, the values may belong to different sessions. The user wants to
    // sign out of all of them.
    let cookies = edge.cookies.every_refresh(&headers);
    for cookie in &cookies {
        let token = Secret::new((*cookie).to_owned());
        revoke::sign_out(&edge.app, &token, &visitor.presence).await?;
    }
    if !cookies.is_empty() {
        edge.cookies.clear_refresh(response.headers_mut());
    }
    Ok(response)
}

fn credentials(edge: &Edge, body: &TutorialBody) -> Result<Credentials, Message> {
    let is_empty = match body {
        TutorialBody::Absent => true,
        TutorialBody::Json(value) => value.as_object().is_some_and(serde_json::Map::is_empty),
        TutorialBody::Other => false,
    };
    if let Some(demo) = edge.app.demo.as_ref().filter(|_| is_empty) {
        return Ok(Credentials::new(&demo.username, &demo.password));
    }
    let member = |name: &str| body.json().and_then(|body| body.get(name)).filter(|value| !value.is_null());
    let (Some(username), Some(password)) = (member("username"), member("password")) else {
        return Err(Message::unauthorized("No credentials provided"));
    };
    match (username, password) {
        (Value::String(username), Value::String(password)) => {
            Ok(Credentials::new(username, &Secret::new(password.clone())))
        }
        _ => Err(Message::forbidden(BAD_CREDENTIALS)),
    }
}

fn new_password(body: &TutorialBody) -> Result<Option<Secret<String>>, Message> {
    match body.json().and_then(|body| body.get("newPassword")) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(Secret::new(text.clone()))),
        Some(_) => Err(Message::forbidden(BAD_CREDENTIALS)),
    }
}

fn refresh_token_in(body: Option<&Value>) -> Result<Secret<String>, Message> {
    match body.and_then(|body| body.get("refreshToken")) {
        None | Some(Value::Null) => Err(Message::unauthorized("No refresh token provided")),
        Some(Value::String(text)) if text.is_empty() => {
            Err(Message::unauthorized("No refresh token provided"))
        }
        Some(Value::String(text)) => Ok(Secret::new(text.clone())),
        Some(_) => Err(Message::forbidden(BAD_REFRESH_TOKEN)),
    }
}

/// A pair with the tutorial's member names, in the tutorial's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TutorialPair<'a> {
    access_token: &'a str,
    refresh_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
}

/// The tutorial's response of the protected route.
#[derive(Serialize)]
struct Protected<Claims> {
    message: &'static str,
    user: Claims,
}

impl<Claims: Serialize> Protected<Claims> {
    fn reply(user: Claims) -> Response {
        Json(Self { message: "This is a protected route", user }).into_response()
    }
}

fn reply(pair: &Pair) -> Response {
    let body = TutorialPair {
        access_token: pair.access.text.expose(),
        refresh_token: pair.refresh.expose(),
        token_type: "Bearer",
        expires_in: pair.access.lifetime.as_secs(),
    };
    Json(body).into_response()
}
