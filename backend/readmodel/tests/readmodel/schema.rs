//! Both databases have the same tables, column by column.

use std::collections::BTreeSet;

use gavel_readmodel::DatabaseUrl;
use sqlx::Row;

use crate::databases::TestDatabase;

/// Table, column, type, whether it may be null.
type Column = (String, String, String, bool);

/// How the search index is kept differs, see `search`; the journal of migrations is sqlx's.
fn is_compared(table: &str) -> bool {
    !table.starts_with("item_search") && !table.starts_with('_') && !table.starts_with("sqlite_")
}

async fn columns_of_sqlite(url: &DatabaseUrl) -> BTreeSet<Column> {
    let DatabaseUrl::Sqlite(path) = url else { panic!("{url} is no file") };
    let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    let rows = sqlx::query(
        "SELECT tables.name, columns.name, columns.type, columns.\"notnull\" FROM sqlite_schema AS tables \
         JOIN pragma_table_xinfo(tables.name) AS columns WHERE tables.type = 'table'",
    );
    let rows = rows.fetch_all(&pool).await.unwrap();
    // A generated column shows its clause behind its type.
    let word = |text: String| text.split(' ').next().unwrap().replace("BLOB", "BYTEA");
    let column = |row: &sqlx::sqlite::SqliteRow| -> Column {
        (row.get(0), row.get(1), word(row.get(2)), row.get::<i64, _>(3) == 0)
    };
    rows.iter().map(column).filter(|column| is_compared(&column.0)).collect()
}

async fn columns_of_postgres(url: &DatabaseUrl) -> BTreeSet<Column> {
    let DatabaseUrl::Postgres(url) = url else { panic!("{url} is no server") };
    let pool = sqlx::PgPool::connect(url).await.unwrap();
    let rows = sqlx::query(
        "SELECT table_name::text, column_name::text, upper(data_type::text), is_nullable::text \
         FROM information_schema.columns WHERE table_schema = 'public'",
    );
    let rows = rows.fetch_all(&pool).await.unwrap();
    let column = |row: &sqlx::postgres::PgRow| -> Column {
        (row.get(0), row.get(1), row.get(2), row.get::<String, _>(3) == "YES")
    };
    rows.iter().map(column).filter(|column| is_compared(&column.0)).collect()
}

#[tokio::test]
async fn the_two_schemas_are_the_same() {
    let Some(postgres) = TestDatabase::postgres().await else { return };
    let sqlite = TestDatabase::sqlite();
    sqlite.connect().await;
    postgres.connect().await;

    let (ours, theirs) = (columns_of_sqlite(&sqlite.url).await, columns_of_postgres(&postgres.url).await);

    assert!(ours.len() > 90, "only {} columns were found", ours.len());
    let differences: Vec<_> = ours.symmetric_difference(&theirs).collect();
    assert!(differences.is_empty(), "{differences:#?}");
    postgres.drop().await;
}

#[test]
fn both_take_the_same_steps() {
    let steps = |folder: &str| -> BTreeSet<String> {
        let folder = format!("{}/../../migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(steps("sqlite"), steps("postgres"));
}
