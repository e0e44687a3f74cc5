//! Sessions of browsers and bearers. A token is stored as its hash alone.

use gavel_domain::AccountId;

use crate::accounts::AccountRow;
use crate::database::Database;
use crate::error::Result;
use crate::row::{FromRow, Row, columns};
use crate::statement::sql;

/// How a session's token travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// In a cookie.
    Browser,
    /// In an `Authorization: Bearer` header.
    Bearer,
}

impl SessionKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Bearer => "bearer",
        }
    }
}

columns! {
    [] SessionKind, String, value => [Self::Browser, Self::Bearer].into_iter().find(|kind| kind.as_str() == value);
}

/// The SHA-256 of a session's token.
pub type TokenHash = [u8; 32];

/// A session to store.
#[derive(Clone)]
pub struct NewSession {
    /// The hash of its token.
    pub token_hash: TokenHash,
    /// Whose it is.
    pub account_id: AccountId,
    /// How its token travels.
    pub kind: SessionKind,
    /// When it was made.
    pub created_ms: i64,
    /// From when it is void.
    pub expires_at_ms: i64,
}

/// A session with its account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Whose it is.
    pub account: AccountRow,
    /// How its token travels.
    pub kind: SessionKind,
    /// From when it is void.
    pub expires_at_ms: i64,
}

impl FromRow for SessionRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            account: AccountRow::from_row(row)?,
            kind: row.get("kind")?,
            expires_at_ms: row.get("expires_at_ms")?,
        })
    }
}

impl Database {
    /// Stores a session.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn create_session(&self, session: &NewSession) -> Result<()> {
        sql("INSERT INTO sessions (token_hash, account_id, kind, created_ms, expires_at_ms) VALUES ($1, $2, $3, $4, $5)")
            .bind(session.token_hash.to_vec())
            .bind(session.account_id)
            .bind(session.kind.as_str())
            .bind(session.created_ms)
            .bind(session.expires_at_ms)
            .execute(&self.writer)
            .await?;
        Ok(())
    }

    /// The session of a token with its account, unless it has expired.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn find_session(&self, token_hash: &TokenHash, now_ms: i64) -> Result<Option<SessionRow>> {
        sql("SELECT accounts.*, sessions.kind, sessions.expires_at_ms FROM sessions \
             JOIN accounts ON accounts.account_id = sessions.account_id \
             WHERE sessions.token_hash = $1 AND sessions.expires_at_ms > $2")
        .bind(token_hash.to_vec())
        .bind(now_ms)
        .fetch_optional(&self.readers)
        .await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn delete_session(&self, token_hash: &TokenHash) -> Result<()> {
        sql("DELETE FROM sessions WHERE token_hash = $1").bind(token_hash.to_vec()).execute(&self.writer).await?;
        Ok(())
    }

    /// Removes the sessions that have expired; answers how many.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn delete_expired_sessions(&self, now_ms: i64) -> Result<u64> {
        sql("DELETE FROM sessions WHERE expires_at_ms <= $1").bind(now_ms).execute(&self.writer).await
    }

    /// Ends all sessions of an account; answers how many.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn delete_sessions_of(&self, account_id: AccountId) -> Result<u64> {
        sql("DELETE FROM sessions WHERE account_id = $1").bind(account_id).execute(&self.writer).await
    }
}
