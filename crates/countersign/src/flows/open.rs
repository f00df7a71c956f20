//! Opens a session for an authenticated user, and issues its pair.

use countersign_core::issuer::{ACCOUNT_SCOPE, Holder, Issuer};
use countersign_core::opening::Opening;
use countersign_core::session::{Grant, Presence, SessionWithUser};
use countersign_core::store::{Opened, SingleUse, Standing, StoreError};
use countersign_core::user::{User, UserError};
use countersign_core::{ClientId, Secret, Timestamp};
use countersign_token::Scope;
use serde_json::{Map, Value};

use super::{InternalError, Pair};
use crate::app::App;
use crate::services::event_log::{Change, Subject};

/// The client, the scope and the claims of a new session.
#[derive(Debug, Clone)]
pub struct Request {
    /// The client that gets the tokens.
    pub client: ClientId,
    /// The granted scope.
    pub scope: Scope,
    /// Claims of this session only.
    pub claims: Map<String, Value>,
}

impl Request {
    /// A sign-in at this server's own routes: the user's account, and the requested scope.
    pub fn first_party(scope: &Scope) -> Self {
        let words = scope.iter().filter(|word| *word != ACCOUNT_SCOPE).chain([ACCOUNT_SCOPE]);
        let scope = Scope::parse(&words.collect::<Vec<_>>().join(" ")).expect("words of scopes make a scope");
        Self { client: ClientId::first_party(), scope, claims: Map::new() }
    }
}

/// The conditions of the write that opens a session, in addition to its user and client.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms<'a> {
    /// Conditions of other users, such as the administrator who sent the request.
    pub given: &'a [Standing],
    /// A single-use token that the write spends.
    pub spending: Option<&'a SingleUse>,
}

/// Why no session was opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The single-use token was spent before.
    #[error("the token was spent before")]
    AlreadySpent,
    /// The user was disabled or signed out everywhere after the server had read the account.
    #[error("the user was disabled or signed out everywhere meanwhile")]
    UserChanged,
    /// The session's claims are too large together with the user's.
    #[error(transparent)]
    Claims(#[from] UserError),
    /// No client with this id is registered.
    #[error("the client is not registered")]
    NoSuchClient,
    /// A condition of the request no longer holds.
    #[error("what the request rested on was changed meanwhile")]
    Outdated,
    /// The store failed.
    #[error("the store could not answer")]
    Unavailable(#[from] StoreError),
    /// The access token cannot be signed.
    #[error(transparent)]
    Internal(#[from] InternalError),
}

/// Opens a session.
///
/// # Errors
///
/// [`OpenError`].
pub async fn open(
    app: &App,
    user: &User,
    request: Request,
    by: &Presence,
    terms: Terms<'_>,
) -> Result<Pair, OpenError> {
    let grant = Grant {
        user: user.id.clone(),
        client: request.client,
        scope: request.scope,
        audience: app.audience.clone(),
        claims: request.claims,
    };
    let client_terms = app.terms_of(&grant.client).await?;
    let opening = Opening { grant, user_epoch: user.epoch, by: by.clone() };
    let (session, token) = opening.begin(&app.server_keys, &client_terms.policy, &app.world);
    match app.store.open(&session, terms.given, terms.spending).await? {
        Opened::Opened => {}
        Opened::AlreadySpent => return Err(OpenError::AlreadySpent),
        Opened::UserChanged => return Err(OpenError::UserChanged),
        Opened::NoSuchClient => return Err(OpenError::NoSuchClient),
        Opened::ClaimsTooLarge => return Err(OpenError::Claims(UserError::JointClaimsSize)),
        Opened::Outdated => return Err(OpenError::Outdated),
    }
    tracing::info!(session = %session.id, user = %user.id, client = %session.grant.client, "a session was opened");
    app.metrics.count_opened();
    app.events.note(Subject::of(&session), Change::Opened, Some(by.clone()));
    let refresh = token.seal(&app.server_keys).expect("a session is opened under the newest master key");
    let row = SessionWithUser { session, user: Some(user.clone()) };
    Ok(pair(app, &client_terms.issuer, &row, refresh, by.at)?)
}

/// Signs the access token that goes with a refresh token.
pub(super) fn pair(
    app: &App,
    issuer: &Issuer,
    row: &SessionWithUser,
    refresh: Secret<String>,
    now: Timestamp,
) -> Result<Pair, InternalError> {
    let user = row.user.as_ref().ok_or(InternalError::new("the session's user is gone"))?;
    let keys = app.keyring.current();
    let access = issuer
        .access_token(&keys.signing, Holder { session: &row.session, user }, now, &app.world)
        .map_err(|error| InternalError::caused_by("the access token could not be signed", error))?;
    Ok(Pair { access, refresh, session: row.session.id })
}
