//! A client.

use countersign_core::client::{Client, ClientAuthentication, ClientSecretHash, SecretMethod};
use rusqlite::Row;
use serde_json::Value;

use super::{Columns, Names, Parameters, Seconds};

pub(crate) const NAMES: Names = Names(&[&["id", "audiences", "created_at"], AUTHENTICATION]);

/// The columns that say how the client authenticates.
pub(crate) const AUTHENTICATION_NAMES: Names = Names(&[AUTHENTICATION]);

const AUTHENTICATION: &[&str] = &["authentication", "secret_hash"];

/// Reads [`NAMES`].
pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Client> {
    let mut columns = Columns::of(row);
    Ok(Client {
        id: columns.parse(|text: String| text.parse().ok())?,
        audiences: columns.parse(|text: String| serde_json::from_str(&text).ok())?,
        created_at: columns.take_time()?,
        authentication: {
            let method = columns.take::<String>()?;
            columns.parse(|hash: Option<[u8; 32]>| read_authentication(&method, hash))?
        },
    })
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
    parameters.bind(Value::from(client.audiences.clone()).to_string())?;
    parameters.bind(Seconds(client.created_at))?;
    bind_authentication(&client.authentication, parameters)
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
