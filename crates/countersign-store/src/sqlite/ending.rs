//! Revoking sessions, which verbs on sessions, users and clients do.

use countersign_core::revocation::RevokedSessions;
use countersign_core::session::{Revoked, Whose};
use countersign_core::{SessionId, Timestamp};
use rusqlite::{Connection, params};

use super::columns::{Parameters, Seconds, session};
use super::revocations;

pub(super) fn revoke(
    connection: &Connection,
    id: SessionId,
    of: &Whose,
    how: &Revoked,
) -> rusqlite::Result<bool> {
    let is_revoked = revoke_where(connection, "id = ?", Some(id), of, how)? == 1;
    if is_revoked {
        revocations::note(connection, how.by.at, &RevokedSessions::One(id))?;
    }
    Ok(is_revoked)
}

pub(super) fn revoke_all(
    connection: &Connection,
    of: &Whose,
    except: Option<SessionId>,
    how: &Revoked,
) -> rusqlite::Result<u64> {
    note_sign_out(connection, of, how.by.at)?;
    end_all(connection, of, except, how)
}

/// Revokes sessions and moves epochs. Unlike [`revoke_all`], it does not count as a sign-out of the user: the
/// caller decides that.
pub(super) fn end_all(
    connection: &Connection,
    of: &Whose,
    except: Option<SessionId>,
    how: &Revoked,
) -> rusqlite::Result<u64> {
    let revoked = revoke_where(connection, "id IS NOT ?", except, of, how)?;
    match of {
        Whose::User(user) => move_epoch(connection, Some(user.as_str()), except)?,
        Whose::Everyone => move_epoch(connection, None, except)?,
        Whose::Client(_) => {}
    }
    if revoked > 0 {
        let newest = newest(connection, of)?;
        let of = RevokedSessions::UpTo { whose: of.clone(), newest, except };
        revocations::note(connection, how.by.at, &of)?;
    }
    Ok(revoked as u64)
}

/// Revokes the active sessions of `of` that also meet the condition `which`, whose parameter is `id`.
fn revoke_where(
    connection: &Connection,
    which: &str,
    id: Option<SessionId>,
    of: &Whose,
    how: &Revoked,
) -> rusqlite::Result<usize> {
    let (is_theirs, owner) = condition(of);
    let assignments = session::REVOKED_NAMES.assignments();
    let mut update = connection.prepare_cached(&format!(
        "UPDATE sessions SET {assignments} WHERE revoked_at IS NULL AND {which} AND {is_theirs}"
    ))?;
    let mut parameters = Parameters::of(&mut update);
    session::bind_revoked(how, &mut parameters)?;
    parameters.bind(id.as_ref().map(SessionId::as_bytes))?;
    parameters.bind(owner)?;
    parameters.execute()
}

/// The newest session of `of`, which has at least one.
fn newest(connection: &Connection, of: &Whose) -> rusqlite::Result<SessionId> {
    let (is_theirs, owner) = condition(of);
    connection
        .prepare_cached(&format!("SELECT max(id) FROM sessions WHERE {is_theirs}"))?
        .query_row([owner], |row| row.get(0).map(SessionId::from_bytes))
}

/// Moves the epoch of one user, or of every user, together with that of the session that stays active.
fn move_epoch(connection: &Connection, user: Option<&str>, kept: Option<SessionId>) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE users SET epoch = epoch + 1 WHERE ?1 IS NULL OR id = ?1")?
        .execute([user])?;
    let Some(kept) = kept else { return Ok(()) };
    connection
        .prepare_cached(
            "UPDATE sessions SET user_epoch = user_epoch + 1
             WHERE id = ?1 AND revoked_at IS NULL AND (?2 IS NULL OR user_id = ?2)",
        )?
        .execute(params![kept.as_bytes(), user])
        .map(drop)
}

/// Records the time at which one user, or every user, was signed out everywhere.
fn note_sign_out(connection: &Connection, of: &Whose, at: Timestamp) -> rusqlite::Result<()> {
    let user = match of {
        Whose::User(user) => Some(user.as_str()),
        Whose::Everyone => None,
        Whose::Client(_) => return Ok(()),
    };
    connection
        .prepare_cached(
            "UPDATE users SET sessions_ended_at = max(coalesce(sessions_ended_at, 0), ?2)
             WHERE ?1 IS NULL OR id = ?1",
        )?
        .execute(params![user, Seconds(at)])
        .map(drop)
}

/// The condition that a session belongs to `of`, and the value of its one parameter. Each condition but the
/// first has an index.
pub(super) fn condition(of: &Whose) -> (&'static str, &str) {
    match of {
        Whose::Everyone => ("? = ''", ""),
        Whose::User(user) => ("user_id = ?", user.as_str()),
        Whose::Client(client) => ("client_id = ?", client.as_str()),
    }
}
