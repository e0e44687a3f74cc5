//! The database: SQLite or PostgreSQL, migrated to what this build knows.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::Connection;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::statement::{Pool, Transaction, sql};

static SQLITE_STEPS: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES_STEPS: Migrator = sqlx::migrate!("../../migrations/postgres");

/// How long SQLite waits for another process's write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a query waits for a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// Readers of an SQLite file.
const SQLITE_READERS: u32 = 8;
/// Connections to PostgreSQL of one process.
const POSTGRES_CONNECTIONS: u32 = 16;

/// Where a database is. Shows no password.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A server, as `postgres://USER:PASSWORD@HOST:PORT/NAME`.
    Postgres(String),
}

impl FromStr for DatabaseUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let file = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
        match file {
            Some(path) if !path.is_empty() => Ok(Self::Sqlite(path.into())),
            None if text.starts_with("postgres://") || text.starts_with("postgresql://") => {
                let url = Self::Postgres(text.to_owned());
                match PgConnectOptions::from_str(text) {
                    Ok(_) => Ok(url),
                    Err(_) => Err(Error::BadUrl(url.to_string())),
                }
            }
            // Whatever it is, it may hold a password.
            _ => Err(Error::BadUrl(text.split([':', '@']).next().unwrap_or_default().to_owned())),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => write!(f, "postgres://{}", server(url).unwrap_or_else(|| "…".into())),
        }
    }
}

/// The server in an address, as it is connected to; of an address that is none, nothing is sure to be no password.
fn server(url: &str) -> Option<String> {
    let options = PgConnectOptions::from_str(url).ok()?;
    Some(format!("{}:{}", options.get_host(), options.get_port()))
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The read model's database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    /// Takes every write. For SQLite, one connection.
    pub(crate) writer: Pool,
    /// Takes every read.
    pub(crate) readers: Pool,
    pub(crate) progress: Arc<Progress>,
}

impl Database {
    /// Opens the database, creates an SQLite file that is missing, and takes the migration steps it has not taken.
    ///
    /// # Errors
    /// `Newer` when it was migrated by a newer gavel, `Unusable` when it cannot be written, `Unavailable`.
    pub async fn connect(url: &DatabaseUrl) -> Result<Self> {
        let (writer, readers) = match url {
            DatabaseUrl::Sqlite(path) => connect_sqlite(path).await?,
            DatabaseUrl::Postgres(url) => connect_postgres(url).await?,
        };
        Ok(Self { writer, readers, progress: Arc::default() })
    }

    /// Closes all connections, and waits until they are.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn ping(&self) -> Result<()> {
        sql("SELECT 1").execute(&self.readers).await.map(|_| ())
    }

    pub(crate) async fn begin(&self) -> Result<Transaction> {
        self.writer.begin().await
    }
}

async fn connect_sqlite(path: &std::path::Path) -> Result<(Pool, Pool)> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // Accounts, sessions and images are in no log: what is answered must be on the disk.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT)
        .foreign_keys(true);
    let pool = |connections| SqlitePoolOptions::new().max_connections(connections).acquire_timeout(ACQUIRE_TIMEOUT);
    let unusable = |error| match Error::from(error) {
        Error::Unexpected(reason) | Error::Unusable(reason) => Error::Unusable(format!("{}: {reason}", path.display())),
        error => error,
    };
    // A full disk has SQLite roll back by itself, which its driver does not notice: it would stay in that transaction for ever.
    let writer = pool(1).before_acquire(|connection, _| Box::pin(async { Ok(!connection.is_in_transaction()) }));
    let writer = writer.connect_with(options.clone()).await.map_err(unusable)?;
    SQLITE_STEPS.run(&writer).await.map_err(migration_error)?;
    let readers = pool(SQLITE_READERS).connect_with(options.read_only(true).create_if_missing(false)).await?;
    Ok((Pool::Sqlite(writer), Pool::Sqlite(readers)))
}

async fn connect_postgres(url: &str) -> Result<(Pool, Pool)> {
    let options = PgConnectOptions::from_str(url)?.application_name("gavel");
    let pool = PgPoolOptions::new()
        .max_connections(POSTGRES_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .connect_with(options)
        .await?;
    POSTGRES_STEPS.run(&pool).await.map_err(migration_error)?;
    Ok((Pool::Postgres(pool.clone()), Pool::Postgres(pool)))
}

fn migration_error(error: MigrateError) -> Error {
    match error {
        MigrateError::VersionMissing(step) | MigrateError::VersionNotPresent(step) => Error::Newer(step),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
        other => Error::Unusable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::{FromRow, Row};

    struct Synchronous(i64);

    impl FromRow for Synchronous {
        fn from_row(row: &Row) -> Result<Self> {
            row.get("synchronous").map(Self)
        }
    }

    #[tokio::test]
    async fn what_sqlite_has_committed_is_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::connect(&DatabaseUrl::Sqlite(folder.path().join("gavel.sqlite"))).await.unwrap();
        let level: Synchronous = sql("PRAGMA synchronous").fetch_one(&database.writer).await.unwrap();
        assert_eq!(level.0, 2, "FULL");
    }

    #[tokio::test]
    async fn a_full_disk_leaves_no_transaction_open() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::connect(&DatabaseUrl::Sqlite(folder.path().join("gavel.sqlite"))).await.unwrap();
        let insert = |detail: &str| {
            let insert = "INSERT INTO dead_letters (dead_letter_id, topic, cause, detail, origin, at_ms) \
                 VALUES ('1', 't', 'c', $1, 'o', 0)";
            sql(insert).bind(detail)
        };
        let detail = "x".repeat(1 << 20);
        sql("PRAGMA max_page_count = 1").execute(&database.writer).await.unwrap();

        let mut transaction = database.begin().await.unwrap();
        let refused = insert(&detail).execute(&mut transaction).await.unwrap_err();
        assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
        drop(transaction);

        let mut transaction = database.begin().await.unwrap();
        insert(&detail).execute(&mut transaction).await.unwrap();
        transaction.commit().await.unwrap();
    }

    #[test]
    fn a_server_is_shown_without_name_and_password() {
        for (url, shown) in [
            ("postgres://ann:secret@db.example:5433/gavel?sslmode=disable", "postgres://db.example:5433"),
            ("postgres://ann:secret@db.example:5432", "postgres://db.example:5432"),
            ("postgres://ann:se@cret@db.example:5432/gavel", "postgres://db.example:5432"),
            ("postgres://db.example:5432/gavel?password=se@cret", "postgres://db.example:5432"),
            ("postgres://ann:se/cret@db.example/gavel", "postgres://…"),
            ("postgres://ann:se?cret@db.example/gavel", "postgres://…"),
        ] {
            assert_eq!(DatabaseUrl::Postgres(url.into()).to_string(), shown, "{url}");
        }
    }
}
