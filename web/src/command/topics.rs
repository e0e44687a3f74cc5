//! `gavel topics create`, `gavel topics check`.

use std::io::Write;

use super::CommandError;
use crate::config::Config;
use crate::house::{open_log, topics};

/// Creates the topics that are missing.
pub(crate) async fn create(config: &Config) -> Result<(), CommandError> {
    let log = open_log(config).await?;
    let created = topics::create(log, config.partitions).await?;
    Ok(writeln!(std::io::stdout(), "{created} topics created; all are as they must be")?)
}

/// Says whether all topics are as they must be.
pub(crate) async fn check(config: &Config) -> Result<(), CommandError> {
    let log = open_log(config).await?;
    topics::check(log, config.partitions).await?;
    Ok(writeln!(std::io::stdout(), "all topics are as they must be")?)
}
