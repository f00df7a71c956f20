//! A user.

use countersign_core::UserId;
use countersign_core::password::PasswordHash;
use countersign_core::user::email::{Email, Verification};
use countersign_core::user::{Password, PasswordKind, Role, User, UserClaims, Username};
use serde_json::Value;

use super::{Columns, Names, Parameters, Seconds};

pub(crate) const NAMES: Names = Names(&[ID, CHANGEABLE]);

/// Every column but the id.
pub(crate) const CHANGEABLE_NAMES: Names = Names(&[CHANGEABLE]);

const ID: &[&str] = &["id"];

const CHANGEABLE: &[&str] = &[
    "username",
    "username_key",
    "email",
    "verified_email",
    "password_hash",
    "password_kind",
    "claims",
    "role",
    "disabled_at",
    "epoch",
    "created_at",
    "sessions_ended_at",
];

/// Reads [`NAMES`].
pub(crate) fn read(columns: &mut Columns<'_>) -> rusqlite::Result<User> {
    let id = columns.parse(|text: String| text.parse().ok())?;
    read_changeable(id, columns)
}

/// Reads [`NAMES`] of an outer join. `None`: the join found no user.
pub(crate) fn read_optional(columns: &mut Columns<'_>) -> rusqlite::Result<Option<User>> {
    let id = columns.parse_optional(|text: String| text.parse().ok())?;
    id.map(|id| read_changeable(id, columns)).transpose()
}

fn read_changeable(id: UserId, columns: &mut Columns<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id,
        username: Username::from_stored(columns.take()?, columns.take()?),
        email: {
            let address = columns.take::<Option<String>>()?;
            let verified = columns.take::<Option<String>>()?;
            address.map(|address| Email::from_stored(address, Verification::from(verified.is_some())))
        },
        password: {
            let hash = columns.take::<Option<String>>()?.map(PasswordHash::from_stored);
            let kind = columns.parse_optional(|name: String| PasswordKind::from_name(&name))?;
            hash.zip(kind).map(|(hash, kind)| Password { hash, kind })
        },
        claims: columns
            .parse(|text: String| serde_json::from_str(&text).ok().map(UserClaims::from_stored))?,
        role: columns.parse(|name: String| Role::from_name(&name))?,
        disabled_at: columns.take_optional_time()?,
        epoch: columns.take()?,
        created_at: columns.take_time()?,
        sessions_ended_at: columns.take_optional_time()?,
    })
}

/// Binds [`NAMES`].
pub(crate) fn bind(user: &User, parameters: &mut Parameters<'_, '_>) -> rusqlite::Result<()> {
    parameters.bind(user.id.as_str())?;
    bind_changeable(user, parameters)
}

/// Binds [`CHANGEABLE_NAMES`].
pub(crate) fn bind_changeable(user: &User, parameters: &mut Parameters<'_, '_>) -> rusqlite::Result<()> {
    let password = user.password.as_ref();
    parameters.bind(user.username.as_str())?;
    parameters.bind(user.username.key())?;
    parameters.bind(user.email.as_ref().map(Email::address))?;
    parameters.bind(user.email.as_ref().and_then(Email::verified_key))?;
    parameters.bind(password.map(|password| password.hash.as_str()))?;
    parameters.bind(password.map(|password| password.kind.as_str()))?;
    parameters.bind(Value::Object(user.claims.as_map().clone()).to_string())?;
    parameters.bind(user.role.as_str())?;
    parameters.bind(user.disabled_at.map(Seconds))?;
    parameters.bind(user.epoch)?;
    parameters.bind(Seconds(user.created_at))?;
    parameters.bind(user.sessions_ended_at.map(Seconds))
}
