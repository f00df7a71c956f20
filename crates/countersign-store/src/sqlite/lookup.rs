//! Reads of one row that several verbs need.

use std::sync::LazyLock;

use countersign_core::client::Client;
use countersign_core::session::SessionWithUser;
use countersign_core::store::Standing;
use countersign_core::user::User;
use countersign_core::{ClientId, SessionId, UserId};
use rusqlite::{Connection, OptionalExtension};

use super::columns::{Columns, client, session, user};
use super::moved::Packed;

pub(super) fn user(connection: &Connection, id: &UserId) -> rusqlite::Result<Option<User>> {
    static SELECT: LazyLock<String> =
        LazyLock::new(|| format!("SELECT {} FROM users WHERE id = ?1", user::NAMES.list()));
    connection
        .prepare_cached(&SELECT)?
        .query_row([id.as_str()], |row| user::read(&mut Columns::of(row)))
        .optional()
}

pub(super) fn client(connection: &Connection, id: &ClientId) -> rusqlite::Result<Option<Client>> {
    connection
        .prepare_cached(&format!("SELECT {} FROM clients WHERE id = ?1", client::NAMES.list()))?
        .query_row([id.as_str()], client::read)
        .optional()
}

/// A session as it is in the tables. There may be a newer move of it that is not folded.
pub(super) fn session(connection: &Connection, id: SessionId) -> rusqlite::Result<Option<SessionWithUser>> {
    static SELECT: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT {}, {}, m.packed FROM sessions s LEFT JOIN users u ON u.id = s.user_id
             LEFT JOIN session_moves m ON m.session_id = s.id WHERE s.id = ?1",
            session::NAMES.of("s"),
            user::NAMES.of("u")
        )
    });
    connection.prepare_cached(&SELECT)?.query_row([id.as_bytes()], session::read_with_user).optional()
}

/// A session with a move that is not folded.
pub(super) fn up_to_date(
    mut row: SessionWithUser,
    moved: Option<Packed>,
) -> rusqlite::Result<SessionWithUser> {
    if let Some(moved) = moved {
        moved.bring_up_to_date(&mut row.session)?;
    }
    Ok(row)
}

/// Whether all conditions of a write hold, inside the transaction of that write.
pub(super) fn all_hold(connection: &Connection, given: &[Standing]) -> rusqlite::Result<bool> {
    for standing in given {
        let user = user(connection, &standing.user)?;
        let row = standing.session.map(|id| session(connection, id)).transpose()?.flatten();
        let wanted = standing.client.as_ref();
        let client = wanted.map(|wanted| client(connection, &wanted.id)).transpose()?.flatten();
        if !standing.holds(user.as_ref(), row.as_ref().map(|row| &row.session), client.as_ref()) {
            return Ok(false);
        }
    }
    Ok(true)
}
