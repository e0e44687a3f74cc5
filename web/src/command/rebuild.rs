//! `gavel rebuild`.

use std::io::Write;

use super::CommandError;
use crate::config::Config;
use crate::house::{open_database, open_log};

/// Empties the projections and replays the log into them.
pub(crate) async fn run(config: &Config) -> Result<(), CommandError> {
    let log = open_log(config).await?;
    let database = open_database(config).await?;
    let done = gavel_readmodel::rebuild(&database, log, |progress| {
        tracing::debug!(projected = progress.projected, remaining = progress.remaining, "replaying");
    })
    .await?;
    database.close().await;
    writeln!(std::io::stdout(), "{} records projected, {} of them passed over", done.projected, done.refused)?;
    Ok(())
}
