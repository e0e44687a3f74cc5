//! What the command line can ask for, one file each.

pub(crate) mod admin;
pub(crate) mod backtest;
pub(crate) mod demo;
pub(crate) mod rebuild;
pub(crate) mod serve;
pub(crate) mod topics;
pub(crate) mod verify;

use std::path::PathBuf;

use gavel_auctions::backtest::BacktestError;
use gavel_auctions::verify::VerifyError;
use gavel_log::LogError;

use crate::config::ConfigError;
use crate::demo::DemoError;
use crate::house::StartError;

/// Why a command failed. Each is told as one line.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A part did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The read model refused.
    #[error(transparent)]
    ReadModel(#[from] gavel_readmodel::Error),
    /// A backtest failed.
    #[error(transparent)]
    Backtest(#[from] BacktestError),
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// Outcomes cannot be recomputed.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// Outcomes are recorded otherwise than they are recomputed; each was printed.
    #[error("{differences} records differ from what the log gives, {agreed} are as they must be")]
    Differences {
        /// How many differ, are missing or too many.
        differences: usize,
        /// How many do not.
        agreed: u64,
    },
    /// A topic that is kept for ever lost its beginning.
    #[error("{partition} begins at offset {low}: what came before is gone, and without it nothing can be recomputed")]
    Truncated {
        /// Of which topic.
        partition: String,
        /// Its first offset.
        low: u64,
    },
    /// The demo stopped.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// A file cannot be used.
    #[error("cannot use {}: {reason}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// Nobody has registered with that address.
    #[error("nobody has registered with that e-mail address")]
    NoAccount,
    /// A part stopped by itself.
    #[error("{0}")]
    Stopped(String),
    /// The system gives no threads.
    #[error("cannot start: {0}")]
    Threads(std::io::Error),
    /// Standard output is gone.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] std::io::Error),
}
