//! Fresh databases to test on.

use gavel_readmodel::{Database, DatabaseUrl};
use sqlx::AssertSqlSafe;
use sqlx::postgres::PgPool;
use tempfile::TempDir;
use uuid::Uuid;

/// Runs a test on a fresh database of each kind: `on_both!(name, test)` with `async fn test(databases: TestDatabase)`.
macro_rules! on_both {
    ($($name:ident)*) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                let fresh = crate::databases::TestDatabase::sqlite();
                super::$name(&fresh).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(fresh) = crate::databases::TestDatabase::postgres().await {
                    super::$name(&fresh).await;
                    fresh.drop().await;
                }
            }
        }
    )*};
}
pub(crate) use on_both;

/// A database of one test, with a folder for its files.
pub(crate) struct TestDatabase {
    pub(crate) url: DatabaseUrl,
    pub(crate) folder: TempDir,
    /// The server and the database's name on it.
    server: Option<(PgPool, String)>,
}

impl TestDatabase {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: DatabaseUrl::Sqlite(folder.path().join("gavel.sqlite")), folder, server: None }
    }

    /// `None`, with a line that says so, where no server is named.
    pub(crate) async fn postgres() -> Option<Self> {
        let Ok(address) = std::env::var("GAVEL_TEST_POSTGRES") else {
            println!("skipped: GAVEL_TEST_POSTGRES is not set");
            return None;
        };
        let server = PgPool::connect(&address).await.unwrap();
        let name = format!("gavel_test_{}", Uuid::new_v4().simple());
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&server).await.unwrap();
        let (host, _) = address.rsplit_once('/').unwrap();
        let url = format!("{host}/{name}").parse().unwrap();
        Some(Self { url, folder: tempfile::tempdir().unwrap(), server: Some((server, name)) })
    }

    pub(crate) async fn connect(&self) -> Database {
        Database::connect(&self.url).await.unwrap()
    }

    pub(crate) async fn drop(self) {
        if let Some((server, name)) = self.server {
            let statement = format!("DROP DATABASE {name} WITH (FORCE)");
            sqlx::query(AssertSqlSafe(statement)).execute(&server).await.unwrap();
        }
    }

    /// Runs SQL past the read model.
    pub(crate) async fn execute(&self, sql: &'static str) {
        match &self.url {
            DatabaseUrl::Sqlite(path) => {
                let pool = sqlx::SqlitePool::connect(&format!("sqlite:{}", path.display())).await.unwrap();
                sqlx::query(sql).execute(&pool).await.unwrap();
                pool.close().await;
            }
            DatabaseUrl::Postgres(url) => {
                let pool = PgPool::connect(url).await.unwrap();
                sqlx::query(sql).execute(&pool).await.unwrap();
                pool.close().await;
            }
        }
    }
}
