//! Sessions, in the order of the port.

use countersign_core::ratchet::SecretHash;
use countersign_core::revocation::RevokedSessions;
use countersign_core::session::{
    Grant, Presence, Ratchet, Revoked, RevokedReason, Session, SessionState, SessionWithUser, Spent, Whose,
};
use countersign_core::store::{Opened, Page, SingleUse, Standing, Swept};
use countersign_core::{SessionId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde_json::Value;

use super::columns::{Columns, Seconds};
use super::desk::Desk;
use super::journal::Journal;
use super::rows::Touched;
use super::{clients, revocations, users};

/// The columns of a session, in the order in which [`read`] takes them.
const COLUMNS: &str = "s.id, s.user_id, s.client_id, s.scope, s.audience, s.claims, \
     s.generation, s.current_hash, s.next_hash, s.previous, s.rotated_at, s.burst_from, s.burst_at, s.recoveries, \
     s.user_epoch, s.authenticated_at, s.opened_at, s.opened_address, s.opened_device, \
     s.refreshed_at, s.refreshed_address, s.refreshed_device, s.idle_expires_at, s.absolute_expires_at, \
     s.revoked_reason, s.revoked_at, s.revoked_address, s.revoked_device, s.revoked_presented";

pub(super) fn open(
    connection: &Connection,
    session: &Session,
    given: &[Standing],
    spending: Option<&SingleUse>,
) -> rusqlite::Result<Opened> {
    if !users::all_hold(connection, given)? {
        return Ok(Opened::Outdated);
    }
    let client = &session.grant.client;
    if !client.is_reserved() && clients::by_id(connection, client)?.is_none() {
        return Ok(Opened::NoSuchClient);
    }
    if !insert(connection, session)? {
        return Ok(Opened::UserChanged);
    }
    if !spending.map_or(Ok(true), |single| spend(connection, single))? {
        connection.execute("DELETE FROM sessions WHERE id = ?1", [session.id.as_bytes()])?;
        return Ok(Opened::AlreadySpent);
    }
    users::note_session(connection, &session.grant.user)?;
    Ok(Opened::Opened)
}

/// `false`: it was spent before.
fn spend(connection: &Connection, single: &SingleUse) -> rusqlite::Result<bool> {
    let spent = connection.execute(
        "INSERT INTO spent_tokens (digest, expires_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        params![single.digest, Seconds(single.expires_at)],
    )?;
    Ok(spent == 1)
}

/// `false`: the user may not have a session of that epoch.
fn insert(connection: &Connection, session: &Session) -> rusqlite::Result<bool> {
    let Session { grant, ratchet, opened, refreshed, .. } = session;
    let ended = match &session.state {
        SessionState::Active => None,
        SessionState::Revoked(revoked) => Some(revoked),
    };
    let columns = COLUMNS.replace("s.", "");
    let mut insert = connection.prepare_cached(&format!(
        "INSERT INTO sessions ({columns}, mode)
         SELECT :id, :user, :client, :scope, :audience, :claims,
             :generation, :current, :next, :previous, :rotated_at, :burst_from, :burst_at, :recoveries,
             :user_epoch, :authenticated_at, :opened_at, :opened_address, :opened_device,
             :refreshed_at, :refreshed_address, :refreshed_device, :idle, :absolute,
             :revoked_reason, :revoked_at, :revoked_address, :revoked_device, :revoked_presented, 'rotate'
         WHERE EXISTS (SELECT 1 FROM users WHERE id = :user AND disabled_at IS NULL AND epoch = :user_epoch)"
    ))?;
    let inserted = insert.execute(named_params! {
        ":id": session.id.as_bytes(),
        ":user": grant.user.as_str(),
        ":client": grant.client.as_str(),
        ":scope": grant.scope.as_str(),
        ":audience": grant.audience,
        ":claims": Value::Object(grant.claims.clone()).to_string(),
        ":generation": ratchet.generation,
        ":current": ratchet.current.as_bytes(),
        ":next": ratchet.next.as_bytes(),
        ":previous": ratchet.previous.map(|spent| spent.generation),
        ":rotated_at": ratchet.previous.map(|spent| Seconds(spent.at)),
        ":burst_from": ratchet.burst.map(|spent| spent.generation),
        ":burst_at": ratchet.burst.map(|spent| Seconds(spent.at)),
        ":recoveries": ratchet.recoveries,
        ":user_epoch": session.user_epoch,
        ":authenticated_at": Seconds(session.authenticated_at),
        ":opened_at": Seconds(opened.at),
        ":opened_address": address_text(opened),
        ":opened_device": opened.device,
        ":refreshed_at": Seconds(refreshed.at),
        ":refreshed_address": address_text(refreshed),
        ":refreshed_device": refreshed.device,
        ":idle": Seconds(session.idle_expires_at),
        ":absolute": Seconds(session.absolute_expires_at),
        ":revoked_at": ended.map(|revoked| Seconds(revoked.by.at)),
        ":revoked_reason": ended.map(|revoked| revoked.reason.as_str()),
        ":revoked_address": ended.and_then(|revoked| address_text(&revoked.by)),
        ":revoked_device": ended.map(|revoked| revoked.by.device.as_str()),
        ":revoked_presented": ended.and_then(|revoked| revoked.presented),
    })?;
    Ok(inserted == 1)
}

/// A session as its row has it, which the journal may be ahead of.
pub(super) fn stored(connection: &Connection, id: SessionId) -> rusqlite::Result<Option<SessionWithUser>> {
    let user = users::COLUMNS;
    connection
        .prepare_cached(&format!(
            "SELECT {COLUMNS}, {user} FROM sessions s LEFT JOIN users u ON u.id = s.user_id WHERE s.id = ?1"
        ))?
        .query_row([id.as_bytes()], read_with_user)
        .optional()
}

/// The ids of a piece of the sessions; which sessions there are, the journal has no part in.
pub(super) fn ids(
    connection: &Connection,
    of: &Whose,
    page: &Page<SessionId>,
) -> rusqlite::Result<Vec<SessionId>> {
    let (is_theirs, owner) = condition(of);
    let after = page.after.as_ref().map_or(&[][..], |id| id.as_bytes());
    connection
        .prepare_cached(&format!(
            "SELECT s.id FROM sessions s WHERE {is_theirs} AND s.id > :after ORDER BY s.id LIMIT :limit"
        ))?
        .query_map(named_params! { ":owner": owner, ":after": after, ":limit": page.limit }, |row| {
            row.get(0).map(SessionId::from_bytes)
        })?
        .collect()
}

pub(super) fn revoke(
    connection: &Connection,
    id: SessionId,
    of: &Whose,
    how: &Revoked,
) -> rusqlite::Result<bool> {
    let is_ended = end_where(connection, "id = :id", Some(id), (of, how))? == 1;
    if is_ended {
        revocations::note(connection, how.by.at, &RevokedSessions::One(id))?;
    }
    Ok(is_ended)
}

pub(super) fn revoke_all(
    connection: &Connection,
    of: &Whose,
    except: Option<SessionId>,
    how: &Revoked,
) -> rusqlite::Result<u64> {
    users::note_sign_out(connection, of, how.by.at)?;
    end_all(connection, of, except, how)
}

/// Ends sessions and moves epochs, and leaves it to the caller whether that is a sign-out.
pub(super) fn end_all(
    connection: &Connection,
    of: &Whose,
    except: Option<SessionId>,
    how: &Revoked,
) -> rusqlite::Result<u64> {
    let ended = end_where(connection, "id IS NOT :id", except, (of, how))?;
    match of {
        Whose::User(user) => move_epoch(connection, Some(user.as_str()), except)?,
        Whose::Everyone => move_epoch(connection, None, except)?,
        Whose::Client(_) => {}
    }
    if ended > 0 {
        let newest = newest(connection, of)?;
        let of = RevokedSessions::UpTo { whose: of.clone(), newest, except };
        revocations::note(connection, how.by.at, &of)?;
    }
    Ok(ended as u64)
}

/// The newest session among `of`, of which there are some.
fn newest(connection: &Connection, of: &Whose) -> rusqlite::Result<SessionId> {
    let (is_theirs, owner) = condition(of);
    connection
        .prepare_cached(&format!("SELECT max(id) FROM sessions WHERE {is_theirs}"))?
        .query_row(named_params! { ":owner": owner }, |row| row.get(0).map(SessionId::from_bytes))
}

/// Revokes those among `of` that `which` says, if they are not revoked yet.
fn end_where(
    connection: &Connection,
    which: &str,
    id: Option<SessionId>,
    (of, how): (&Whose, &Revoked),
) -> rusqlite::Result<usize> {
    let (is_theirs, owner) = condition(of);
    let mut update = connection.prepare_cached(&format!(
        "UPDATE sessions
         SET revoked_at = :at, revoked_reason = :reason, revoked_address = :address, revoked_device = :device,
             revoked_presented = :presented
         WHERE {which} AND revoked_at IS NULL AND {is_theirs}"
    ))?;
    update.execute(named_params! {
        ":id": id.as_ref().map(SessionId::as_bytes),
        ":owner": owner,
        ":at": Seconds(how.by.at),
        ":reason": how.reason.as_str(),
        ":address": address_text(&how.by),
        ":device": how.by.device,
        ":presented": how.presented,
    })
}

/// Moves the epoch of one user, or of everybody, and takes the session that stays along.
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
    let mut removed = 0;
    for id in ended(connection, &desk.journal, before, (page.after, last))? {
        desk.rows().forget(&Touched::Session(id));
        removed += connection.execute("DELETE FROM sessions WHERE id = ?1", [id.as_bytes()])? as u64;
    }
    connection.execute_batch("PRAGMA incremental_vacuum(256)")?;
    let is_last_piece: bool = connection.query_row(
        "SELECT NOT EXISTS (SELECT 1 FROM sessions WHERE id > ?1)",
        [last.as_bytes()],
        |row| row.get(0),
    )?;
    Ok(Swept { removed, next: Some(last).filter(|_| !is_last_piece) })
}

/// Which sessions of a piece ended before `before`. A row's idle expiry counts where the journal has none.
fn ended(
    connection: &Connection,
    journal: &Journal,
    before: Timestamp,
    (after, last): (Option<SessionId>, SessionId),
) -> rusqlite::Result<Vec<SessionId>> {
    let moves = journal.between(after, last);
    let mut select = connection.prepare_cached(
        "SELECT id, absolute_expires_at, iif(revoked_at IS NULL, idle_expires_at, absolute_expires_at), revoked_at
         FROM sessions WHERE id > ?1 AND id <= ?2",
    )?;
    let after = after.as_ref().map_or(&[][..], |id| id.as_bytes());
    let rows = select.query_map(params![after, last.as_bytes()], |row| {
        let id = row.get(0).map(SessionId::from_bytes)?;
        let (Seconds(absolute), Seconds(stored)) = (row.get(1)?, row.get(2)?);
        let is_active = row.get::<_, Option<Seconds>>(3)?.is_none();
        let moved = moves.get(&id).filter(|_| is_active).map(|moved| moved.idle_expires_at);
        // Another process may have folded a later move than is known here.
        Ok((id, moved.map_or(stored, |moved| moved.max(stored)).min(absolute) < before))
    })?;
    let mut ended = Vec::new();
    for row in rows {
        let (id, is_over) = row?;
        ended.extend(is_over.then_some(id));
    }
    Ok(ended)
}

/// The condition that a session is among `of`, and whose `:owner` it names. Each has an index of its own.
fn condition(of: &Whose) -> (&'static str, &str) {
    match of {
        Whose::Everyone => (":owner = ''", ""),
        Whose::User(user) => ("user_id = :owner", user.as_str()),
        Whose::Client(client) => ("client_id = :owner", client.as_str()),
    }
}

pub(super) fn address_text(presence: &Presence) -> Option<String> {
    presence.address.map(|address| address.to_string())
}

fn read_with_user(row: &Row<'_>) -> rusqlite::Result<SessionWithUser> {
    let mut columns = Columns::of(row);
    let session = read(&mut columns)?;
    Ok(SessionWithUser { session, user: users::read_optional(&mut columns)? })
}

/// Reads [`COLUMNS`]. The fields of a literal are evaluated in the order in which they are written.
fn read(columns: &mut Columns<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: columns.take().map(SessionId::from_bytes)?,
        grant: read_grant(columns)?,
        ratchet: read_ratchet(columns)?,
        user_epoch: columns.take()?,
        authenticated_at: read_time(columns)?,
        opened: read_presence(columns)?,
        refreshed: read_presence(columns)?,
        idle_expires_at: read_time(columns)?,
        absolute_expires_at: read_time(columns)?,
        state: read_state(columns)?,
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

pub(super) fn read_ratchet(columns: &mut Columns<'_>) -> rusqlite::Result<Ratchet> {
    Ok(Ratchet {
        generation: columns.take()?,
        current: columns.take().map(SecretHash::from_bytes)?,
        next: columns.take().map(SecretHash::from_bytes)?,
        previous: read_spent(columns)?,
        burst: read_spent(columns)?,
        recoveries: columns.take()?,
    })
}

fn read_spent(columns: &mut Columns<'_>) -> rusqlite::Result<Option<Spent>> {
    let generation = columns.take::<Option<u32>>()?;
    let at = columns.take::<Option<Seconds>>()?;
    Ok(generation.zip(at).map(|(generation, Seconds(at))| Spent { generation, at }))
}

pub(super) fn read_time(columns: &mut Columns<'_>) -> rusqlite::Result<Timestamp> {
    columns.take().map(|Seconds(time)| time)
}

pub(super) fn read_presence(columns: &mut Columns<'_>) -> rusqlite::Result<Presence> {
    Ok(Presence {
        at: read_time(columns)?,
        address: columns.parse_optional(|text: String| text.parse().ok())?,
        device: columns.take()?,
    })
}

fn read_state(columns: &mut Columns<'_>) -> rusqlite::Result<SessionState> {
    let reason = columns.parse_optional(|name: String| RevokedReason::from_name(&name))?;
    let at = columns.take::<Option<Seconds>>()?;
    let address = columns.parse_optional(|text: String| text.parse().ok())?;
    let device = columns.take::<Option<String>>()?;
    let presented = columns.take()?;
    let Some((reason, Seconds(at))) = reason.zip(at) else { return Ok(SessionState::Active) };
    let by = Presence { at, address, device: device.unwrap_or_default() };
    Ok(SessionState::Revoked(Revoked { reason, by, presented }))
}
