//! What the command line can ask for, one file each.

pub(crate) mod admin;
pub(crate) mod backtest;
pub(crate) mod dead_letters;
pub(crate) mod demo;
pub(crate) mod rebuild;
pub(crate) mod serve;
pub(crate) mod topics;

use std::path::PathBuf;

use gavel_auctions::backtest::BacktestError;

use crate::config::ConfigError;
use crate::demo::DemoError;
use crate::house::StartError;
use crate::operator::OperatorError;

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
    /// What an operator asked failed.
    #[error(transparent)]
    Operator(#[from] OperatorError),
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
    /// There is nothing to edit with.
    #[error("no editor is named: set EDITOR, or give the value with --value FILE")]
    NoEditor,
    /// The editor failed.
    #[error("the editor {0} did not end well; nothing was changed")]
    Editor(String),
    /// Nobody has registered with that address.
    #[error("nobody has registered with that e-mail address")]
    NoAccount,
    /// The new password cannot be taken.
    #[error("{0}")]
    Password(&'static str),
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
