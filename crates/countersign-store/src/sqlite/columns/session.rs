//! A session: the columns that never change, those that a rotation changes, and those that a revocation sets.
//!
//! The columns `mode` and `key_thumbprint` are for releases that have sessions whose refresh token does not
//! rotate.

use countersign_core::SessionId;
use countersign_core::session::{
    Grant, Presence, Revoked, RevokedReason, Session, SessionState, SessionWithUser,
};
use rusqlite::Row;
use serde_json::Value;

use super::{Columns, Names, Parameters, Seconds, moved, presence, user};
use crate::sqlite::moved::{Moved, Packed};

pub(crate) const NAMES: Names = Names(&[FIXED, moved::COLUMNS, REVOKED]);

/// The columns that a revocation sets. They are NULL while the session is active.
pub(crate) const REVOKED_NAMES: Names = Names(&[REVOKED]);

const FIXED: &[&str] = &[
    "id",
    "user_id",
    "client_id",
    "scope",
    "audience",
    "claims",
    "user_epoch",
    "authenticated_at",
    "opened_at",
    "opened_address",
    "opened_device",
    "absolute_expires_at",
];

const REVOKED: &[&str] =
    &["revoked_reason", "revoked_at", "revoked_address", "revoked_device", "revoked_presented"];

/// Reads [`NAMES`], and then the [`user::NAMES`] and the packed move of outer joins.
pub(crate) fn read_with_user(row: &Row<'_>) -> rusqlite::Result<SessionWithUser> {
    let mut columns = Columns::of(row);
    let mut session = read(&mut columns)?;
    let user = user::read_optional(&mut columns)?;
    if let Some(moved) = columns.take::<Option<Packed>>()? {
        moved.bring_up_to_date(&mut session)?;
    }
    Ok(SessionWithUser { session, user })
}

fn read(columns: &mut Columns<'_>) -> rusqlite::Result<Session> {
    let id = columns.take().map(SessionId::from_bytes)?;
    let grant = read_grant(columns)?;
    let user_epoch = columns.take()?;
    let authenticated_at = columns.take_time()?;
    let opened = presence::read(columns)?;
    let absolute_expires_at = columns.take_time()?;
    let Moved { ratchet, refreshed, idle_expires_at } = moved::read(columns)?;
    let state = read_state(columns)?;
    Ok(Session {
        id,
        grant,
        ratchet,
        user_epoch,
        authenticated_at,
        opened,
        refreshed,
        idle_expires_at,
        absolute_expires_at,
        state,
    })
}

fn read_grant(columns: &mut Columns<'_>) -> rusqlite::Result<Grant> {
    Ok(Grant {
        user: columns.parse(|text: String| text.parse().ok())?,
        client: columns.parse(|text: String| text.parse().ok())?,
        scope: columns.parse(|text: String| text.parse().ok())?,
        audience: columns.take()?,
        claims: columns.parse(|text: String| serde_json::from_str(&text).ok())?,
    })
}

fn read_state(columns: &mut Columns<'_>) -> rusqlite::Result<SessionState> {
    let reason = columns.parse_optional(|name: String| RevokedReason::from_name(&name))?;
    let at = columns.take_optional_time()?;
    let address = columns.parse_optional(|text: String| text.parse().ok())?;
    let device = columns.take::<Option<String>>()?;
    let presented = columns.take()?;
    let Some((reason, at)) = reason.zip(at) else { return Ok(SessionState::Active) };
    let by = Presence { at, address, device: device.unwrap_or_default() };
    Ok(SessionState::Revoked(Revoked { reason, by, presented }))
}

/// Binds [`NAMES`].
pub(crate) fn bind(session: &Session, parameters: &mut Parameters<'_, '_>) -> rusqlite::Result<()> {
    let grant = &session.grant;
    parameters.bind(session.id.as_bytes())?;
    parameters.bind(grant.user.as_str())?;
    parameters.bind(grant.client.as_str())?;
    parameters.bind(grant.scope.as_str())?;
    parameters.bind(&grant.audience)?;
    parameters.bind(Value::Object(grant.claims.clone()).to_string())?;
    parameters.bind(session.user_epoch)?;
    parameters.bind(Seconds(session.authenticated_at))?;
    presence::bind(&session.opened, parameters)?;
    parameters.bind(Seconds(session.absolute_expires_at))?;
    moved::bind(&Moved::of(session), parameters)?;
    match &session.state {
        SessionState::Active => REVOKED.iter().try_for_each(|_| parameters.bind(None::<String>)),
        SessionState::Revoked(revoked) => bind_revoked(revoked, parameters),
    }
}

/// Binds [`REVOKED_NAMES`].
pub(crate) fn bind_revoked(revoked: &Revoked, parameters: &mut Parameters<'_, '_>) -> rusqlite::Result<()> {
    parameters.bind(revoked.reason.as_str())?;
    presence::bind(&revoked.by, parameters)?;
    parameters.bind(revoked.presented)
}
