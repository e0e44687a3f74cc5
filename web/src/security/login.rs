//! Proves who somebody is by e-mail address and password.

use std::net::IpAddr;

use gavel_readmodel::AccountRow;

use super::account;
use crate::edge::text;
use crate::error::WebError;
use crate::state::AppState;

/// The account of these credentials.
///
/// # Errors
/// `WrongCredentials`, in the same time and words whether the account exists or not; `TooMany`; `DatabaseUnavailable`.
pub async fn login(state: &AppState, address: IpAddr, email: &str, password: String) -> Result<AccountRow, WebError> {
    // Guesses at one account count together, however its address is written.
    state.limits.login(address, &text::email(email).unwrap_or_else(|| email.trim().to_owned()))?;
    let account = account::of_email(&state.database, email).await?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    match (state.passwords.verify(password, hash).await?, account) {
        (true, Some(account)) => Ok(account),
        _ => Err(WebError::WrongCredentials),
    }
}
