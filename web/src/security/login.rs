//! Proves who somebody is by e-mail address and password.

use std::net::IpAddr;

use gavel_readmodel::AccountRow;

use crate::edge::text;
use crate::error::WebError;
use crate::state::AppState;

/// The account of these credentials.
///
/// # Errors
/// `WrongCredentials`, in the same time and words whether the account exists or not; `TooMany`; `DatabaseUnavailable`.
pub async fn login(state: &AppState, address: IpAddr, email: &str, password: String) -> Result<AccountRow, WebError> {
    // Accounts of before have their address as it was written.
    let written = email.trim();
    let email = text::email(written).unwrap_or_else(|| written.to_owned());
    state.limits.login(address, &email)?;
    let account = match state.database.account_by_email(&email).await? {
        None if email != written => state.database.account_by_email(written).await?,
        account => account,
    };
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    match (state.passwords.verify(password, hash).await?, account) {
        (true, Some(account)) => Ok(account),
        _ => Err(WebError::WrongCredentials),
    }
}
