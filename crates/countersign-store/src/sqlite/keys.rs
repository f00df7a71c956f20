//! Signing keys: the set is read and replaced whole.

use countersign_core::Timestamp;
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
        let (state, time) = write_state(key.state);
        let public = serde_json::to_string(&key.public).expect("a public key is plain JSON");
        insert.execute(params![
            key.key_id.as_ref(),
            key.algorithm.to_string(),
            public,
            key.private.as_bytes(),
            Seconds(key.published_at),
            state,
            time.map(Seconds),
        ])?;
    }
    Ok(true)
}

/// Forgets every key, so that the next start makes new ones.
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
            columns.parse(|time: Option<Seconds>| read_state(&name, time.map(|Seconds(time)| time)))?
        },
    })
}

fn write_state(state: KeyState) -> (&'static str, Option<Timestamp>) {
    match state {
        KeyState::Next => ("next", None),
        KeyState::Active { since } => ("active", Some(since)),
        KeyState::Retired { until } => ("retired", Some(until)),
    }
}

fn read_state(name: &str, time: Option<Timestamp>) -> Option<KeyState> {
    match (name, time) {
        ("next", _) => Some(KeyState::Next),
        ("active", Some(since)) => Some(KeyState::Active { since }),
        ("retired", Some(until)) => Some(KeyState::Retired { until }),
        _ => None,
    }
}
