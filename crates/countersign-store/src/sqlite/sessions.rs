//! Sessions, in the order of the port. How sessions are revoked is in [`super::ending`].

use std::sync::LazyLock;

use countersign_core::session::{Session, Whose};
use countersign_core::store::{Opened, Page, SingleUse, Standing, Swept};
use countersign_core::{SessionId, Timestamp};
use rusqlite::{Connection, named_params, params};

use super::columns::{Columns, Parameters, Seconds, session};
use super::desk::Desk;
use super::log::Log;
use super::moved::Packed;
use super::recent::Touched;
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
    if !session.grant.claims.is_empty() {
        let user = lookup::user(connection, &session.grant.user)?;
        if user.is_some_and(|user| user.claims.check_with_session(&session.grant.claims).is_err()) {
            return Ok(Opened::ClaimsTooLarge);
        }
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

/// The ids of a page of sessions. A rotation never adds or removes a session, so the log is not read.
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
    let Some(last) = last.map(SessionId::from_bytes) else {
        remove_moves_without_session(connection, after, None)?;
        return Ok(Swept { removed: 0, next: None });
    };
    let is_last_page: bool = connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM sessions WHERE id > ?1)",
        [last.as_bytes()],
        |row| row.get(0),
    )?;
    let span = Span { after: page.after, last };
    let mut removed = 0;
    for id in ended(connection, &desk.log, before, span)? {
        desk.recent().forget(&Touched::Session(id));
        removed += connection.execute("DELETE FROM sessions WHERE id = ?1", [id.as_bytes()])? as u64;
    }
    remove_moves_without_session(connection, after, Some(last).filter(|_| !is_last_page))?;
    connection.execute_batch("PRAGMA incremental_vacuum(256)")?;
    Ok(Swept { removed, next: Some(last).filter(|_| !is_last_page) })
}

/// Removes the moves of the deleted sessions after `after`, up to and including `last` if there is one. A move
/// that is folded after its session was deleted stays until the next sweep.
fn remove_moves_without_session(
    connection: &Connection,
    after: &[u8],
    last: Option<SessionId>,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM session_moves WHERE session_id > ?1 AND (?2 IS NULL OR session_id <= ?2)
                AND NOT EXISTS (SELECT 1 FROM sessions WHERE id = session_id)",
        )?
        .execute(params![after, last.as_ref().map(SessionId::as_bytes)])
        .map(drop)
}

/// The sessions after `after`, or from the first on, up to and including `last`.
struct Span {
    after: Option<SessionId>,
    last: SessionId,
}

/// The sessions of a span that ended before `before`. For an active session, the latest idle expiry of its row
/// and its moves counts.
fn ended(
    connection: &Connection,
    log: &Log,
    before: Timestamp,
    Span { after, last }: Span,
) -> rusqlite::Result<Vec<SessionId>> {
    let unfolded = log.between(after, last);
    let mut select = connection.prepare_cached(
        "SELECT id, absolute_expires_at, idle_expires_at, revoked_at, packed
         FROM sessions LEFT JOIN session_moves ON session_id = id WHERE id > :after AND id <= :last",
    )?;
    let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
    let rows = select.query_map(named_params! { ":after": after, ":last": last.as_bytes() }, |row| {
        let mut columns = Columns::of(row);
        let id = columns.take().map(SessionId::from_bytes)?;
        let (absolute, mut idle) = (columns.take_time()?, columns.take_time()?);
        let is_revoked = columns.take_optional_time()?.is_some();
        for moved in columns.take::<Option<Packed>>()?.iter().chain(unfolded.get(&id)) {
            idle = idle.max(moved.unpack()?.idle_expires_at);
        }
        Ok((id, (if is_revoked { absolute } else { idle.min(absolute) }) < before))
    })?;
    let mut ended = Vec::new();
    for row in rows {
        let (id, is_over) = row?;
        ended.extend(is_over.then_some(id));
    }
    Ok(ended)
}
