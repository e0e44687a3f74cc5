//! `gavel admin grant|revoke|suspend|restore|password EMAIL`.

use std::io::{IsTerminal, Write};

use super::CommandError;
use crate::config::Config;
use crate::edge::registration::password_fault;
use crate::house::open_database;
use crate::security::password::Passwords;

/// Makes the account of an e-mail address an admin, or one no more. A running house knows at once.
pub(crate) async fn set(config: &Config, email: &str, is_admin: bool) -> Result<(), CommandError> {
    let database = open_database(config).await?;
    let found = match is_admin {
        true => database.grant_admin(email).await?,
        false => database.revoke_admin(email).await?,
    };
    database.close().await;
    if !found {
        return Err(CommandError::NoAccount);
    }
    let words = if is_admin { "may see the desk now" } else { "may not see the desk any more" };
    Ok(writeln!(std::io::stdout(), "the account {words}")?)
}

/// Lets the account of an e-mail address bid no more, or again. A running house knows at once.
pub(crate) async fn suspend(config: &Config, email: &str, is_suspended: bool) -> Result<(), CommandError> {
    let database = open_database(config).await?;
    let found = database.set_suspended(email, is_suspended).await?;
    database.close().await;
    if !found {
        return Err(CommandError::NoAccount);
    }
    let words = if is_suspended { "may not bid any more" } else { "may bid again" };
    Ok(writeln!(std::io::stdout(), "the account {words}")?)
}

/// Sets the password of an account and ends its sessions.
pub(crate) async fn set_password(config: &Config, email: &str) -> Result<(), CommandError> {
    let database = open_database(config).await?;
    let account = database.account_by_email(email).await?.ok_or(CommandError::NoAccount)?;
    let password = tokio::task::spawn_blocking(read_password).await.map_err(std::io::Error::other)??;
    password_fault(&password).map_or(Ok(()), |fault| Err(CommandError::Password(fault)))?;
    let hash = Passwords::prepared().hash(password).await.map_err(std::io::Error::other)?;
    database.set_password_hash(account.account_id, &hash).await?;
    database.delete_sessions_of(account.account_id).await?;
    database.close().await;
    Ok(writeln!(std::io::stdout(), "the password is set, and all sessions of the account are ended")?)
}

/// Without showing it where somebody types; one line where a program writes.
fn read_password() -> std::io::Result<String> {
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password("New password: ");
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
