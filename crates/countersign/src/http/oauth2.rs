//! Endpoints for clients: the token endpoint (RFC 6749 §3.2), introspection (RFC 7662) and revocation (RFC 7009).
//!
//! A client authenticates with its registered method. A request that uses two methods is
//! rejected (RFC 6749 §2.3). Secrets and tokens are accepted in headers and bodies, never
//! in a URL.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_core::Secret;
use countersign_core::client::{Client, ClientAuthentication, GrantType};
use countersign_core::issuer::effective_scope;
use countersign_token::{Scope, TokenType};
use mime::Mime;
use serde_json::{Value, json};

use super::Edge;
use super::client_credentials::{self, Basic, InBody};
use super::error::{Failure, OAuth};
use super::extract::Form;
use super::pair_body::with_refresh_token;
use crate::flows::InternalError;
use crate::flows::authenticate_client::{self, ClientCredentials, ClientError};
use crate::flows::introspect::{self, Active};
use crate::flows::refresh::{self, RefreshError};
use crate::flows::revoke::{self, TokenRevocation};
use crate::visitor::Visitor;

/// The media type of a signed introspection response (RFC 9701 §4).
const SIGNED: &str = "application/token-introspection+jwt";

/// The authenticated client, and the token in its request.
pub(super) struct TokenRequest {
    client: Arc<Client>,
    token: Secret<String>,
}

/// What a client sent to authenticate, which is not verified yet, and the other parameters of its request.
pub(super) struct Credentials {
    sent: ClientCredentials,
    form: Form,
}

impl FromRequest<Arc<Edge>> for Credentials {
    type Rejection = OAuth;

    async fn from_request(request: Request, edge: &Arc<Edge>) -> Result<Self, OAuth> {
        let basic = client_credentials::basic(request.headers())?;
        let mut form = Form::from_request(request, edge).await?;
        let sent = credentials_in(&mut form, basic)?;
        Ok(Self { sent, form })
    }
}

impl FromRequest<Arc<Edge>> for TokenRequest {
    type Rejection = OAuth;

    async fn from_request(request: Request, edge: &Arc<Edge>) -> Result<Self, OAuth> {
        let Credentials { sent, mut form } = Credentials::from_request(request, edge).await?;
        let client = authenticate_client::authenticate(&edge.app, &sent).await?;
        let token = form.take("token").ok_or_else(|| Failure::invalid_request("`token` is missing."))?;
        Ok(Self { client, token })
    }
}

/// `POST /oauth2/introspect`.
pub(super) async fn introspect(
    State(edge): State<Arc<Edge>>,
    headers: HeaderMap,
    sent: TokenRequest,
) -> Result<Response, OAuth> {
    let TokenRequest { client, token } = sent;
    if client.authentication == ClientAuthentication::None {
        return Err(ClientError::Refused.into());
    }
    let active = introspect::introspect(&edge.app, &client, &token).await?;
    let body = active.as_ref().map_or_else(|| json!({"active": false}), body_of);
    if !wants_signed(&headers) {
        return Ok(Json(body).into_response());
    }
    let app = &edge.app;
    let claims = json!({
        "iss": app.terms.issuer.name,
        "aud": client.id.as_str(),
        "iat": app.world.now(),
        "token_introspection": body,
    });
    let keys = app.keyring.current();
    let signed = keys
        .signing
        .sign(TokenType::Introspection, &claims)
        .map_err(|error| InternalError::caused_by("the introspection response cannot be signed", error))?;
    Ok(([(header::CONTENT_TYPE, SIGNED)], signed).into_response())
}

/// `POST /oauth2/revoke`.
pub(super) async fn revoke(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    sent: TokenRequest,
) -> Result<StatusCode, OAuth> {
    let TokenRequest { client, token } = sent;
    match revoke::revoke_token(&edge.app, &client, &token, &visitor.presence).await? {
        TokenRevocation::Done => Ok(StatusCode::OK),
        TokenRevocation::OtherClient => Err(Failure::not_your_token().into()),
    }
}

/// `POST /oauth2/token` with `grant_type=refresh_token` (RFC 6749 §6). The parameter `scope` is ignored: the response
/// has the scope of the token.
pub(super) async fn token(
    State(edge): State<Arc<Edge>>,
    visitor: Visitor,
    Credentials { sent, mut form }: Credentials,
) -> Result<Json<Value>, OAuth> {
    let grant =
        form.take("grant_type").ok_or_else(|| Failure::invalid_request("`grant_type` is missing."))?;
    if grant.expose() != GrantType::RefreshToken.as_str() {
        return Err(Failure::unsupported_grant_type().into());
    }
    let client = authenticate_client::refreshing(&edge.app, Some(&sent)).await?;
    let token = form.take("refresh_token");
    let token = token.ok_or_else(|| Failure::invalid_request("`refresh_token` is missing."))?;
    match refresh::refresh(&edge.app, &token, &client, &visitor.presence).await {
        Ok(pair) => Ok(Json(with_refresh_token(&pair))),
        Err(RefreshError::Refused(_)) => Err(Failure::invalid_grant().into()),
        Err(error) => Err(error.into()),
    }
}

/// Whether `Accept` contains the signed form with a weight other than `q=0` (RFC 9110 §12.5.1).
fn wants_signed(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).filter_map(|kind| kind.trim().parse::<Mime>().ok()).any(|kind| {
        let weight = kind.get_param("q").map(|weight| weight.as_str().parse().unwrap_or(1.0));
        kind.essence_str() == SIGNED && weight != Some(0.0_f32)
    })
}

/// The response of RFC 7662 §2.2. The server's own members are set last, so a user's claims cannot replace
/// them.
fn body_of(active: &Active) -> Value {
    match active {
        Active::AccessToken { claims, username } => {
            let mut body = serde_json::to_value(&**claims).expect("claims that were read can be written");
            body["active"] = true.into();
            body["token_type"] = "Bearer".into();
            body["username"] = username.as_str().into();
            body
        }
        Active::RefreshToken { issued_at, row } => {
            let session = &row.session;
            let granted = &session.grant.scope;
            let scope = row.user.as_ref().map_or_else(Scope::default, |user| effective_scope(granted, user));
            json!({
                "active": true,
                "client_id": session.grant.client.as_str(),
                "sub": session.grant.user.as_str(),
                "scope": scope.as_str(),
                "iat": issued_at,
                "exp": session.idle_expires_at.min(session.absolute_expires_at),
                "sid": session.id.to_string(),
            })
        }
    }
}

fn credentials_in(form: &mut Form, basic: Option<Basic>) -> Result<ClientCredentials, Failure> {
    let is_authenticating = ["client_secret", "client_assertion"].into_iter().any(|name| form.has(name));
    let id = form.take("client_id").map(|text| text.expose().clone());
    let secret = form.take("client_secret");
    let sent = client_credentials::combine(basic, InBody { id, secret, is_authenticating })?;
    sent.ok_or_else(|| ClientError::Refused.into())
}
