//! The revocation list, in the order of the port.

use std::time::Duration;

use countersign_core::revocation::{EarlierLife, Revocation, RevokedSessions, TokenLife};
use countersign_core::session::Whose;
use countersign_core::{SessionId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{Columns, Seconds};

/// The `kind` of an entry for one session.
const ONE: &str = "session";

/// Adds an entry, in the transaction that revokes.
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

/// Reads and replaces the row in one transaction.
pub(super) fn begin_token_life(
    connection: &Connection,
    longest: Duration,
    now: Timestamp,
) -> rusqlite::Result<TokenLife> {
    let known = connection
        .query_row("SELECT longest, earlier, earlier_until FROM token_life", [], |row| {
            let until = row.get::<_, Option<Seconds>>(2)?.map(|Seconds(time)| time);
            let earlier = row.get::<_, Option<u32>>(1)?.map(whole).zip(until);
            let earlier = earlier.map(|(longest, until)| EarlierLife { longest, until });
            Ok(TokenLife { longest: whole(row.get(0)?), earlier })
        })
        .optional()?;
    let life = TokenLife::begin(known, longest, now);
    connection.execute(
        "INSERT INTO token_life (only_row, longest, earlier, earlier_until) VALUES (1, ?1, ?2, ?3)
         ON CONFLICT (only_row) DO UPDATE SET longest = ?1, earlier = ?2, earlier_until = ?3",
        params![
            whole_seconds(life.longest),
            life.earlier.map(|earlier| whole_seconds(earlier.longest)),
            life.earlier.map(|earlier| Seconds(earlier.until)),
        ],
    )?;
    Ok(life)
}

/// Rounds up, so that no token lives longer.
fn whole_seconds(duration: Duration) -> u32 {
    let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

fn whole(seconds: u32) -> Duration {
    Duration::from_secs(seconds.into())
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
    let at = columns.take_time()?;
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
