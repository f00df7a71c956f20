//! Users, in the order of the port.

use countersign_core::password::{PasswordHash, Work};
use countersign_core::session::Whose;
use countersign_core::store::{Added, Changed, History, ImportMode, Page, Standing, UserChange};
use countersign_core::user::email::{Email, Verification};
use countersign_core::user::{Password, PasswordKind, Role, User, UserClaims, Username};
use countersign_core::{ClientId, Timestamp, UserId};
use rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::columns::{Columns, Seconds};
use super::{clients, sessions};

/// The columns of a user, in the order in which [`read`] takes them.
pub(super) const COLUMNS: &str = "u.id, u.username, u.username_key, u.email, u.verified_email IS NOT NULL, u.password_hash, \
     u.password_kind, u.claims, u.role, u.disabled_at, u.epoch, u.created_at, \
     u.sessions_ended_at";

pub(super) fn add(connection: &Connection, given: &[Standing], user: &User) -> rusqlite::Result<Added> {
    if !all_hold(connection, given)? {
        return Ok(Added::Outdated);
    }
    let is_client = clients::by_id(connection, &ClientId::from(&user.id))?.is_some();
    let is_name = by_name_key(connection, &Username::key_like(&user.id))?.is_some();
    if is_client || is_name || by_id(connection, &user.id)?.is_some() {
        return Ok(Added::IdTaken);
    }
    let is_id = "SELECT EXISTS(SELECT 1 FROM users WHERE id IN (?1, ?2))";
    let spellings = params![user.username.as_str(), user.username.key()];
    if connection.prepare_cached(is_id)?.query_row(spellings, |row| row.get(0))? {
        return Ok(Added::NameTaken);
    }
    let written = write(
        connection,
        "INSERT INTO users (id, username, username_key, email, verified_email, password_hash, password_kind,
                            claims, role, disabled_at, epoch, created_at, sessions_ended_at)
         VALUES (:id, :username, :key, :email, :verified_email, :hash, :kind, :claims, :role, :disabled_at, :epoch,
                 :created_at, :sessions_ended_at)
         ON CONFLICT (username_key) DO NOTHING",
        user,
    )?;
    Ok(match written {
        Written::Rows(1) => Added::Added,
        Written::Rows(_) => Added::NameTaken,
        Written::EmailTaken => Added::EmailTaken,
    })
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

/// What became of a statement that writes a user's whole row.
enum Written {
    Rows(usize),
    /// Refused by the unique index on verified addresses, and undone.
    EmailTaken,
}

fn write(connection: &Connection, sql: &str, user: &User) -> rusqlite::Result<Written> {
    let written = connection.prepare_cached(sql)?.execute(named_params! {
        ":id": user.id.as_str(),
        ":username": user.username.as_str(),
        ":key": user.username.key(),
        ":email": user.email.as_ref().map(Email::address),
        ":verified_email": user.email.as_ref().and_then(Email::verified_key),
        ":hash": user.password.as_ref().map(|password| password.hash.as_str()),
        ":kind": user.password.as_ref().map(|password| kind_name(password.kind)),
        ":claims": claims_text(&user.claims),
        ":role": user.role.as_str(),
        ":disabled_at": user.disabled_at.map(Seconds),
        ":epoch": user.epoch,
        ":created_at": Seconds(user.created_at),
        ":sessions_ended_at": user.sessions_ended_at.map(Seconds),
    });
    match written {
        Ok(rows) => Ok(Written::Rows(rows)),
        Err(rusqlite::Error::SqliteFailure(error, _)) if error.extended_code == SQLITE_CONSTRAINT_UNIQUE => {
            Ok(Written::EmailTaken)
        }
        Err(error) => Err(error),
    }
}

/// Whether everything holds that a write rests on, inside the transaction that makes it.
pub(super) fn all_hold(connection: &Connection, given: &[Standing]) -> rusqlite::Result<bool> {
    for standing in given {
        let user = by_id(connection, &standing.user)?;
        let session = match standing.session {
            Some(id) => sessions::stored(connection, id)?.map(|row| row.session),
            None => None,
        };
        if !standing.holds(user.as_ref(), session.as_ref()) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn by_id(connection: &Connection, id: &UserId) -> rusqlite::Result<Option<User>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM users u WHERE u.id = ?1"))?
        .query_row([id.as_str()], |row| read(&mut Columns::of(row)))
        .optional()
}

pub(super) fn by_name_key(connection: &Connection, key: &str) -> rusqlite::Result<Option<User>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM users u WHERE u.username_key = ?1"))?
        .query_row([key], |row| read(&mut Columns::of(row)))
        .optional()
}

pub(super) fn page(connection: &Connection, page: &Page<UserId>) -> rusqlite::Result<Vec<User>> {
    let after = page.after.as_ref().map_or("", UserId::as_str);
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM users u WHERE u.id > ?1 ORDER BY u.id LIMIT ?2"))?
        .query_map(params![after, page.limit], |row: &Row<'_>| read(&mut Columns::of(row)))?
        .collect()
}

pub(super) fn change(
    connection: &Connection,
    id: &UserId,
    given: &[Standing],
    changes: &[UserChange],
) -> rusqlite::Result<Changed> {
    if !all_hold(connection, given)? {
        return Ok(Changed::Outdated);
    }
    let Some(mut user) = by_id(connection, id)? else { return Ok(Changed::NoSuchUser) };
    let history = history(connection, id)?;
    changes.iter().for_each(|change| change.apply(&mut user, history));
    let written = write(
        connection,
        "UPDATE users SET username = :username, username_key = :key, email = :email, verified_email = :verified_email,
                          password_hash = :hash, password_kind = :kind, claims = :claims, role = :role,
                          disabled_at = :disabled_at, epoch = :epoch, created_at = :created_at,
                          sessions_ended_at = :sessions_ended_at
         WHERE id = :id",
        &user,
    )?;
    if matches!(written, Written::EmailTaken) {
        return Ok(Changed::EmailTaken);
    }
    for (how, keep) in changes.iter().filter_map(UserChange::ends_sessions) {
        sessions::end_all(connection, &Whose::User(id.clone()), keep, how)?;
    }
    let user = by_id(connection, id)?.unwrap_or(user);
    if changes.iter().any(|change| matches!(change, UserChange::Delete(_))) {
        connection.execute("DELETE FROM users WHERE id = ?1", [id.as_str()])?;
    }
    Ok(Changed::Done(Box::new(user)))
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

/// Whether a user has ever had a session.
fn history(connection: &Connection, user: &UserId) -> rusqlite::Result<History> {
    let has_had_session: bool = connection
        .prepare_cached("SELECT has_had_session FROM users WHERE id = ?1")?
        .query_row([user.as_str()], |row| row.get(0))?;
    Ok(if has_had_session { History::Sessions } else { History::NoSession })
}

/// Notes that a user has a session.
pub(super) fn note_session(connection: &Connection, user: &UserId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE users SET has_had_session = 1 WHERE id = ?1 AND has_had_session = 0")?
        .execute([user.as_str()])
        .map(drop)
}

/// Notes that users were signed out everywhere: one, or all of them.
pub(super) fn note_sign_out(connection: &Connection, of: &Whose, at: Timestamp) -> rusqlite::Result<()> {
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

/// Reads an index that has the hashes of other systems alone.
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

/// Reads [`COLUMNS`].
pub(super) fn read(columns: &mut Columns<'_>) -> rusqlite::Result<User> {
    let id = columns.parse(|text: String| text.parse().ok())?;
    read_rest(id, columns)
}

/// Reads [`COLUMNS`] of a join that may have found nobody.
pub(super) fn read_optional(columns: &mut Columns<'_>) -> rusqlite::Result<Option<User>> {
    let id = columns.parse_optional(|text: String| text.parse().ok())?;
    id.map(|id| read_rest(id, columns)).transpose()
}

fn read_rest(id: UserId, columns: &mut Columns<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id,
        username: Username::from_stored(columns.take()?, columns.take()?),
        email: {
            let address = columns.take::<Option<String>>()?;
            let verification = Verification::from(columns.take::<bool>()?);
            address.map(|address| Email::from_stored(address, verification))
        },
        password: {
            let hash = columns.take::<Option<String>>()?.map(PasswordHash::from_stored);
            let kind = columns.parse_optional(|name: String| kind_from_name(&name))?;
            hash.zip(kind).map(|(hash, kind)| Password { hash, kind })
        },
        claims: columns
            .parse(|text: String| serde_json::from_str(&text).ok().map(UserClaims::from_stored))?,
        role: columns.parse(|name: String| Role::from_name(&name))?,
        disabled_at: columns.parse_optional(|Seconds(time)| Some::<Timestamp>(time))?,
        epoch: columns.take()?,
        created_at: columns.parse(|Seconds(time)| Some(time))?,
        sessions_ended_at: columns.parse_optional(|Seconds(time)| Some::<Timestamp>(time))?,
    })
}

fn claims_text(claims: &UserClaims) -> String {
    serde_json::Value::Object(claims.as_map().clone()).to_string()
}

const fn kind_name(kind: PasswordKind) -> &'static str {
    match kind {
        PasswordKind::Lasting => "lasting",
        PasswordKind::Temporary => "temporary",
    }
}

fn kind_from_name(name: &str) -> Option<PasswordKind> {
    [PasswordKind::Lasting, PasswordKind::Temporary].into_iter().find(|kind| kind_name(*kind) == name)
}
