//! Everything the projections hold, as text.

use gavel_readmodel::DatabaseUrl;
use sqlx::{AssertSqlSafe, Column, PgPool, Row, SqlitePool, ValueRef};

const TABLES: [&str; 9] = [
    "projection_offsets",
    "items",
    "item_search",
    "standings",
    "history",
    "completions",
    "notices",
    "measures",
    "dead_letters",
];

/// A line for each row of each projection, in order.
pub(crate) async fn dump(url: &DatabaseUrl) -> Vec<String> {
    let mut lines = Vec::new();
    for table in TABLES {
        lines.extend(match url {
            DatabaseUrl::Sqlite(path) => dump_sqlite(&path.display().to_string(), table).await,
            DatabaseUrl::Postgres(url) => dump_postgres(url, table).await,
        });
    }
    lines.sort();
    lines
}

async fn dump_sqlite(path: &str, table: &str) -> Vec<String> {
    let pool = SqlitePool::connect(&format!("sqlite:{path}")).await.unwrap();
    let rows = sqlx::query(AssertSqlSafe(format!("SELECT * FROM {table}"))).fetch_all(&pool).await.unwrap();
    let value = |row: &sqlx::sqlite::SqliteRow, column: usize| {
        if row.try_get_raw(column).unwrap().is_null() {
            return "null".to_owned();
        }
        row.try_get::<i64, _>(column).map_or_else(|_| row.get::<String, _>(column), |number| number.to_string())
    };
    let lines = rows.iter().map(|row| {
        let values: Vec<_> =
            row.columns().iter().map(|c| format!("{}={}", c.name(), value(row, c.ordinal()))).collect();
        format!("{table}: {}", values.join(" "))
    });
    lines.collect()
}

async fn dump_postgres(url: &str, table: &str) -> Vec<String> {
    let pool = PgPool::connect(url).await.unwrap();
    let query = AssertSqlSafe(format!("SELECT '{table}: ' || {table}::text AS line FROM {table}"));
    let rows = sqlx::query(query).fetch_all(&pool).await.unwrap();
    rows.iter().map(|row| row.get("line")).collect()
}
