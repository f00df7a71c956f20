//! Columns and the types of the rules: reading a row and binding the parameters of a statement.
//!
//! Each submodule belongs to one type. It lists the type's columns once, in `NAMES`, and reads and binds them
//! in that order. The statements themselves are in the modules that run them.

pub(crate) mod client;
pub(crate) mod moved;
pub(crate) mod presence;
pub(crate) mod session;
pub(crate) mod user;

use countersign_core::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Type, ValueRef};
use rusqlite::{Row, RowIndex, Statement};

/// The names of columns, in the order in which they are read and bound. Several lists follow each other.
pub(crate) struct Names(pub(crate) &'static [&'static [&'static str]]);

impl Names {
    /// `a, b`.
    pub(crate) fn list(&self) -> String {
        self.join(str::to_owned)
    }

    /// `t.a, t.b`, where `t` is the alias of the table.
    pub(crate) fn of(&self, alias: &str) -> String {
        self.join(|name| format!("{alias}.{name}"))
    }

    /// `?, ?`.
    pub(crate) fn parameters(&self) -> String {
        self.join(|_| "?".to_owned())
    }

    /// `a = ?, b = ?`.
    pub(crate) fn assignments(&self) -> String {
        self.join(|name| format!("{name} = ?"))
    }

    fn join(&self, write: impl Fn(&str) -> String) -> String {
        self.0.iter().copied().flatten().map(|name| write(name)).collect::<Vec<_>>().join(", ")
    }
}

/// The columns of a row, one after another.
pub(crate) struct Columns<'row> {
    row: &'row Row<'row>,
    next: usize,
}

impl<'row> Columns<'row> {
    pub(crate) const fn of(row: &'row Row<'row>) -> Self {
        Self { row, next: 0 }
    }

    /// The next column.
    pub(crate) fn take<T: FromSql>(&mut self) -> rusqlite::Result<T> {
        let index = self.next;
        self.next += 1;
        self.row.get(index)
    }

    /// The next column, parsed. Fails if `parse` returns `None`.
    pub(crate) fn parse<T: FromSql, P>(&mut self, parse: impl FnOnce(T) -> Option<P>) -> rusqlite::Result<P> {
        let index = self.next;
        parse(self.take()?).ok_or_else(|| unknown_value(self.row, index))
    }

    /// As [`Columns::parse`], for a column that may be NULL.
    pub(crate) fn parse_optional<T: FromSql, P>(
        &mut self,
        parse: impl FnOnce(T) -> Option<P>,
    ) -> rusqlite::Result<Option<P>> {
        let index = self.next;
        let value = self.take::<Option<T>>()?;
        value.map(|value| parse(value).ok_or_else(|| unknown_value(self.row, index))).transpose()
    }

    pub(crate) fn take_time(&mut self) -> rusqlite::Result<Timestamp> {
        self.take().map(|Seconds(time)| time)
    }

    pub(crate) fn take_optional_time(&mut self) -> rusqlite::Result<Option<Timestamp>> {
        self.take::<Option<Seconds>>().map(|time| time.map(|Seconds(time)| time))
    }
}

fn unknown_value(row: &Row<'_>, index: usize) -> rusqlite::Error {
    let name = index.idx(row.as_ref()).ok().and_then(|index| row.as_ref().column_name(index).ok());
    let message = format!("the column {} has a value that this release does not know", name.unwrap_or("?"));
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, message.into())
}

/// The parameters of a statement, which are bound one after another.
pub(crate) struct Parameters<'statement, 'connection> {
    statement: &'statement mut Statement<'connection>,
    bound: usize,
}

impl<'statement, 'connection> Parameters<'statement, 'connection> {
    pub(crate) const fn of(statement: &'statement mut Statement<'connection>) -> Self {
        Self { statement, bound: 0 }
    }

    /// Binds the next parameter.
    pub(crate) fn bind(&mut self, value: impl ToSql) -> rusqlite::Result<()> {
        self.bound += 1;
        self.statement.raw_bind_parameter(self.bound, value)
    }

    /// Runs the statement and returns how many rows it changed.
    pub(crate) fn execute(self) -> rusqlite::Result<usize> {
        // SQLite takes a parameter that was not bound for NULL.
        let wanted = self.statement.parameter_count();
        if self.bound != wanted {
            return Err(rusqlite::Error::InvalidParameterCount(self.bound, wanted));
        }
        self.statement.raw_execute()
    }
}

/// A [`Timestamp`] as an integer column, in seconds since the Unix epoch.
pub(crate) struct Seconds(pub(crate) Timestamp);

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
