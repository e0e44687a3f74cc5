//! Appends commands to the log, and waits for what the stream decides.

use std::time::Duration;

use gavel_log::{Appended, LogError, NewRecord};
use gavel_readmodel::Receipt;

use crate::error::WebError;
use crate::live::DecisionWaiter;
use crate::state::AppState;

/// How long an append may take before the log counts as unreachable.
const APPEND_WITHIN: Duration = Duration::from_secs(5);

/// Appends a record; durable when this returns.
///
/// # Errors
/// `DiskFull`; `LogUnavailable` when the log does not take it. After a time-out it may still have been taken, which the bid's id
/// makes harmless: the same request again is the same bid.
pub async fn append(state: &AppState, record: NewRecord) -> Result<Appended, WebError> {
    match tokio::time::timeout(APPEND_WITHIN, state.producer.send(record)).await {
        Ok(Ok(appended)) => Ok(appended),
        // The log has said so once, for all.
        Ok(Err(LogError::DiskFull(_))) => Err(WebError::DiskFull),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the log did not take a command");
            Err(WebError::LogUnavailable)
        }
        Err(_) => {
            tracing::warn!("the log did not take a command in time");
            Err(WebError::LogUnavailable)
        }
    }
}

/// Waits for the decision as long as a request may; `None` if the stream has not decided by then.
pub async fn decision(state: &AppState, mut waiter: DecisionWaiter) -> Option<Receipt> {
    let wait = Duration::from_millis(state.config.decision_wait_ms);
    tokio::time::timeout(wait, waiter.decided()).await.ok()
}
