//! Sessions, in the order of the port. How sessions are revoked is in [`super::ending`].

use std::sync::LazyLock;

use countersign_core::session::{Session, Whose};
use countersign_core::store::{Opened, Page, SingleUse, Standing, Swept};
use countersign_core::{SessionId, Timestamp};
use rusqlite::{Connection, named_params, params};

use super::columns::{Parameters, Seconds, session};
use super::desk::Desk;
use super::journal::Journal;
use super::rows::Touched;
use super::{ending, lookup};

pub(super) fn open(
    connection: &Connection,
    session: &Session,
    given: &[Standing],
    spending: Option<&SingleUse>,
) -> rusqlite::Result<Opened> {
    if !lookup::all_hold(connection, given)? {
        return Ok(Opened::Outdated);
    }
    let client = &session.grant.client;
    if !client.is_reserved() && lookup::client(connection, client)?.is_none() {
        return Ok(Opened::NoSuchClient);
    }
    if !insert(connection, session)? {
        return Ok(Opened::UserChanged);
    }
    if !spending.map_or(Ok(true), |single| spend(connection, single))? {
        connection.execute("DELETE FROM sessions WHERE id = ?1", [session.id.as_bytes()])?;
        return Ok(Opened::AlreadySpent);
    }
    connection
        .prepare_cached("UPDATE users SET has_had_session = 1 WHERE id = ?1 AND has_had_session = 0")?
        .execute([session.grant.user.as_str()])?;
    Ok(Opened::Opened)
}

/// `false`: the token was spent before.
fn spend(connection: &Connection, single: &SingleUse) -> rusqlite::Result<bool> {
    let spent = connection.execute(
        "INSERT INTO spent_tokens (digest, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![single.digest, Seconds(single.expires_at)],
    )?;
    Ok(spent == 1)
}

/// `false`: the user does not exist, is disabled or has another epoch.
fn insert(connection: &Connection, session: &Session) -> rusqlite::Result<bool> {
    static INSERT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "INSERT INTO sessions (mode, {}) SELECT 'rotate', {}
             WHERE EXISTS (SELECT 1 FROM users WHERE id = ? AND epoch = ? AND disabled_at IS NULL)",
            session::NAMES.list(),
            session::NAMES.parameters()
        )
    });
    let mut insert = connection.prepare_cached(&INSERT)?;
    let mut parameters = Parameters::of(&mut insert);
    session::bind(session, &mut parameters)?;
    parameters.bind(session.grant.user.as_str())?;
    parameters.bind(session.user_epoch)?;
    Ok(parameters.execute()? == 1)
}

/// The ids of a page of sessions. The journal never adds or removes a session, so it is not read.
pub(super) fn ids(
    connection: &Connection,
    of: &Whose,
    page: &Page<SessionId>,
) -> rusqlite::Result<Vec<SessionId>> {
    let (is_theirs, owner) = ending::condition(of);
    let after = page.after.as_ref().map_or(&[][..], |id| id.as_bytes());
    connection
        .prepare_cached(&format!("SELECT id FROM sessions WHERE {is_theirs} AND id > ? ORDER BY id LIMIT ?"))?
        .query_map(params![owner, after, page.limit], |row| row.get(0).map(SessionId::from_bytes))?
        .collect()
}

pub(super) fn sweep(
    connection: &Connection,
    desk: &mut Desk,
    before: Timestamp,
    page: &Page<SessionId>,
) -> rusqlite::Result<Swept> {
    connection.execute("DELETE FROM spent_tokens WHERE expires_at < ?1", [Seconds(before)])?;
    let after = page.after.as_ref().map_or(&[][..], |id| id.as_bytes());
    let last: Option<[u8; 16]> = connection.query_row(
        "SELECT max(id) FROM (SELECT id FROM sessions WHERE id > ?1 ORDER BY id LIMIT ?2)",
        params![after, page.limit],
        |row| row.get(0),
    )?;
    let Some(last) = last.map(SessionId::from_bytes) else { return Ok(Swept { removed: 0, next: None }) };
    let span = Span { after: page.after, last };
    let mut removed = 0;
    for id in ended(connection, &desk.journal, before, span)? {
        desk.rows().forget(&Touched::Session(id));
        removed += connection.execute("DELETE FROM sessions WHERE id = ?1", [id.as_bytes()])? as u64;
    }
    connection.execute_batch("PRAGMA incremental_vacuum(256)")?;
    let is_last_page: bool = connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM sessions WHERE id > ?1)",
        [last.as_bytes()],
        |row| row.get(0),
    )?;
    Ok(Swept { removed, next: Some(last).filter(|_| !is_last_page) })
}

/// The sessions after `after`, or from the first on, up to and including `last`.
struct Span {
    after: Option<SessionId>,
    last: SessionId,
}

/// The sessions of a span that ended before `before`. For an active session, the later idle expiry of its row
/// and its newest move counts.
fn ended(
    connection: &Connection,
    journal: &Journal,
    before: Timestamp,
    Span { after, last }: Span,
) -> rusqlite::Result<Vec<SessionId>> {
    let moves = journal.between(after, last);
    let mut select = connection.prepare_cached(
        "SELECT id, absolute_expires_at, iif(revoked_at IS NULL, idle_expires_at, absolute_expires_at), revoked_at
         FROM sessions WHERE id > :after AND id <= :last",
    )?;
    let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
    let rows = select.query_map(named_params! { ":after": after, ":last": last.as_bytes() }, |row| {
        let id = row.get(0).map(SessionId::from_bytes)?;
        let (Seconds(absolute), Seconds(stored)) = (row.get(1)?, row.get(2)?);
        let is_active = row.get::<_, Option<Seconds>>(3)?.is_none();
        let moved = moves.get(&id).filter(|_| is_active).map(|moved| moved.idle_expires_at);
        // Another process may have folded a later move than this process has read.
        Ok((id, moved.map_or(stored, |moved| moved.max(stored)).min(absolute) < before))
    })?;
    let mut ended = Vec::new();
    for row in rows {
        let (id, is_over) = row?;
        ended.extend(is_over.then_some(id));
    }
    Ok(ended)
}
