//! Validates the fields of a record. Every error names the field and the accepted values.

use countersign_core::user::{Role, User, UserError};
use countersign_core::{Timestamp, UserId};
use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use crate::flows::accounts::{self, AccountError, Directory, FirstPassword, NewAccount};

/// The fields that a record may have.
const FIELDS: [&str; 9] = [
    "username",
    "id",
    "email",
    "email_verified",
    "disabled",
    "created_at",
    "role",
    "claims",
    "password_hash",
];

/// A `created_at` from this number on is in milliseconds, as in JavaScript. As seconds, it would be in the
/// year 5138.
const FIRST_MILLISECONDS: u64 = 100_000_000_000;

/// Creates the user that a record describes, without a write to the store.
pub(super) async fn user(directory: &Directory<'_>, fields: &Map<String, Value>) -> Result<User, String> {
    check_names(fields)?;
    let email = text(fields, "email")?;
    let username = text(fields, "username")?.or_else(|| email.clone());
    let username =
        username.ok_or_else(|| wrong("username", "missing, and there is no `email` to use instead"))?;
    let is_verified = boolean(fields, "email_verified")?;
    let is_disabled = boolean(fields, "disabled")?;
    let account = NewAccount {
        id: id(fields)?,
        username,
        email: email.map(|email| (email, is_verified.into())),
        claims: claims(fields)?,
        role: role(fields)?,
        disabled_at: is_disabled.then(|| directory.world.now()),
        created_at: created_at(fields)?,
    };
    let password = match text(fields, "password_hash")? {
        None => FirstPassword::None,
        Some(hash) => {
            let hash = directory
                .hashing
                .import(&hash)
                .map_err(|error| wrong("password_hash", &error.to_string()))?;
            FirstPassword::Hashed(hash)
        }
    };
    let drafted = accounts::draft(directory, account, password).await;
    drafted.map(|drafted| drafted.user).map_err(|error| wrong(field_of(&error), &error.to_string()))
}

fn check_names(fields: &Map<String, Value>) -> Result<(), String> {
    let Some(unknown) = fields.keys().find(|name| !FIELDS.contains(&name.as_str())) else { return Ok(()) };
    let nearest = FIELDS
        .iter()
        .max_by(|a, b| strsim::jaro_winkler(a, unknown).total_cmp(&strsim::jaro_winkler(b, unknown)));
    let nearest = nearest.copied().unwrap_or_default();
    Err(format!("unknown field `{unknown}`; did you mean `{nearest}`? The fields are {}", FIELDS.join(", ")))
}

/// A field that is not null.
fn present<'f>(fields: &'f Map<String, Value>, name: &str) -> Option<&'f Value> {
    fields.get(name).filter(|value| !value.is_null())
}

fn text(fields: &Map<String, Value>, name: &str) -> Result<Option<String>, String> {
    match present(fields, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(wrong(name, "must be a string")),
    }
}

fn boolean(fields: &Map<String, Value>, name: &str) -> Result<bool, String> {
    match present(fields, name) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        // CSV has only strings. These are the booleans of JSON, SQLite and PostgreSQL.
        Some(Value::String(text)) if ["true", "t", "1"].contains(&text.as_str()) => Ok(true),
        Some(Value::String(text)) if ["false", "f", "0"].contains(&text.as_str()) => Ok(false),
        Some(_) => Err(wrong(name, "must be true or false")),
    }
}

fn id(fields: &Map<String, Value>) -> Result<Option<UserId>, String> {
    let text = match present(fields, "id") {
        None => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if number.is_u64() || number.is_i64() => number.to_string(),
        Some(_) => return Err(wrong("id", "must be a string or an integer")),
    };
    text.parse::<UserId>().map(Some).map_err(|error| wrong("id", &error.to_string()))
}

fn claims(fields: &Map<String, Value>) -> Result<Option<Value>, String> {
    match present(fields, "claims") {
        Some(Value::String(text)) => {
            let claims = countersign_token::json::parse_exact(text.as_bytes());
            claims.map(Some).map_err(|_| wrong("claims", "must be a JSON object"))
        }
        claims => Ok(claims.cloned()),
    }
}

fn role(fields: &Map<String, Value>) -> Result<Option<Role>, String> {
    let role = text(fields, "role")?;
    role.map(|name| Role::from_name(&name).ok_or_else(|| wrong("role", "must be `user` or `admin`")))
        .transpose()
}

fn created_at(fields: &Map<String, Value>) -> Result<Option<Timestamp>, String> {
    let text = match present(fields, "created_at") {
        None => return Ok(None),
        Some(Value::String(text)) => text.clone(),
        Some(number) => number.to_string(),
    };
    let seconds = match text.parse::<u64>() {
        Ok(number) if number < FIRST_MILLISECONDS => Some(number),
        Ok(number) => Some(number / 1000),
        Err(_) => moment(&text).and_then(|moment| u64::try_from(moment.as_second()).ok()),
    };
    let accepted =
        "must be a time such as `2024-01-31T10:00:00Z`, or a number of seconds or milliseconds since 1970";
    seconds.map(|seconds| Some(Timestamp::from_seconds(seconds))).ok_or_else(|| wrong("created_at", accepted))
}

/// Parses a time with an offset, or a time without an offset, as databases write it, which is in UTC.
fn moment(text: &str) -> Option<jiff::Timestamp> {
    let in_utc = || text.parse::<jiff::civil::DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse().ok().or_else(|| in_utc().map(|time| time.timestamp()))
}

/// The field that caused an error.
const fn field_of(error: &AccountError) -> &'static str {
    match error {
        AccountError::Malformed(UserError::Email) | AccountError::EmailTaken => "email",
        AccountError::Malformed(
            UserError::ClaimsShape
            | UserError::RegisteredClaim(_)
            | UserError::ClaimsSize
            | UserError::JointClaimsSize,
        ) => "claims",
        AccountError::Malformed(_) | AccountError::NameTaken => "username",
        AccountError::IdTaken => "id",
        _ => "password_hash",
    }
}

fn wrong(field: &str, why: &str) -> String {
    format!("`{field}`: {why}")
}
