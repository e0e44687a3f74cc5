//! `gavel admin grant|revoke|suspend|restore|password EMAIL`.

use std::io::{IsTerminal, Write};

use gavel_readmodel::{AccountRow, Database};

use super::CommandError;
use crate::config::Config;
use crate::edge::registration::password_fault;
use crate::house::open_database;
use crate::security::account;
use crate::security::password::Passwords;

/// Makes the account of an e-mail address an admin, or one no more. A running house knows at once.
pub(crate) async fn set(config: &Config, email: &str, is_admin: bool) -> Result<(), CommandError> {
    let (database, account) = find(config, email).await?;
    match is_admin {
        true => database.grant_admin(&account.email).await?,
        false => database.revoke_admin(&account.email).await?,
    };
    database.close().await;
    say(if is_admin { "the account may see the desk now" } else { "the account may not see the desk any more" })
}

/// Lets the account of an e-mail address bid no more, or again. A running house knows at once.
pub(crate) async fn suspend(config: &Config, email: &str, is_suspended: bool) -> Result<(), CommandError> {
    let (database, account) = find(config, email).await?;
    database.set_suspended(&account.email, is_suspended).await?;
    database.close().await;
    say(if is_suspended { "the account may not bid any more" } else { "the account may bid again" })
}

/// Sets the password of an account and ends its sessions.
pub(crate) async fn set_password(config: &Config, email: &str) -> Result<(), CommandError> {
    let (database, account) = find(config, email).await?;
    let password = tokio::task::spawn_blocking(read_password).await.map_err(std::io::Error::other)??;
    password_fault(&password).map_or(Ok(()), |fault| Err(CommandError::Password(fault)))?;
    let hash = Passwords::prepared().hash(password).await.map_err(std::io::Error::other)?;
    database.set_password_hash(account.account_id, &hash).await?;
    database.delete_sessions_of(account.account_id).await?;
    database.close().await;
    say("the password is set, and all sessions of the account are ended")
}

async fn find(config: &Config, email: &str) -> Result<(Database, AccountRow), CommandError> {
    let database = open_database(config).await?;
    let account = account::of_email(&database, email).await?.ok_or(CommandError::NoAccount)?;
    Ok((database, account))
}

fn say(words: &str) -> Result<(), CommandError> {
    Ok(writeln!(std::io::stdout(), "{words}")?)
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
