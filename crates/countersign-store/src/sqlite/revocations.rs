//! What was taken back, in the order of the port.

use countersign_core::revocation::{Revocation, RevokedSessions};
use countersign_core::store::Whose;
use countersign_core::{SessionId, Timestamp};
use rusqlite::{Connection, Row, params};

use super::columns::{Columns, Seconds};

/// What stands in the column `kind` for one session.
const ONE: &str = "session";

/// Notes a revocation in the transaction that makes it.
pub(super) fn note(connection: &Connection, at: Timestamp, of: &RevokedSessions) -> rusqlite::Result<()> {
    let (kind, owner, except) = match of {
        RevokedSessions::One(_) => (ONE, None, None),
        RevokedSessions::UpTo { whose, except, .. } => {
            let (kind, owner) = kind_of(whose);
            (kind, owner, *except)
        }
    };
    let named = of.named();
    connection
        .prepare_cached(
            "INSERT INTO revocations (at, kind, owner, session_id, except_id) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            Seconds(at),
            kind,
            owner,
            named.as_bytes(),
            except.as_ref().map(SessionId::as_bytes)
        ])
        .map(drop)
}

pub(super) fn after(connection: &Connection, number: u64, limit: u32) -> rusqlite::Result<Vec<Revocation>> {
    connection
        .prepare_cached(
            "SELECT number, at, session_id, owner, except_id, kind FROM revocations WHERE number > ?1
             ORDER BY number LIMIT ?2",
        )?
        .query_map(params![i64::try_from(number).unwrap_or(i64::MAX), limit], read)?
        .collect()
}

pub(super) fn forget(connection: &Connection, number: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM revocations WHERE number <= ?1")?
        .execute([i64::try_from(number).unwrap_or(i64::MAX)])
        .map(drop)
}

fn kind_of(whose: &Whose) -> (&'static str, Option<&str>) {
    match whose {
        Whose::User(user) => ("user", Some(user.as_str())),
        Whose::Client(client) => ("client", Some(client.as_str())),
        Whose::Everyone => ("everyone", None),
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<Revocation> {
    let mut columns = Columns::of(row);
    let number = columns.parse(|number: i64| u64::try_from(number).ok())?;
    let at = columns.parse(|Seconds(time)| Some(time))?;
    let session = columns.take().map(SessionId::from_bytes)?;
    let owner = columns.take::<Option<String>>()?;
    let except = columns.take::<Option<[u8; 16]>>()?.map(SessionId::from_bytes);
    let of = columns.parse(|kind: String| {
        let whose = match kind.as_str() {
            ONE => return Some(RevokedSessions::One(session)),
            "user" => Whose::User(owner?.parse().ok()?),
            "client" => Whose::Client(owner?.parse().ok()?),
            "everyone" => Whose::Everyone,
            _ => return None,
        };
        Some(RevokedSessions::UpTo { whose, newest: session, except })
    })?;
    Ok(Revocation { number, at, of })
}
