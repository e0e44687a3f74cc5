//! The log: embedded in the data folder, or Kafka.

use std::sync::Arc;

use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions, Strictness};
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{Log, LogError};

use super::{StartError, folder};
use crate::config::{Config, Fsync};

/// Opens the log that the configuration names.
///
/// # Errors
/// [`StartError`].
pub async fn open_log(config: &Config) -> Result<Arc<dyn Log>, StartError> {
    if let Some(servers) = config.kafka.clone() {
        let log = off_thread(move || KafkaLog::connect(&servers, KafkaOptions::default())).await?;
        return Ok(log);
    }
    folder::prepare(config)?;
    let strictness = match config.fsync {
        Fsync::Group => Strictness::Fsync,
        Fsync::Os => Strictness::Os,
    };
    let folder = folder::log(config);
    let options = EmbeddedOptions { strictness, ..EmbeddedOptions::default() };
    let log = off_thread(move || EmbeddedLog::open(folder, options)).await?;
    Ok(log)
}

/// Whether the data folder has an embedded log.
#[must_use]
pub fn holds_log(config: &Config) -> bool {
    folder::log(config).is_dir()
}

/// Runs a call of the log, which may block, off the async threads.
///
/// # Errors
/// As the log refuses.
pub(super) async fn off_thread<T: Send + 'static>(
    call: impl FnOnce() -> gavel_log::Result<T> + Send + 'static,
) -> gavel_log::Result<T> {
    let joined = tokio::task::spawn_blocking(call).await;
    joined.unwrap_or_else(|_| Err(LogError::Unavailable("a call of the log panicked".into())))
}
