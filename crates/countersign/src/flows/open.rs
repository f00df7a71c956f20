//! Opening a session for a user who is known by now, and making its pair.

use countersign_core::issuer::ACCOUNT_SCOPE;
use countersign_core::opening::Opening;
use countersign_core::session::{Grant, Mode, Presence, SessionWithUser};
use countersign_core::store::{Opened, SingleUse, StoreError};
use countersign_core::user::User;
use countersign_core::{ClientId, Secret, Timestamp};
use countersign_token::Scope;
use serde_json::{Map, Value};

use super::Pair;
use crate::app::App;
use crate::operations::event_log::{Change, Subject};

/// What a session is opened for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Who will hold the tokens.
    pub client: ClientId,
    /// What they may do.
    pub scope: Scope,
    /// Claims for this session alone.
    pub claims: Map<String, Value>,
}

impl Request {
    /// What somebody gets who signs in here: their own account, and what else they asked for.
    pub fn first_party(scope: &Scope) -> Self {
        let words = scope.iter().filter(|word| *word != ACCOUNT_SCOPE).chain([ACCOUNT_SCOPE]);
        let scope = Scope::parse(&words.collect::<Vec<_>>().join(" ")).expect("words of scopes make a scope");
        Self { client: ClientId::first_party(), scope, claims: Map::new() }
    }
}

/// Opens a session; `spending` a single-use token with it. `None`: that token had been spent before, or the
/// user was disabled or signed out everywhere since they were read.
///
/// # Errors
///
/// When the store cannot make it durable.
pub async fn open(
    app: &App,
    user: &User,
    request: Request,
    by: &Presence,
    spending: Option<&SingleUse>,
) -> Result<Option<Pair>, StoreError> {
    let grant = Grant {
        user: user.id.clone(),
        client: request.client,
        scope: request.scope,
        audience: app.audience.clone(),
        claims: request.claims,
        key_thumbprint: None,
        mode: Mode::Rotate,
    };
    let policy = app.terms_of(&grant.client).policy;
    let opening = Opening { grant, user_epoch: user.epoch, by: by.clone() };
    let (session, token) = opening.begin(&app.server_keys, &policy, &app.world);
    if app.store.open(&session, spending).await? != Opened::Opened {
        return Ok(None);
    }
    tracing::info!(session = %session.id, user = %user.id, client = %session.grant.client, "a session was opened");
    app.metrics.count_opened();
    app.events.note(Subject::of(&session), Change::Opened, Some(by.clone()));
    let refresh = token.seal(&app.server_keys).expect("a session is opened under the newest master key");
    let row = SessionWithUser { session, user: Some(user.clone()) };
    pair(app, &row, refresh, by.at).map(Some)
}

/// Signs the access token that goes with a refresh token.
pub(super) fn pair(
    app: &App,
    row: &SessionWithUser,
    refresh: Secret<String>,
    now: Timestamp,
) -> Result<Pair, StoreError> {
    let user = row.user.as_ref().ok_or_else(|| StoreError::new("the session's user is gone"))?;
    let keys = app.keyring.current();
    let access = app
        .terms_of(&row.session.grant.client)
        .issuer
        .access_token(&keys.signing, (&row.session, user), now, &app.world)
        .map_err(|error| StoreError::caused_by("the access token could not be signed", error))?;
    Ok(Pair { access, refresh, session: row.session.id })
}
