//! Signing keys. The whole set is read and replaced at once.

use countersign_core::master_key::Wrapped;
use countersign_core::signing_keys::{KeyState, StoredKey};
use countersign_core::store::KeyRing;
use countersign_token::{Jwk, KeyId};
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, Seconds};

pub(super) fn ring(connection: &Connection) -> rusqlite::Result<KeyRing> {
    let revision =
        connection.query_row("SELECT revision FROM signing_keys_revision", [], |row| row.get(0))?;
    let keys = connection
        .prepare_cached(
            "SELECT key_id, algorithm, public_jwk, private_key, published_at, state, state_time
             FROM signing_keys ORDER BY key_id",
        )?
        .query_map([], read)?
        .collect::<Result<_, _>>()?;
    Ok(KeyRing { revision, keys })
}

pub(super) fn replace(connection: &Connection, ring: &KeyRing) -> rusqlite::Result<bool> {
    let changed = connection.execute(
        "UPDATE signing_keys_revision SET revision = revision + 1 WHERE revision = ?1",
        [ring.revision],
    )?;
    if changed == 0 {
        return Ok(false);
    }
    connection.execute("DELETE FROM signing_keys", [])?;
    let mut insert = connection.prepare_cached(
        "INSERT INTO signing_keys (key_id, algorithm, public_jwk, private_key, published_at, state, state_time)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for key in &ring.keys {
        let public = serde_json::to_string(&key.public).expect("a public key is plain JSON");
        insert.execute(params![
            key.key_id.as_ref(),
            key.algorithm.to_string(),
            public,
            key.private.as_bytes(),
            Seconds(key.published_at),
            key.state.as_str(),
            key.state.time().map(Seconds),
        ])?;
    }
    Ok(true)
}

/// Deletes every key, so that the next start makes new ones.
pub(super) fn forget_all(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .execute_batch("UPDATE signing_keys_revision SET revision = revision + 1; DELETE FROM signing_keys")
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredKey> {
    let mut columns = Columns::of(row);
    Ok(StoredKey {
        key_id: columns.parse(|text: String| KeyId::parse(&text).ok())?,
        algorithm: columns.parse(|text: String| text.parse().ok())?,
        public: columns.parse(|text: String| Jwk::parse(text.as_bytes()).ok())?,
        private: columns.take().map(Wrapped::from_bytes)?,
        published_at: columns.take_time()?,
        state: {
            let name = columns.take::<String>()?;
            columns
                .parse(|time: Option<Seconds>| KeyState::from_stored(&name, time.map(|Seconds(time)| time)))?
        },
    })
}
