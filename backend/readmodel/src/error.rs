//! Why the read model refuses, by what the caller can do about it.

use gavel_log::LogError;

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The same call may succeed later: back off and retry.
    Retry,
    /// This request can never succeed; others can.
    Reject,
    /// Nothing works until an operator acts.
    Fatal,
}

/// Why the read model refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer from the database in time, or no connection.
    #[error("the database is unreachable: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// Another projector is ahead of this one: read its offsets again and go on from there.
    #[error("another projector moved the offsets of {topic}/{partition}")]
    Overtaken {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
    },
    /// An account with this e-mail address exists.
    #[error("an account with this e-mail address exists")]
    EmailTaken,
    /// The cursor was not made by this list.
    #[error("the cursor is not valid here; start again without it")]
    BadCursor,
    /// The address of the database cannot be understood.
    #[error("{0} is not the address of a database; write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")]
    BadUrl(String),
    /// The database was migrated by a newer gavel.
    #[error("the database is newer than this gavel (it knows step {0}); run a newer gavel, or another database")]
    Newer(i64),
    /// The database cannot be written or refuses the user.
    #[error("cannot use the database: {0}")]
    Unusable(String),
    /// The projections are past the end of the log: it is not the log they were made from.
    #[error("the read model is past the end of {topic}/{partition}, so it is of another log; run gavel rebuild")]
    AheadOfLog {
        /// The topic.
        topic: String,
        /// The partition.
        partition: u32,
    },
    /// A value is more than the database can hold.
    #[error("the database cannot hold a value: {0}")]
    Unstorable(String),
    /// The database answered something unexpected: a mistake in Gavel, or a damaged database.
    #[error("unexpected answer of the database: {0}")]
    Unexpected(String),
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// A result of the read model.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// What the caller can do about it.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unavailable(_) | Self::Overtaken { .. } => ErrorClass::Retry,
            Self::EmailTaken | Self::BadCursor | Self::Unstorable(_) => ErrorClass::Reject,
            Self::BadUrl(_) | Self::Newer(_) | Self::Unusable(_) | Self::AheadOfLog { .. } | Self::Unexpected(_) => {
                ErrorClass::Fatal
            }
            Self::Log(error) => match error.class() {
                gavel_log::ErrorClass::Retry | gavel_log::ErrorClass::Abort => ErrorClass::Retry,
                gavel_log::ErrorClass::Reject => ErrorClass::Reject,
                gavel_log::ErrorClass::Fatal => ErrorClass::Fatal,
            },
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        use sqlx::Error as Sqlx;
        match &error {
            Sqlx::Database(refusal) => match refusal.code().as_deref().map(cause_of_code) {
                Some(Cause::Transient) => Self::Unavailable(error),
                Some(Cause::Unusable) => Self::Unusable(refusal.message().to_owned()),
                Some(Cause::Value) => Self::Unstorable(refusal.message().to_owned()),
                Some(Cause::Other) | None => Self::Unexpected(refusal.message().to_owned()),
            },
            Sqlx::Io(_)
            | Sqlx::Tls(_)
            | Sqlx::PoolTimedOut
            | Sqlx::PoolClosed
            | Sqlx::WorkerCrashed
            | Sqlx::BeginFailed => Self::Unavailable(error),
            other => Self::Unexpected(other.to_string()),
        }
    }
}

enum Cause {
    Transient,
    Unusable,
    Value,
    Other,
}

/// Sorts result codes of SQLite (numbers, the low byte being the primary code) and SQLSTATEs of PostgreSQL.
fn cause_of_code(code: &str) -> Cause {
    match code.parse::<u32>() {
        // A SQLSTATE has five characters, and SQLite's extended codes of that length do not occur.
        Ok(number) if code.len() < 5 => match number & 0xff {
            5 | 6 | 9 | 10 | 13 => Cause::Transient, // busy, locked, interrupted, input/output, disk full
            3 | 8 | 11 | 14 | 23 | 26 => Cause::Unusable, // permission, read-only, corrupt, cannot open, no database
            18 => Cause::Value,                      // too big
            _ => Cause::Other,
        },
        _ => match code.get(..2) {
            Some("08" | "40" | "53" | "55" | "57" | "58") => Cause::Transient,
            Some("25" | "28" | "3D" | "42") => Cause::Unusable,
            Some("22" | "54") => Cause::Value,
            _ => Cause::Other,
        },
    }
}
