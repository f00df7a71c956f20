//! A client.

use std::time::Duration;

use countersign_core::client::{
    Client, ClientAuthentication, ClientSecretHash, ClientSettings, GrantType, SecretMethod,
};
use countersign_core::refresh::LateRetry;
use countersign_token::{Scope, TokenType};
use rusqlite::Row;
use serde_json::Value;

use super::{Columns, Names, Parameters, Seconds};

pub(crate) const NAMES: Names = Names(&[&["id", "created_at"], AUTHENTICATION, SETTINGS]);

/// The columns that say how the client authenticates.
pub(crate) const AUTHENTICATION_NAMES: Names = Names(&[AUTHENTICATION]);

pub(crate) const SETTINGS_NAMES: Names = Names(&[SETTINGS]);

const AUTHENTICATION: &[&str] = &["authentication", "secret_hash"];

const SETTINGS: &[&str] = &[
    "name",
    "redirect_uris",
    "grants",
    "scope",
    "audiences",
    "access_token_lifetime",
    "access_token_type",
    "idle_lifetime",
    "absolute_lifetime",
    "grace",
    "late_retry",
];

/// Reads [`NAMES`].
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Client> {
    let mut columns = Columns::of(row);
    Ok(Client {
        id: columns.parse(|text: String| text.parse().ok())?,
        created_at: columns.take_time()?,
        authentication: {
            let method = columns.take::<String>()?;
            columns.parse(|hash: Option<[u8; 32]>| read_authentication(&method, hash))?
        },
        settings: ClientSettings {
            name: columns.take()?,
            redirect_uris: columns.parse(read_texts)?,
            grants: columns.parse(|names: String| names.split(' ').map(GrantType::from_name).collect())?,
            scope: columns.parse_optional(|scope: String| scope.parse().ok())?,
            audiences: columns.parse(read_texts)?,
            access_token_lifetime: read_duration(&mut columns)?,
            access_token_type: columns.parse_optional(|name: String| TokenType::from_name(&name))?,
            idle_lifetime: read_duration(&mut columns)?,
            absolute_lifetime: read_duration(&mut columns)?,
            grace: read_duration(&mut columns)?,
            late_retry: columns.parse_optional(|name: String| LateRetry::from_name(&name))?,
        },
    })
}

fn read_texts(json: String) -> Option<Vec<String>> {
    serde_json::from_str(&json).ok()
}

fn read_duration(columns: &mut Columns<'_>) -> rusqlite::Result<Option<Duration>> {
    columns.parse_optional(|seconds: i64| u64::try_from(seconds).ok().map(Duration::from_secs))
}

fn read_authentication(method: &str, hash: Option<[u8; 32]>) -> Option<ClientAuthentication> {
    match (SecretMethod::from_name(method), hash.map(ClientSecretHash::from_bytes)) {
        (Some(method), Some(hash)) => Some(ClientAuthentication::Secret(method, hash)),
        (None, None) if method == ClientAuthentication::None.as_str() => Some(ClientAuthentication::None),
        _ => None,
    }
}

/// Binds [`NAMES`].
pub(crate) fn bind(client: &Client, parameters: &mut Parameters<'_, '_>) -> rusqlite::Result<()> {
    parameters.bind(client.id.as_str())?;
    parameters.bind(Seconds(client.created_at))?;
    bind_authentication(&client.authentication, parameters)?;
    bind_settings(&client.settings, parameters)
}

/// Binds [`SETTINGS_NAMES`].
pub(crate) fn bind_settings(
    settings: &ClientSettings,
    parameters: &mut Parameters<'_, '_>,
) -> rusqlite::Result<()> {
    let grants: Vec<_> = settings.grants.iter().map(|grant| grant.as_str()).collect();
    let seconds = |duration: Option<Duration>| {
        duration.map(|duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX))
    };
    parameters.bind(&settings.name)?;
    parameters.bind(Value::from(settings.redirect_uris.clone()).to_string())?;
    parameters.bind(grants.join(" "))?;
    parameters.bind(settings.scope.as_ref().map(Scope::as_str))?;
    parameters.bind(Value::from(settings.audiences.clone()).to_string())?;
    parameters.bind(seconds(settings.access_token_lifetime))?;
    parameters.bind(settings.access_token_type.map(TokenType::name))?;
    parameters.bind(seconds(settings.idle_lifetime))?;
    parameters.bind(seconds(settings.absolute_lifetime))?;
    parameters.bind(seconds(settings.grace))?;
    parameters.bind(settings.late_retry.map(LateRetry::as_str))
}

/// Binds [`AUTHENTICATION_NAMES`].
pub(crate) fn bind_authentication(
    authentication: &ClientAuthentication,
    parameters: &mut Parameters<'_, '_>,
) -> rusqlite::Result<()> {
    let hash = match authentication {
        ClientAuthentication::None => None,
        ClientAuthentication::Secret(_, hash) => Some(hash.as_bytes()),
    };
    parameters.bind(authentication.as_str())?;
    parameters.bind(hash)
}
