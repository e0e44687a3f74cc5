//! What an operator can ask of a house, and where it is done.
//!
//! ```text
//! command line ─ perform ─┬─ Kafka, or a folder that nobody holds: open the log ─┬─ Command::run ─ lines
//!                         └─ a house holds the folder: operator.sock ─ Door ─────┘
//! ```
//!
//! Each command is written once, over the log. Where a house holds the data folder, its words go through the [`Door`]; it
//! runs inside the house, on a thread of its own, and what it says comes back line by line.
//!
//! A command that works for long flushes its output now and then: where nobody listens any more that fails, and ends it.

mod control;
pub(crate) mod dead_letters;
mod door;
mod knock;
mod replay;
mod scope;
mod status;
mod verify;
mod wire;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gavel_auctions::verify::VerifyError;
use gavel_log::{Log, LogError};
use gavel_streams::TopologyError;
use gavel_streams::dead_letters::DeadLetterError;
use gavel_streams::runtime::RuntimeError;
use serde::{Deserialize, Serialize};

pub use control::{Change, Control};
use dead_letters::DeadLetters;
pub use door::Door;
pub use replay::{From, Replay};

use crate::config::Config;
use crate::house::{StartError, holds_log, open_log};

/// How long a process that holds the folder may take to open its door: it may be starting.
const DOOR_WITHIN: Duration = Duration::from_secs(5);
/// How often it is knocked at.
const KNOCK_EVERY: Duration = Duration::from_millis(100);

/// What an operator can ask.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Recompute every outcome from the log, and say what is recorded otherwise.
    Verify,
    /// Run topologies over what was recorded, beside the live ones.
    Replay(Replay),
    /// Order something, and wait until it is followed.
    Control(Control),
    /// Say what is ordered.
    ShowControl {
        /// As JSON.
        json: bool,
    },
    /// Say who runs what.
    Status {
        /// As JSON.
        json: bool,
    },
    /// Tell of dead letters, or resolve them.
    DeadLetters(DeadLetters),
}

/// Why a command failed. Each is told as one line.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The log cannot be opened.
    #[error(transparent)]
    Open(#[from] StartError),
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is nothing to operate on.
    #[error("there is no log in {}; name the folder with --data DIR, or the servers with --kafka HOST:PORT", .0.display())]
    NoLog(PathBuf),
    /// Another process holds the folder, and does not take commands.
    #[error(
        "{} is held by a gavel process that takes no commands: one that starts or closes, or a command such as rebuild; \
         try again when it is done", .0.display()
    )]
    NoDoor(PathBuf),
    /// The door cannot be used.
    #[error("cannot reach the house that holds {}: {reason}", .folder.display())]
    Door {
        /// The data folder.
        folder: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The house refused, or its command failed: its own words.
    #[error("{0}")]
    Told(String),
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
    /// Nothing of that name can be ordered anything.
    #[error("nothing here is called {name}; orders are for {}", .known.join(", "))]
    UnknownScope {
        /// As it was named.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// An order is in the log, but not everybody follows it yet.
    #[error("the order is in the log, but after {wait_s} s it is not followed by {}", .late.join(", "))]
    NotFollowed {
        /// How long was waited.
        wait_s: u32,
        /// Who does not, or where.
        late: Vec<String>,
    },
    /// Not all is as it should be; what was printed.
    #[error("{}", .0.join("; "))]
    Unwell(Vec<String>),
    /// The topologies do not fit together: a mistake in Gavel.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// Dead letters cannot be read or resolved.
    #[error(transparent)]
    DeadLetters(#[from] DeadLetterError),
    /// No topic of that name has dead letters.
    #[error("there are no dead letters of {topic}; there are {all}")]
    NoDeadLetterTopic {
        /// As it was named.
        topic: String,
        /// Those there are.
        all: String,
    },
    /// A value that is to be edited is no text.
    #[error("the value of {0} is no text; give another with --value FILE")]
    NoText(String),
    /// Some dead letters stay as they are; why was said.
    #[error("{refused} dead letters are as before, {done} are resolved")]
    Unresolved {
        /// How many were refused.
        refused: usize,
        /// How many were not.
        done: usize,
    },
    /// A replay cannot run.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The command has a bug.
    #[error("the command panicked")]
    Panicked,
    /// Nobody listens to what it says.
    #[error("cannot write what there is to say: {0}")]
    Output(#[from] std::io::Error),
}

impl Command {
    /// Does it, and says what came of it.
    fn run(self, log: &Arc<dyn Log>, out: &mut dyn Write) -> Result<(), OperatorError> {
        match self {
            Self::Verify => verify::run(log, out),
            Self::Replay(replay) => replay.run(log, out),
            Self::Control(control) => control.run(log, out),
            Self::ShowControl { json } => control::show(log, json, out),
            Self::Status { json } => status::run(log, json, out),
            Self::DeadLetters(asked) => asked.run(log, out),
        }
    }
}

/// Does what an operator asks of the house that the configuration names, by its door or on its log. `out` gets what it says,
/// and is given back.
///
/// # Errors
/// [`OperatorError`].
pub(crate) async fn perform<W: Write + Send + 'static>(
    config: &Config,
    command: Command,
    mut out: W,
) -> Result<W, OperatorError> {
    let reached = reach(config).await?;
    let work = move || {
        match reached {
            Reached::House(house) => knock::ask(house, &command, &mut out)?,
            Reached::Log(log) => command.run(&log, &mut out)?,
        }
        Ok(out)
    };
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(OperatorError::Panicked))
}

enum Reached {
    House(knock::House),
    Log(Arc<dyn Log>),
}

async fn reach(config: &Config) -> Result<Reached, OperatorError> {
    if config.kafka.is_some() {
        return Ok(Reached::Log(open_log(config).await?));
    }
    let deadline = Instant::now() + DOOR_WITHIN;
    loop {
        if let Some(house) = knock::knock(&config.data)? {
            return Ok(Reached::House(house));
        }
        if !holds_log(config) {
            return Err(OperatorError::NoLog(config.data.clone()));
        }
        match open_log(config).await {
            Err(StartError::Log(LogError::FolderInUse(_))) if Instant::now() < deadline => {
                tokio::time::sleep(KNOCK_EVERY).await;
            }
            Err(StartError::Log(LogError::FolderInUse(_))) => return Err(OperatorError::NoDoor(config.data.clone())),
            opened => return Ok(Reached::Log(opened?)),
        }
    }
}
