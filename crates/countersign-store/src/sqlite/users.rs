//! Users, in the order of the port.

use countersign_core::UserId;
use countersign_core::password::{PasswordHash, Work};
use countersign_core::session::Whose;
use countersign_core::store::{Added, Changed, History, ImportMode, Page, Standing, UserChange};
use countersign_core::user::User;
use rusqlite::ffi::{SQLITE_CONSTRAINT_TRIGGER, SQLITE_CONSTRAINT_UNIQUE};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{Columns, Parameters, user};
use super::{ending, lookup};

pub(super) fn add(connection: &Connection, given: &[Standing], user: &User) -> rusqlite::Result<Added> {
    if !lookup::all_hold(connection, given)? {
        return Ok(Added::Outdated);
    }
    let (names, places) = (user::NAMES.list(), user::NAMES.parameters());
    let mut insert = connection.prepare_cached(&format!(
        "INSERT INTO users ({names}) VALUES ({places}) ON CONFLICT (username_key) DO NOTHING"
    ))?;
    let mut parameters = Parameters::of(&mut insert);
    user::bind(user, &mut parameters)?;
    match parameters.execute() {
        Ok(1) => Ok(Added::Added),
        Ok(_) => Ok(Added::NameTaken),
        Err(error) if is_of_trigger(&error, "users.id is taken") => Ok(Added::IdTaken),
        Err(error) if is_of_trigger(&error, "users.username is taken") => Ok(Added::NameTaken),
        Err(error) if is_email_taken(&error) => Ok(Added::EmailTaken),
        Err(error) => Err(error),
    }
}

/// Whether a trigger of the schema raised this error.
fn is_of_trigger(error: &rusqlite::Error, wanted: &str) -> bool {
    let rusqlite::Error::SqliteFailure(code, Some(message)) = error else { return false };
    code.extended_code == SQLITE_CONSTRAINT_TRIGGER && message == wanted
}

/// Whether the index on verified addresses refused the row.
fn is_email_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_CONSTRAINT_UNIQUE)
}

pub(super) fn import(
    connection: &Connection,
    users: &[User],
    mode: ImportMode,
) -> rusqlite::Result<Vec<Added>> {
    connection.execute_batch("SAVEPOINT import")?;
    let added = users.iter().map(|user| add(connection, &[], user)).collect::<rusqlite::Result<Vec<_>>>();
    let keeps = added.as_ref().is_ok_and(|added| mode.keeps(added));
    connection.execute_batch(if keeps { "RELEASE import" } else { "ROLLBACK TO import; RELEASE import" })?;
    added
}

pub(super) fn by_name_key(connection: &Connection, key: &str) -> rusqlite::Result<Option<User>> {
    let names = user::NAMES.list();
    connection
        .prepare_cached(&format!("SELECT {names} FROM users WHERE username_key = ?1"))?
        .query_row([key], |row| user::read(&mut Columns::of(row)))
        .optional()
}

pub(super) fn page(connection: &Connection, page: &Page<UserId>) -> rusqlite::Result<Vec<User>> {
    let after = page.after.as_ref().map_or("", UserId::as_str);
    let names = user::NAMES.list();
    connection
        .prepare_cached(&format!("SELECT {names} FROM users WHERE id > ?1 ORDER BY id LIMIT ?2"))?
        .query_map(params![after, page.limit], |row: &Row<'_>| user::read(&mut Columns::of(row)))?
        .collect()
}

pub(super) fn change(
    connection: &Connection,
    id: &UserId,
    given: &[Standing],
    changes: &[UserChange],
) -> rusqlite::Result<Changed> {
    if !lookup::all_hold(connection, given)? {
        return Ok(Changed::Outdated);
    }
    let Some(mut user) = lookup::user(connection, id)? else { return Ok(Changed::NoSuchUser) };
    if is_prevented(connection, id, changes)? {
        return Ok(Changed::ClaimsTooLarge);
    }
    let history = history(connection, id)?;
    changes.iter().for_each(|change| change.apply(&mut user, history));
    match write(connection, &user) {
        Err(error) if is_email_taken(&error) => return Ok(Changed::EmailTaken),
        written => written?,
    }
    for (how, keep) in changes.iter().filter_map(UserChange::ends_sessions) {
        ending::end_all(connection, &Whose::User(id.clone()), keep, how)?;
    }
    let user = lookup::user(connection, id)?.unwrap_or(user);
    if changes.iter().any(|change| matches!(change, UserChange::Delete(_))) {
        connection.execute("DELETE FROM users WHERE id = ?1", [id.as_str()])?;
    }
    Ok(Changed::Done(Box::new(user)))
}

/// Whether the claims of an active session prevent one of the changes.
fn is_prevented(connection: &Connection, id: &UserId, changes: &[UserChange]) -> rusqlite::Result<bool> {
    if !changes.iter().any(|change| matches!(change, UserChange::SetClaims(_))) {
        return Ok(false);
    }
    let mut sessions = connection.prepare_cached(
        "SELECT claims FROM sessions WHERE user_id = ?1 AND revoked_at IS NULL AND claims <> '{}'",
    )?;
    let mut rows = sessions.query([id.as_str()])?;
    while let Some(row) = rows.next()? {
        let claims = Columns::of(row).parse(|json: String| serde_json::from_str(&json).ok())?;
        if changes.iter().any(|change| change.is_prevented_by(&claims)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn write(connection: &Connection, user: &User) -> rusqlite::Result<()> {
    let assignments = user::CHANGEABLE_NAMES.assignments();
    let mut update = connection.prepare_cached(&format!("UPDATE users SET {assignments} WHERE id = ?"))?;
    let mut parameters = Parameters::of(&mut update);
    user::bind_changeable(user, &mut parameters)?;
    parameters.bind(user.id.as_str())?;
    parameters.execute().map(drop)
}

pub(super) fn rehash(
    connection: &Connection,
    id: &UserId,
    old: &PasswordHash,
    new: &PasswordHash,
) -> rusqlite::Result<bool> {
    let changed = connection.execute(
        "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2",
        [id.as_str(), old.as_str(), new.as_str()],
    )?;
    Ok(changed == 1)
}

fn history(connection: &Connection, user: &UserId) -> rusqlite::Result<History> {
    let has_had_session: bool = connection
        .prepare_cached("SELECT has_had_session FROM users WHERE id = ?1")?
        .query_row([user.as_str()], |row| row.get(0))?;
    Ok(if has_had_session { History::Sessions } else { History::NoSession })
}

/// Reads the partial index on hashes that other systems made.
pub(super) fn imported_work(connection: &Connection) -> rusqlite::Result<Work> {
    let mut hashes =
        connection.prepare("SELECT password_hash FROM users WHERE password_hash NOT GLOB '$argon2*'")?;
    let mut rows = hashes.query([])?;
    let mut greatest = Work::default();
    while let Some(row) = rows.next()? {
        greatest = greatest.max(PasswordHash::from_stored(row.get(0)?).work());
    }
    Ok(greatest)
}
