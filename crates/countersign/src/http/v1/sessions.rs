//! Signing in, refreshing, listing and ending one's own sessions.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_core::device::KnownDevice;
use countersign_core::issuer::{ACCOUNT_SCOPE, ADMIN_SCOPE, effective_scope};
use countersign_core::session::{RevokedReason, Whose};
use countersign_core::user::User;
use countersign_core::{ClientId, Secret};
use countersign_token::Scope;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Edge;
use super::super::client_credentials::{self, InBody};
use super::super::error::{Failure, Problem};
use super::super::extract::{Id, JsonBody, Query, SignedIn};
use super::{Reply, ended, pair_body, parse_session, revoked, session_body, with_refresh_token};
use crate::flows::open::{Request, Terms};
use crate::flows::refresh::RefreshError;
use crate::flows::sign_in::{Credentials, SignInError};
use crate::flows::{Pair, authenticate_client, change_password, open, refresh, revoke, sessions, sign_in};
use crate::visitor::Visitor;

/// How the refresh token travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TokenMode {
    #[default]
    Body,
    Cookie,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct SignIn {
    username: String,
    password: Secret<String>,
    /// Sets another password on the way; needed with a temporary one.
    new_password: Option<Secret<String>>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    token_mode: TokenMode,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Refresh {
    refresh_token: Option<Secret<String>>,
    client_id: Option<String>,
    /// For a client that registered `client_secret_post`.
    client_secret: Option<Secret<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Ending {
    except: Option<String>,
}

/// Where the list of one's own sessions goes on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in super::super) struct Listing {
    after: Option<String>,
}

/// `POST /v1/sessions`.
pub(in super::super) async fn sign_in(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    JsonBody(body): JsonBody<SignIn>,
) -> Reply<Response> {
    let app = &edge.app;
    let scope = Scope::parse(&body.scope).map_err(|_| Failure::invalid_scope())?;
    let credentials = Credentials::new(&body.username, &body.password);
    let signed_in = sign_in::authenticate(app, credentials, &visitor).await?;
    check_scope(&scope, &signed_in.user)?;
    let new = body.new_password.as_ref();
    let (user, standing) = change_password::at_sign_in(app, signed_in, new, &visitor).await?;
    let terms = Terms { given: &[standing], ..Terms::default() };
    let pair = open::open(app, &user, Request::first_party(&scope), &visitor.presence, terms).await;
    let pair = pair.map_err(SignInError::from)?;
    let mut response = reply(&edge, &pair, body.token_mode, StatusCode::CREATED);
    edge.cookies.set_device(response.headers_mut(), &user, app);
    Ok(response)
}

/// `POST /v1/sessions/refresh`: the token in the body, or in the cookie and none in the body.
pub(in super::super) async fn refresh(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    headers: HeaderMap,
    body: Option<JsonBody<Refresh>>,
) -> Reply<Response> {
    let Refresh { refresh_token, client_id, client_secret } =
        body.map(|JsonBody(body)| body).unwrap_or_default();
    let is_named = client_id.is_some() || client_secret.is_some();
    let cookie = edge.cookies.refresh(&headers).filter(|_| !is_named);
    let (text, client, mode) = match (refresh_token, cookie) {
        (Some(token), _) => {
            let basic = client_credentials::basic_if_any(&headers)?;
            let is_authenticating = client_secret.is_some();
            let sent = InBody { id: client_id, secret: client_secret, is_authenticating };
            let sent = client_credentials::combine(basic, sent)?;
            let client = authenticate_client::refreshing(&edge.app, sent.as_ref()).await?;
            (token, client, TokenMode::Body)
        }
        (None, Some(cookie)) => (Secret::new(cookie.to_owned()), ClientId::first_party(), TokenMode::Cookie),
        (None, None) => {
            return Err(Failure::malformed("Send a refresh token in the body or in its cookie.").into());
        }
    };
    match refresh::refresh(&edge.app, &text, &client, &visitor.presence).await {
        Ok(pair) => Ok(reply(&edge, &pair, mode, StatusCode::OK)),
        Err(error @ RefreshError::Refused(_)) if mode == TokenMode::Cookie => {
            let mut response = Problem::from(error).into_response();
            edge.cookies.clear_refresh(response.headers_mut());
            Ok(response)
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /v1/sessions?after=`: one's own, the live ones. The current one is on the first page, wherever it stands.
pub(in super::super) async fn list(
    State(edge): State<Arc<Edge>>,
    SignedIn(caller): SignedIn,
    Query(listing): Query<Listing>,
) -> Reply<Json<Value>> {
    let after = listing.after.as_deref().map(parse_session).transpose();
    let after = after.map_err(|_| Failure::malformed("`after` is not an id."))?;
    let live = sessions::live_of(&edge.app, &caller, after).await?;
    let shown = live.sessions.iter().map(|row| {
        let mut body = session_body(&row.session);
        body["current"] = (row.session.id == caller.session.id).into();
        body
    });
    let next = live.next.map(|id| id.to_string());
    Ok(Json(json!({"sessions": shown.collect::<Vec<_>>(), "next": next})))
}

/// `DELETE /v1/sessions/{id}`: one of one's own. Another user's is not there.
pub(in super::super) async fn end(
    State(edge): State<Arc<Edge>>,
    SignedIn(caller): SignedIn,
    visitor: Visitor,
    Id(id): Id,
) -> Reply<Response> {
    let session = parse_session(&id)?;
    let is_current = session == caller.session.id;
    let reason = if is_current { RevokedReason::SignedOut } else { RevokedReason::EndedByUser };
    let own = Whose::User(caller.user.id);
    if !revoke::end(&edge.app, session, &own, revoked(reason, &visitor.presence)).await? {
        return Err(Failure::not_found("session").into());
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if is_current {
        edge.cookies.clear_refresh(response.headers_mut());
    }
    Ok(response)
}

/// `DELETE /v1/sessions`: all of one's own, or with `?except=current` all others.
pub(in super::super) async fn end_all(
    State(edge): State<Arc<Edge>>,
    SignedIn(caller): SignedIn,
    visitor: Visitor,
    Query(ending): Query<Ending>,
) -> Reply<Response> {
    let except = match ending.except.as_deref() {
        None => None,
        Some("current") => Some(caller.session.id),
        Some(_) => return Err(Failure::malformed("`except` can be `current`.").into()),
    };
    let how = revoked(RevokedReason::EndedByUser, &visitor.presence);
    let mut user = caller.user;
    // A device that is known stays known; an access token alone makes none.
    let device = visitor.device_token.as_deref();
    let device = device.and_then(|text| KnownDevice::parse(text, &user.username, &edge.app.server_keys));
    let is_known = device.is_some_and(|device| device.is_of(&user, &edge.app.server_keys));
    let count = revoke::end_all(&edge.app, &Whose::User(user.id.clone()), except, how).await?;
    let mut response = ended(count).into_response();
    if except.is_none() {
        edge.cookies.clear_refresh(response.headers_mut());
    } else if is_known {
        // Device tokens are bound to the epoch, which has moved on by one. If something else moved it too, this one is
        // of no use.
        user.epoch += 1;
        edge.cookies.set_device(response.headers_mut(), &user, &edge.app);
    }
    Ok(response)
}

fn reply(edge: &Edge, pair: &Pair, mode: TokenMode, status: StatusCode) -> Response {
    if mode == TokenMode::Body {
        return (status, Json(with_refresh_token(pair))).into_response();
    }
    let mut response = (status, Json(pair_body(pair))).into_response();
    let lifetime = edge.app.terms.policy.idle_lifetime;
    edge.cookies.set_refresh(response.headers_mut(), &pair.refresh, lifetime);
    response
}

/// Nobody asks for more than they may have. Here there is the account's scope and the administrator's.
fn check_scope(scope: &Scope, user: &User) -> Result<(), Failure> {
    let is_known = scope.iter().all(|word| [ACCOUNT_SCOPE, ADMIN_SCOPE].contains(&word));
    if is_known && scope.is_subset_of(&effective_scope(scope, user)) {
        Ok(())
    } else {
        Err(Failure::invalid_scope())
    }
}
