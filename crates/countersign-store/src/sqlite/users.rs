//! Users, in the order of the port.

use countersign_core::password::PasswordHash;
use countersign_core::store::{Added, Page, UserChange, Whose};
use countersign_core::user::{Password, PasswordKind, Role, User, UserClaims, Username};
use countersign_core::{ClientId, Timestamp, UserId};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::columns::{Columns, Seconds};
use super::{clients, sessions};

/// The columns of a user, in the order in which [`read`] takes them.
pub(super) const COLUMNS: &str = "u.id, u.username, u.username_key, u.email, u.password_hash, u.password_kind, u.claims, \
     u.role, u.disabled_at, u.epoch, u.created_at";

pub(super) fn add(connection: &Connection, user: &User) -> rusqlite::Result<Added> {
    let is_client = clients::by_id(connection, &ClientId::from(&user.id))?.is_some();
    if is_client || by_id(connection, &user.id)?.is_some() {
        return Ok(Added::IdTaken);
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO users (id, username, username_key, email, password_hash, password_kind, claims, role,
                            disabled_at, epoch, created_at)
         VALUES (:id, :username, :key, :email, :hash, :kind, :claims, :role, :disabled_at, :epoch, :created_at)
         ON CONFLICT (username_key) DO NOTHING",
    )?;
    let inserted = insert.execute(named_params! {
        ":id": user.id.as_str(),
        ":username": user.username.as_str(),
        ":key": user.username.key(),
        ":email": user.email,
        ":hash": user.password.as_ref().map(|password| password.hash.as_str()),
        ":kind": user.password.as_ref().map(|password| kind_name(password.kind)),
        ":claims": claims_text(&user.claims),
        ":role": user.role.as_str(),
        ":disabled_at": user.disabled_at.map(Seconds),
        ":epoch": user.epoch,
        ":created_at": Seconds(user.created_at),
    })?;
    Ok(if inserted == 0 { Added::NameTaken } else { Added::Added })
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

pub(super) fn change(connection: &Connection, id: &UserId, changes: &[UserChange]) -> rusqlite::Result<bool> {
    for change in changes {
        if !change_one(connection, id, change)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn change_one(connection: &Connection, id: &UserId, change: &UserChange) -> rusqlite::Result<bool> {
    let id_text = id.as_str();
    let changed = match change {
        UserChange::SetPassword { password, .. } => connection.execute(
            "UPDATE users SET password_hash = ?2, password_kind = ?3 WHERE id = ?1",
            params![id_text, password.hash.as_str(), kind_name(password.kind)],
        )?,
        UserChange::Disable(how) => connection.execute(
            "UPDATE users SET disabled_at = ?2 WHERE id = ?1",
            params![id_text, Seconds(how.by.at)],
        )?,
        UserChange::Enable => {
            connection.execute("UPDATE users SET disabled_at = NULL WHERE id = ?1", [id_text])?
        }
        UserChange::SetClaims(claims) => connection
            .execute("UPDATE users SET claims = ?2 WHERE id = ?1", params![id_text, claims_text(claims)])?,
        UserChange::SetEmail(email) => {
            connection.execute("UPDATE users SET email = ?2 WHERE id = ?1", params![id_text, email])?
        }
        UserChange::SetRole(role) => {
            connection.execute("UPDATE users SET role = ?2 WHERE id = ?1", [id_text, role.as_str()])?
        }
        UserChange::Delete(_) => connection.execute("DELETE FROM users WHERE id = ?1", [id_text])?,
    };
    if changed == 0 {
        return Ok(false);
    }
    if let Some((how, keep)) = change.ends_sessions() {
        sessions::revoke_all(connection, &Whose::User(id.clone()), keep, how)?;
    }
    Ok(true)
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
        email: columns.take()?,
        password: {
            let hash = columns.take::<Option<String>>()?.map(PasswordHash::from_phc);
            let kind = columns.parse_optional(|name: String| kind_from_name(&name))?;
            hash.zip(kind).map(|(hash, kind)| Password { hash, kind })
        },
        claims: columns.parse(|text: String| UserClaims::check(serde_json::from_str(&text).ok()?).ok())?,
        role: columns.parse(|name: String| Role::from_name(&name))?,
        disabled_at: columns.parse_optional(|Seconds(time)| Some::<Timestamp>(time))?,
        epoch: columns.take()?,
        created_at: columns.parse(|Seconds(time)| Some(time))?,
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
