//! A user's own sessions: sign-in, refresh, list and revoke.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use countersign_core::session::{RevokedReason, Whose};
use countersign_core::{ClientId, Secret};
use countersign_token::Scope;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Reply, ended, parse_session, revoked};
use crate::flows::authenticate_user::Credentials;
use crate::flows::refresh::RefreshError;
use crate::flows::revoke::RevokedOwn;
use crate::flows::sign_in::{SignIn, SignedIn};
use crate::flows::{Pair, authenticate_client, refresh, revoke, sessions, sign_in};
use crate::http::Edge;
use crate::http::client_credentials::{self, InBody};
use crate::http::error::{Failure, Problem};
use crate::http::extract::{Caller, Id, JsonBody, Query};
use crate::http::pair_body::{pair_body, with_refresh_token};
use crate::session_body::session_body;
use crate::visitor::Visitor;

/// How the client sends and receives the refresh token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TokenMode {
    #[default]
    Body,
    Cookie,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInBody {
    username: String,
    password: Secret<String>,
    /// Sets a new password at sign-in. A temporary password requires it.
    new_password: Option<Secret<String>>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    token_mode: TokenMode,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Refresh {
    refresh_token: Option<Secret<String>>,
    client_id: Option<String>,
    /// For a client that registered `client_secret_post`.
    client_secret: Option<Secret<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevokeQuery {
    except: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    /// The id of the last session of the previous page.
    after: Option<String>,
}

/// `POST /v1/sessions`.
pub(crate) async fn sign_in(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    JsonBody(body): JsonBody<SignInBody>,
) -> Reply<Response> {
    let request = SignIn {
        credentials: Credentials::new(&body.username, &body.password),
        new_password: body.new_password,
        scope: Scope::parse(&body.scope).map_err(|_| Failure::malformed_scope())?,
    };
    let SignedIn { pair, device_token } = sign_in::sign_in(&edge.app, request, &visitor).await?;
    let mut response = reply(&edge, &pair, body.token_mode, StatusCode::CREATED);
    edge.cookies.set_device(response.headers_mut(), &device_token);
    Ok(response)
}

/// `POST /v1/sessions/refresh`, with the refresh token in the body. Without one in the body, the cookie is
/// used.
pub(crate) async fn refresh(
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
            return Err(Failure::malformed("Send a refresh token in the body or in the cookie.").into());
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

/// `GET /v1/sessions?after=`: the caller's live sessions. The first page has the current session, wherever it
/// is in the order.
pub(crate) async fn list(
    State(edge): State<Arc<Edge>>,
    Caller(caller): Caller,
    Query(query): Query<ListQuery>,
) -> Reply<Json<Value>> {
    let after = query.after.as_deref().map(parse_session).transpose();
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

/// `DELETE /v1/sessions/{id}`: revokes one of the caller's sessions. Another user's session gives 404.
pub(crate) async fn revoke(
    State(edge): State<Arc<Edge>>,
    Caller(caller): Caller,
    visitor: Visitor,
    Id(id): Id,
) -> Reply<Response> {
    let session = parse_session(&id)?;
    let is_current = session == caller.session.id;
    let reason = if is_current { RevokedReason::SignedOut } else { RevokedReason::EndedByUser };
    let own = Whose::User(caller.user.id);
    if !revoke::revoke(&edge.app, session, &own, revoked(reason, &visitor.presence)).await? {
        return Err(Failure::not_found("session").into());
    }
    let mut response = StatusCode::NO_CONTENT.into_response();
    if is_current {
        edge.cookies.clear_refresh(response.headers_mut());
    }
    Ok(response)
}

/// `DELETE /v1/sessions`: revokes all of the caller's sessions, or with `?except=current` all except the
/// current one.
pub(crate) async fn revoke_all(
    State(edge): State<Arc<Edge>>,
    Caller(caller): Caller,
    visitor: Visitor,
    Query(query): Query<RevokeQuery>,
) -> Reply<Response> {
    let except = match query.except.as_deref() {
        None => None,
        Some("current") => Some(caller.session.id),
        Some(_) => return Err(Failure::malformed("`except` must be `current`.").into()),
    };
    let how = revoked(RevokedReason::EndedByUser, &visitor.presence);
    let device = visitor.device_token.as_deref();
    let RevokedOwn { count, device_token } =
        revoke::revoke_own(&edge.app, caller.user, except, how, device).await?;
    let mut response = ended(count).into_response();
    if except.is_none() {
        edge.cookies.clear_refresh(response.headers_mut());
    } else if let Some(token) = device_token {
        edge.cookies.set_device(response.headers_mut(), &token);
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
