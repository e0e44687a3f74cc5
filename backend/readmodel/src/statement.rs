//! One SQL text for both databases: a statement with its arguments, run on either.
//!
//! `$1` placeholders work in both. All integers are BIGINT (booleans 0 or 1), ids are UUIDs as text; computed integers
//! are cast to BIGINT in the SQL.

use newtype_uuid::{TypedUuid, TypedUuidKind};
use sqlx::{AssertSqlSafe, Encode, PgPool, Postgres, Sqlite, SqlitePool, Type};

use crate::error::{Error, Result};
use crate::row::{FromRow, Row};

/// A pool of connections to one of the two databases.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    /// Opens a transaction that writes. SQLite takes its write lock at once, so that it cannot fail to get it later.
    pub(crate) async fn begin(&self) -> Result<Transaction> {
        Ok(match self {
            Self::Sqlite(pool) => Transaction::Sqlite(pool.begin_with("BEGIN IMMEDIATE").await?),
            Self::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
        })
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// An open transaction; rolled back when dropped.
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(transaction) => transaction.commit().await?,
            Self::Postgres(transaction) => transaction.commit().await?,
        }
        Ok(())
    }
}

/// Where a statement runs.
pub(crate) enum On<'a> {
    Pool(&'a Pool),
    Transaction(&'a mut Transaction),
}

impl<'a> From<&'a Pool> for On<'a> {
    fn from(pool: &'a Pool) -> Self {
        Self::Pool(pool)
    }
}

impl<'a> From<&'a mut Transaction> for On<'a> {
    fn from(transaction: &'a mut Transaction) -> Self {
        Self::Transaction(transaction)
    }
}

/// A value handed to the database; `None` is its typed NULL.
#[derive(Debug, Clone)]
pub(crate) enum Argument {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// What can be handed to the database.
pub(crate) trait ToArgument {
    const NULL: Argument;
    fn to_argument(self) -> Argument;
}

macro_rules! arguments {
    ($([$($generics:tt)*] $type:ty, $null:ident, $value:ident => $argument:expr;)*) => {$(
        impl<$($generics)*> ToArgument for $type {
            const NULL: Argument = Argument::$null(None);
            fn to_argument(self) -> Argument {
                let $value = self;
                Argument::$null(Some($argument))
            }
        }
    )*};
}

arguments! {
    [] i64, Integer, value => value;
    [] u64, Integer, value => i64::try_from(value).unwrap_or(i64::MAX);
    [] u32, Integer, value => i64::from(value);
    [] bool, Integer, value => i64::from(value);
    [] &str, Text, value => without_nul(value);
    [] String, Text, value => without_nul(&value);
    [] Vec<u8>, Bytes, value => value;
    [K: TypedUuidKind] TypedUuid<K>, Text, value => value.to_string();
}

impl<T: ToArgument> ToArgument for Option<T> {
    const NULL: Argument = T::NULL;
    fn to_argument(self) -> Argument {
        self.map_or(T::NULL, T::to_argument)
    }
}

/// PostgreSQL refuses NUL in text. A record that holds one must not block the projections, nor differ between databases.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// A SQL text with its arguments.
pub(crate) struct Statement {
    sql: String,
    arguments: Vec<Argument>,
    is_cached: bool,
}

/// Starts a statement.
pub(crate) fn sql(text: &str) -> Statement {
    Statement { sql: text.to_owned(), arguments: Vec::new(), is_cached: true }
}

impl Statement {
    /// Hands over the next of `$1`, `$2`, ….
    pub(crate) fn bind(mut self, value: impl ToArgument) -> Self {
        self.arguments.push(value.to_argument());
        self
    }

    /// Writes more SQL.
    pub(crate) fn push(mut self, text: &str) -> Self {
        self.sql.push_str(text);
        self
    }

    /// Writes the placeholder of a value and hands it over.
    pub(crate) fn push_bind(self, value: impl ToArgument) -> Self {
        let statement = self.bind(value);
        let placeholder = format!("${}", statement.arguments.len());
        statement.push(&placeholder)
    }

    /// Writes `VALUES` with one tuple per row. `rows` must not be empty.
    pub(crate) fn push_values(mut self, rows: Vec<Vec<Argument>>) -> Self {
        self.sql.push_str(" VALUES ");
        for (index, row) in rows.into_iter().enumerate() {
            self.sql.push_str(if index == 0 { "(" } else { ", (" });
            for (column, value) in row.into_iter().enumerate() {
                self.arguments.push(value);
                let separator = if column == 0 { "" } else { ", " };
                self.sql.push_str(&format!("{separator}${}", self.arguments.len()));
            }
            self.sql.push(')');
        }
        // Its text depends on the number of rows: not worth a place among the prepared statements.
        self.is_cached = false;
        self
    }

    /// Runs it; answers how many rows it touched.
    pub(crate) async fn execute<'a>(self, on: impl Into<On<'a>>) -> Result<u64> {
        Ok(match on.into() {
            On::Pool(Pool::Sqlite(pool)) => self.prepare::<Sqlite>().execute(pool).await?.rows_affected(),
            On::Pool(Pool::Postgres(pool)) => self.prepare::<Postgres>().execute(pool).await?.rows_affected(),
            On::Transaction(Transaction::Sqlite(transaction)) => {
                self.prepare::<Sqlite>().execute(&mut **transaction).await?.rows_affected()
            }
            On::Transaction(Transaction::Postgres(transaction)) => {
                self.prepare::<Postgres>().execute(&mut **transaction).await?.rows_affected()
            }
        })
    }

    /// Runs it; answers all rows.
    pub(crate) async fn fetch_all<'a, T: FromRow>(self, on: impl Into<On<'a>>) -> Result<Vec<T>> {
        let rows: Vec<Row> = match on.into() {
            On::Pool(Pool::Sqlite(pool)) => rows(self.prepare::<Sqlite>().fetch_all(pool).await?, Row::Sqlite),
            On::Pool(Pool::Postgres(pool)) => rows(self.prepare::<Postgres>().fetch_all(pool).await?, Row::Postgres),
            On::Transaction(Transaction::Sqlite(transaction)) => {
                rows(self.prepare::<Sqlite>().fetch_all(&mut **transaction).await?, Row::Sqlite)
            }
            On::Transaction(Transaction::Postgres(transaction)) => {
                rows(self.prepare::<Postgres>().fetch_all(&mut **transaction).await?, Row::Postgres)
            }
        };
        rows.iter().map(T::from_row).collect()
    }

    /// Runs it; answers the first row, if any.
    pub(crate) async fn fetch_optional<'a, T: FromRow>(self, on: impl Into<On<'a>>) -> Result<Option<T>> {
        Ok(self.fetch_all(on).await?.into_iter().next())
    }

    /// Runs a query that always answers one row.
    pub(crate) async fn fetch_one<'a, T: FromRow>(self, on: impl Into<On<'a>>) -> Result<T> {
        self.fetch_optional(on).await?.ok_or_else(|| Error::Unexpected("no row where one is certain".into()))
    }

    fn prepare<D>(self) -> sqlx::query::Query<'static, D, D::Arguments>
    where
        D: sqlx::Database + sqlx::database::HasStatementCache,
        Option<i64>: for<'q> Encode<'q, D> + Type<D>,
        Option<String>: for<'q> Encode<'q, D> + Type<D>,
        Option<Vec<u8>>: for<'q> Encode<'q, D> + Type<D>,
    {
        // The text is made of literals of this crate alone; every value is an argument.
        let query = sqlx::query::<D>(AssertSqlSafe(self.sql)).persistent(self.is_cached);
        self.arguments.into_iter().fold(query, |query, argument| match argument {
            Argument::Integer(value) => query.bind(value),
            Argument::Text(value) => query.bind(value),
            Argument::Bytes(value) => query.bind(value),
        })
    }
}

fn rows<R>(rows: Vec<R>, wrap: fn(R) -> Row) -> Vec<Row> {
    rows.into_iter().map(wrap).collect()
}

/// The values of one row to write, in the order of its columns.
macro_rules! row {
    ($($value:expr),* $(,)?) => { vec![$($crate::statement::ToArgument::to_argument($value)),*] };
}
pub(crate) use row;
