//! Registered clients, in the order of the port.

use countersign_core::client::{Client, ClientAuthentication, ClientSecretHash, SecretMethod};
use countersign_core::session::{Revoked, Whose};
use countersign_core::store::{Added, Page};
use countersign_core::{ClientId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::Value;

use super::columns::{Columns, Seconds};
use super::sessions;

/// The columns of a client, in the order in which [`read`] takes them.
const COLUMNS: &str = "id, secret_hash, authentication, audiences, created_at";

pub(super) fn add(connection: &Connection, client: &Client) -> rusqlite::Result<Added> {
    let inserted = connection
        .prepare_cached(&format!(
            "INSERT INTO clients ({COLUMNS}) SELECT ?1, ?2, ?3, ?4, ?5
             WHERE NOT EXISTS (SELECT 1 FROM users WHERE id = ?1) ON CONFLICT DO NOTHING"
        ))?
        .execute(params![
            client.id.as_str(),
            secret_hash(&client.authentication),
            client.authentication.as_str(),
            Value::from(client.audiences.clone()).to_string(),
            Seconds(client.created_at),
        ])?;
    Ok(if inserted == 1 { Added::Added } else { Added::IdTaken })
}

pub(super) fn by_id(connection: &Connection, id: &ClientId) -> rusqlite::Result<Option<Client>> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM clients WHERE id = ?1"))?
        .query_row([id.as_str()], read)
        .optional()
}

pub(super) fn page(connection: &Connection, page: &Page<ClientId>) -> rusqlite::Result<Vec<Client>> {
    let after = page.after.as_ref().map_or("", ClientId::as_str);
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM clients WHERE id > ?1 ORDER BY id LIMIT ?2"))?
        .query_map(params![after, page.limit], read)?
        .collect()
}

pub(super) fn replace_authentication(
    connection: &Connection,
    id: &ClientId,
    (old, new): (&ClientAuthentication, &ClientAuthentication),
) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached(
            "UPDATE clients SET authentication = ?2, secret_hash = ?3
             WHERE id = ?1 AND authentication = ?4 AND secret_hash IS ?5",
        )?
        .execute(params![id.as_str(), new.as_str(), secret_hash(new), old.as_str(), secret_hash(old)])?;
    Ok(changed == 1)
}

pub(super) fn remove(connection: &Connection, id: &ClientId, how: &Revoked) -> rusqlite::Result<bool> {
    let removed = connection.prepare_cached("DELETE FROM clients WHERE id = ?1")?.execute([id.as_str()])?;
    if removed == 1 {
        sessions::revoke_all(connection, &Whose::Client(id.clone()), None, how)?;
    }
    Ok(removed == 1)
}

fn secret_hash(authentication: &ClientAuthentication) -> Option<&[u8; 32]> {
    match authentication {
        ClientAuthentication::None => None,
        ClientAuthentication::Secret(_, hash) => Some(hash.as_bytes()),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Client> {
    let mut columns = Columns::of(row);
    let id = columns.parse(|text: String| text.parse().ok())?;
    let hash = columns.take::<Option<[u8; 32]>>()?.map(ClientSecretHash::from_bytes);
    let authentication = columns.parse(|name: String| match (SecretMethod::from_name(&name), hash) {
        (Some(method), Some(hash)) => Some(ClientAuthentication::Secret(method, hash)),
        (None, None) if name == ClientAuthentication::None.as_str() => Some(ClientAuthentication::None),
        _ => None,
    })?;
    let audiences = columns.parse(|text: String| serde_json::from_str(&text).ok())?;
    let created_at: Timestamp = columns.parse(|Seconds(time)| Some(time))?;
    Ok(Client { id, authentication, audiences, created_at })
}
