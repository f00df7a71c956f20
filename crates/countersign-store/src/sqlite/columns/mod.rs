//! Reading columns in order, and turning what they hold into the rules' types.

use countersign_core::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Row, RowIndex};

/// The columns of a row, one after another.
pub(super) struct Columns<'row> {
    row: &'row Row<'row>,
    next: usize,
}

impl<'row> Columns<'row> {
    pub(super) const fn of(row: &'row Row<'row>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(super) fn take<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let index = self.next;
        self.next += 1;
        self.row.get(index)
    }

    /// The next column, turned into something that not every value of it is.
    pub(super) fn parse<T: FromSql, P>(&mut self, parse: impl FnOnce(T) -> Option<P>) -> rusqlite::Result<P> {
        let index = self.next;
        parse(self.take()?).ok_or_else(|| misread(self.row, index))
    }

    /// As [`Columns::parse`], for a column that may be null.
    pub(super) fn parse_optional<T: FromSql, P>(
        &mut self,
        parse: impl FnOnce(T) -> Option<P>,
    ) -> rusqlite::Result<Option<P>> {
        let index = self.next;
        let value = self.take::<Option<T>>()?;
        value.map(|value| parse(value).ok_or_else(|| misread(self.row, index))).transpose()
    }
}

fn misread(row: &Row<'_>, index: usize) -> rusqlite::Error {
    let name = index.idx(row.as_ref()).ok().and_then(|index| row.as_ref().column_name(index).ok());
    let message = format!("the column {} holds what this release does not know", name.unwrap_or("?"));
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, message.into())
}

/// A [`Timestamp`] as an integer column.
pub(super) struct Seconds(pub(super) Timestamp);

impl FromSql for Seconds {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let seconds = u64::try_from(value.as_i64()?).map_err(|_| FromSqlError::InvalidType)?;
        Ok(Self(Timestamp::from_seconds(seconds)))
    }
}

impl ToSql for Seconds {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::try_from(self.0.seconds()).unwrap_or(i64::MAX).into())
    }
}
