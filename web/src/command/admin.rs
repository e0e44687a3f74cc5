//! `gavel admin grant EMAIL`, `gavel admin revoke EMAIL`.

use std::io::Write;

use super::CommandError;
use crate::config::Config;
use crate::house::open_database;

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
