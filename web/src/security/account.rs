//! Whose account an e-mail address is of, in whichever form it was kept.

use gavel_readmodel::{AccountRow, Database, Result};

use crate::edge::text;

/// The account of an address. Accounts of before have theirs as it was written, new ones in its one form: all are one.
///
/// # Errors
/// `Unavailable`.
pub async fn of_email(database: &Database, email: &str) -> Result<Option<AccountRow>> {
    for form in text::email_forms(email) {
        if let Some(account) = database.account_by_email(&form).await? {
            return Ok(Some(account));
        }
    }
    Ok(None)
}
