//! Why the log refused, and what the caller can do about it.

use std::path::PathBuf;

/// What the caller can do about a [`LogError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The same call may succeed later: back off and retry.
    Retry,
    /// The open transaction must be aborted; the unit of work can then be tried again.
    Abort,
    /// This record or request can never succeed; others can.
    Reject,
    /// This client is unusable: it was fenced, its disk failed or its data is damaged. Close it, and rebuild what
    /// depended on it.
    Fatal,
}

/// Why the log refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LogError {
    /// No answer from the log in time, or no connection.
    #[error("the log is unreachable: {0}")]
    Unavailable(String),
    /// The topic does not exist.
    #[error("topic {0} does not exist")]
    UnknownTopic(String),
    /// The topic or partition exists differently from what was asked.
    #[error("topic {topic} differs: {difference}")]
    TopicDiffers {
        /// The topic's name.
        topic: String,
        /// What differs, in words.
        difference: String,
    },
    /// The record is larger than the topic takes.
    #[error("a record of {size_bytes} bytes is larger than the log takes ({limit_bytes})")]
    RecordTooLarge {
        /// Size of the refused record.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The transaction cannot be committed any more; abort it.
    #[error("the transaction must be aborted: {0}")]
    TransactionAborted(String),
    /// A newer owner took over this transactional id or this group membership.
    #[error("fenced by a newer owner: {0}")]
    Fenced(String),
    /// Another process holds the data folder.
    #[error("{} is in use by another gavel process; stop it, or choose another folder with --data", .0.display())]
    FolderInUse(PathBuf),
    /// The disk is full. As after every failed write, nothing more is taken until the log is opened again.
    #[error("the disk is full: make room, then restart gavel ({0})")]
    DiskFull(String),
    /// The disk is not writable. Nobody knows what the failed write left: nothing more is taken until the log is
    /// opened again.
    #[error("cannot write to the log: {0}")]
    Storage(String),
    /// Bytes on disk fail their checksum.
    #[error("the log is damaged: {0}")]
    Corrupt(String),
    /// The caller broke the contract (a send outside a transaction, an unassigned partition).
    #[error("misuse of the log: {0}")]
    Misuse(String),
}

impl LogError {
    /// What the caller can do about it.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unavailable(_) => ErrorClass::Retry,
            Self::TransactionAborted(_) => ErrorClass::Abort,
            Self::UnknownTopic(_) | Self::TopicDiffers { .. } | Self::RecordTooLarge { .. } | Self::Misuse(_) => {
                ErrorClass::Reject
            }
            Self::Fenced(_) | Self::FolderInUse(_) | Self::DiskFull(_) | Self::Storage(_) | Self::Corrupt(_) => {
                ErrorClass::Fatal
            }
        }
    }
}

/// A result of the log.
pub type Result<T> = std::result::Result<T, LogError>;
