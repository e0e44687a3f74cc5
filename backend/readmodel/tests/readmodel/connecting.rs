//! Opening a database, and what may be wrong with it.

use gavel_readmodel::{Database, DatabaseUrl, Error, ErrorClass};

use crate::databases::{TestDatabase, on_both};

on_both! {
    a_database_opens_again_as_it_was_left
    a_newer_database_is_refused
}

async fn a_database_opens_again_as_it_was_left(fresh: &TestDatabase) {
    let ada = crate::accounts::account("ada@example.org");
    let database = fresh.connect().await;
    database.create_account(&ada).await.unwrap();
    database.close().await;

    let database = fresh.connect().await;

    assert_eq!(database.account_by_email("ada@example.org").await.unwrap(), Some(ada));
}

async fn a_newer_database_is_refused(fresh: &TestDatabase) {
    fresh.connect().await.close().await;
    fresh
        .execute(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             SELECT 9999, 'later', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1",
        )
        .await;

    let refused = Database::connect(&fresh.url).await.unwrap_err();

    assert!(matches!(refused, Error::Newer(9999)), "{refused}");
    assert_eq!(refused.class(), ErrorClass::Fatal);
}

#[tokio::test]
async fn a_file_that_cannot_be_made_is_unusable() {
    let folder = tempfile::tempdir().unwrap();
    let url = DatabaseUrl::Sqlite(folder.path().join("missing").join("gavel.sqlite"));

    let refused = Database::connect(&url).await.unwrap_err();

    assert!(matches!(refused, Error::Unusable(_)), "{refused}");
    assert!(refused.to_string().contains("gavel.sqlite"), "{refused}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_unusable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gavel.sqlite");
    std::fs::write(&path, "a letter, not a database ".repeat(100)).unwrap();

    let refused = Database::connect(&DatabaseUrl::Sqlite(path)).await.unwrap_err();

    assert!(matches!(refused, Error::Unusable(_)), "{refused}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let url = "postgres://gavel:secret@127.0.0.1:1/gavel".parse().unwrap();

    let refused = Database::connect(&url).await.unwrap_err();

    assert_eq!(refused.class(), ErrorClass::Retry, "{refused}");
}

#[test]
fn an_address_is_understood_or_refused_without_its_password() {
    let url = |text: &str| text.parse::<DatabaseUrl>();
    assert_eq!(url("sqlite:data/gavel.sqlite").unwrap(), DatabaseUrl::Sqlite("data/gavel.sqlite".into()));
    assert!(matches!(url("postgres://gavel:secret@db:5432/gavel"), Ok(DatabaseUrl::Postgres(_))));
    for text in ["mysql://gavel:secret@db/gavel", "sqlite:", "gavel:secret@db", "postgres://gavel:secret@db:no/gavel"] {
        let refused = url(text).unwrap_err().to_string();
        assert!(!refused.contains("secret"), "{refused}");
    }
    let shown = format!("{:?}", url("postgres://gavel:secret@db:5432/gavel").unwrap());
    assert_eq!(shown, "postgres://db:5432");
}
