//! What a rotation changes: a packed value, and the columns of `sessions` from before there was a packed form.

use countersign_core::ratchet::SecretHash;
use countersign_core::session::{Ratchet, Spent};

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};

use super::{Columns, Parameters, Seconds, presence};
use crate::sqlite::moved::{Damaged, Moved, Packed};

pub(super) const COLUMNS: &[&str] = &[
    "generation",
    "current_hash",
    "next_hash",
    "previous",
    "rotated_at",
    "burst_from",
    "burst_at",
    "recoveries",
    "refreshed_at",
    "refreshed_address",
    "refreshed_device",
    "idle_expires_at",
];

/// Reads [`COLUMNS`]. Rust evaluates the fields of a literal in the order in which they are written.
pub(crate) fn read(columns: &mut Columns<'_>) -> rusqlite::Result<Moved> {
    Ok(Moved {
        ratchet: Ratchet {
            generation: columns.take()?,
            current: columns.take().map(SecretHash::from_bytes)?,
            next: columns.take().map(SecretHash::from_bytes)?,
            previous: read_spent(columns)?,
            burst: read_spent(columns)?,
            recoveries: columns.take()?,
        },
        refreshed: presence::read(columns)?,
        idle_expires_at: columns.take_time()?,
    })
}

/// Binds [`COLUMNS`].
pub(crate) fn bind(moved: &Moved, parameters: &mut Parameters<'_, '_>) -> rusqlite::Result<()> {
    let Moved { ratchet, refreshed, idle_expires_at } = moved;
    parameters.bind(ratchet.generation)?;
    parameters.bind(ratchet.current.as_bytes())?;
    parameters.bind(ratchet.next.as_bytes())?;
    bind_spent(ratchet.previous, parameters)?;
    bind_spent(ratchet.burst, parameters)?;
    parameters.bind(ratchet.recoveries)?;
    presence::bind(refreshed, parameters)?;
    parameters.bind(Seconds(*idle_expires_at))
}

fn read_spent(columns: &mut Columns<'_>) -> rusqlite::Result<Option<Spent>> {
    let generation = columns.take::<Option<u32>>()?;
    let at = columns.take_optional_time()?;
    Ok(generation.zip(at).map(|(generation, at)| Spent { generation, at }))
}

fn bind_spent(spent: Option<Spent>, parameters: &mut Parameters<'_, '_>) -> rusqlite::Result<()> {
    parameters.bind(spent.map(|spent| spent.generation))?;
    parameters.bind(spent.map(|spent| Seconds(spent.at)))
}

impl FromSql for Packed {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::from_bytes(value.as_blob()?).map_err(|error| FromSqlError::Other(error.into()))
    }
}

impl ToSql for Packed {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.bytes().into())
    }
}

impl From<Damaged> for rusqlite::Error {
    fn from(error: Damaged) -> Self {
        Self::FromSqlConversionFailure(0, Type::Blob, error.into())
    }
}
