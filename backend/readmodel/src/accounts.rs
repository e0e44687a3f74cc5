//! Accounts. Nobody's history: kept when the projections are rebuilt.

use std::fmt;

use gavel_domain::AccountId;

use crate::database::Database;
use crate::error::{Error, Result};
use crate::row::{FromRow, Row};
use crate::statement::sql;

/// An account.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountRow {
    /// The account.
    pub account_id: AccountId,
    /// Secret: as the person wrote it.
    pub email: String,
    /// The public name.
    pub display_name: String,
    /// Secret: the hash of the password, in PHC form.
    pub password_hash: String,
    /// May see the desk.
    pub is_admin: bool,
    /// May not bid at present.
    pub is_suspended: bool,
    /// When it was made.
    pub created_ms: i64,
}

impl fmt::Debug for AccountRow {
    /// Without the e-mail address and the hash, which must never reach a log line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountRow").field("account_id", &self.account_id).finish_non_exhaustive()
    }
}

impl FromRow for AccountRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            account_id: row.get("account_id")?,
            email: row.get("email")?,
            display_name: row.get("display_name")?,
            password_hash: row.get("password_hash")?,
            is_admin: row.get("is_admin")?,
            is_suspended: row.get("is_suspended")?,
            created_ms: row.get("created_ms")?,
        })
    }
}

/// An e-mail address as it is compared: letter case does not count.
fn folded(email: &str) -> String {
    email.trim().to_lowercase()
}

impl Database {
    /// Makes an account.
    ///
    /// # Errors
    /// `EmailTaken` when another has this e-mail address, whatever its letter case; `Unavailable`.
    pub async fn create_account(&self, account: &AccountRow) -> Result<()> {
        let created =
            sql("INSERT INTO accounts (account_id, email, email_folded, display_name, password_hash, is_admin, \
             is_suspended, created_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (email_folded) DO NOTHING")
            .bind(account.account_id)
            .bind(account.email.trim())
            .bind(folded(&account.email))
            .bind(&*account.display_name)
            .bind(&*account.password_hash)
            .bind(account.is_admin)
            .bind(account.is_suspended)
            .bind(account.created_ms)
            .execute(&self.writer)
            .await?;
        if created == 0 { Err(Error::EmailTaken) } else { Ok(()) }
    }

    /// The account of an e-mail address, whatever its letter case.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn account_by_email(&self, email: &str) -> Result<Option<AccountRow>> {
        sql("SELECT * FROM accounts WHERE email_folded = $1").bind(folded(email)).fetch_optional(&self.readers).await
    }

    /// An account.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn account_by_id(&self, account_id: AccountId) -> Result<Option<AccountRow>> {
        sql("SELECT * FROM accounts WHERE account_id = $1").bind(account_id).fetch_optional(&self.readers).await
    }

    /// Makes the account of an e-mail address an admin; answers false if there is none.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn grant_admin(&self, email: &str) -> Result<bool> {
        let granted = sql("UPDATE accounts SET is_admin = 1 WHERE email_folded = $1").bind(folded(email));
        Ok(granted.execute(&self.writer).await? > 0)
    }

    /// Lets the account of an e-mail address bid no more, or again; answers false if there is none.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn set_suspended(&self, email: &str, is_suspended: bool) -> Result<bool> {
        let set = sql("UPDATE accounts SET is_suspended = $2 WHERE email_folded = $1").bind(folded(email));
        Ok(set.bind(is_suspended).execute(&self.writer).await? > 0)
    }

    /// Sets the hash of an account's password.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn set_password_hash(&self, account_id: AccountId, password_hash: &str) -> Result<()> {
        let set = sql("UPDATE accounts SET password_hash = $2 WHERE account_id = $1").bind(account_id);
        set.bind(password_hash).execute(&self.writer).await?;
        Ok(())
    }

    /// Makes the account of an e-mail address an admin no more; answers false if there is none.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn revoke_admin(&self, email: &str) -> Result<bool> {
        let revoked = sql("UPDATE accounts SET is_admin = 0 WHERE email_folded = $1").bind(folded(email));
        Ok(revoked.execute(&self.writer).await? > 0)
    }
}
