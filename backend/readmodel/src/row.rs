//! Rows of either database, read by column name into typed values.

use newtype_uuid::{TypedUuid, TypedUuidKind};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

use crate::error::{Error, Result};

/// A row of either database.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// The value of a column.
    pub(crate) fn get<T: Column>(&self, column: &str) -> Result<T> {
        self.optional(column)?.ok_or_else(|| Error::Unexpected(format!("{column} is null")))
    }

    /// The value of a column that may be NULL.
    pub(crate) fn optional<T: Column>(&self, column: &str) -> Result<Option<T>> {
        let Some(stored) = T::stored(self, column)? else { return Ok(None) };
        T::parse(stored).map(Some).ok_or_else(|| Error::Unexpected(format!("{column} cannot be understood")))
    }
}

/// What a row is read into.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self>;
}

/// A type that a column is read into.
pub(crate) trait Column: Sized {
    /// How the database holds it.
    type Stored;
    fn stored(row: &Row, column: &str) -> Result<Option<Self::Stored>>;
    fn parse(stored: Self::Stored) -> Option<Self>;
}

macro_rules! columns {
    ($([$($generics:tt)*] $type:ty, $stored:ty, $value:ident => $parsed:expr;)*) => {$(
        impl<$($generics)*> $crate::row::Column for $type {
            type Stored = $stored;
            fn stored(row: &$crate::row::Row, column: &str) -> $crate::error::Result<Option<$stored>> {
                use sqlx::Row as _;
                use $crate::row::Row;
                Ok(match row {
                    Row::Sqlite(row) => row.try_get(column)?,
                    Row::Postgres(row) => row.try_get(column)?,
                })
            }
            fn parse($value: $stored) -> Option<Self> {
                $parsed
            }
        }
    )*};
}
pub(crate) use columns;

columns! {
    [] i64, i64, value => Some(value);
    [] u64, i64, value => value.try_into().ok();
    [] u32, i64, value => value.try_into().ok();
    [] bool, i64, value => Some(value != 0);
    [] String, String, value => Some(value);
    [] Vec<u8>, Vec<u8>, value => Some(value);
    [K: TypedUuidKind] TypedUuid<K>, String, value => value.parse().ok();
}

/// The column `count` of a query that counts.
pub(crate) struct Count(pub(crate) u64);

impl FromRow for Count {
    fn from_row(row: &Row) -> Result<Self> {
        row.get("count").map(Self)
    }
}
