//! What can interrupt a thread of the runtime, each with its one remedy.

use gavel_log::{ErrorClass, LogError};

use crate::store::StoreError;

/// Why a thread of the runtime stopped for good.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The log refused in a way that no retry mends.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The local stores cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The topics of a topology do not fit together.
    #[error("topology {topology} cannot run: {problem}")]
    Topics {
        /// The topology.
        topology: String,
        /// What is wrong.
        problem: String,
    },
    /// The system gave no thread.
    #[error("no thread {name}: {problem}")]
    Thread {
        /// Its name.
        name: String,
        /// What the system said.
        problem: String,
    },
}

/// Why a round of a thread was not finished.
#[derive(Debug)]
pub(super) enum Interruption {
    /// The log does not answer, or not yet as it should, or the transaction was aborted: wait, and do it again.
    Retry(LogError),
    /// This member is no longer the owner: close all, and join again.
    Rejoin(LogError),
    /// A failpoint: die without a word.
    Killed,
    /// Stop.
    Fatal(RuntimeError),
}

impl From<LogError> for Interruption {
    fn from(error: LogError) -> Self {
        match error.class() {
            ErrorClass::Retry | ErrorClass::Abort => Self::Retry(error),
            // For how long it may be missing, the worker knows.
            ErrorClass::Reject if matches!(error, LogError::UnknownTopic(_)) => Self::Retry(error),
            ErrorClass::Fatal if matches!(error, LogError::Fenced(_)) => Self::Rejoin(error),
            ErrorClass::Reject | ErrorClass::Fatal => Self::Fatal(error.into()),
        }
    }
}

impl From<StoreError> for Interruption {
    fn from(error: StoreError) -> Self {
        Self::Fatal(error.into())
    }
}
