//! What a runtime is started with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gavel_log::TopicPartition;

use super::clock::{Clock, SystemClock};
use super::disk::Disk;
use super::restarts::Restarts;
use crate::beat::Beat;

/// Asked at each beat of each unit of work; true has the thread die there, as a killed process would.
pub type Failpoint = Arc<dyn Fn(Beat) -> bool + Send + Sync>;

/// Where the local stores are. One process holds them.
#[derive(Clone)]
pub enum LocalState {
    /// In a folder of their own.
    Folder(PathBuf),
    /// Where a test says.
    Disk(Arc<dyn Disk>),
}

/// The part of what was recorded that a runtime is to process.
#[derive(Debug, Clone, Default)]
pub struct Span {
    /// For each partition of a source: the first offset to process, where the group has not processed any; elsewhere the first that
    /// there is.
    pub from: BTreeMap<TopicPartition, u64>,
    /// The last append time: tasks that have come so far are [drained](super::TaskState::Drained).
    pub until_ms: i64,
}

/// How a runtime is steered, and how it is known.
#[derive(Debug, Clone)]
pub struct Steering {
    /// The topic of the orders it follows: see [`control`](crate::control).
    pub control_topic: String,
    /// The topic in which it says what it runs: see [`presence`](crate::presence).
    pub status_topic: String,
    /// The version of the program.
    pub version: String,
    /// Where the process serves its health.
    pub address: String,
}

/// How a runtime runs.
#[derive(Clone)]
pub struct RuntimeOptions {
    /// Where the local stores are.
    pub local_state: LocalState,
    /// This process among those that share the work: the same after a restart. Names the group membership and the
    /// transactional ids, so that a second process of the same name fences the first.
    pub instance: String,
    /// After how long without a sign of life this process's partitions go to others.
    pub session_timeout: Duration,
    /// Records that are read and processed at a time, of all tasks of a thread together.
    pub max_batch_records: usize,
    /// Records at most in one unit of work, likewise: while much waits, several batches are committed together. Timers that come
    /// due with them are limited besides.
    pub max_unit_records: usize,
    /// Their keys and values at most, in bytes: they are kept until the commit, in case it fails.
    pub max_unit_bytes: usize,
    /// Rows of a task at most that are committed in the log and not yet on its disk: what a start after a crash reads again.
    pub unwritten_rows_max: usize,
    /// Threads for each topology, which share its partitions.
    pub threads: usize,
    /// How long a thread that has nothing to do waits before it looks at the clock again.
    pub max_wait: Duration,
    /// For how long a topic that seems to be missing, or to differ, is waited for: brokers that start may not know theirs yet.
    pub topic_grace: Duration,
    /// How often a thread that stopped by itself is begun anew.
    pub restarts: Restarts,
    /// How many processes keep each partition of another warm. Only a steered runtime knows of others.
    pub standbys: usize,
    /// By which topics it is steered; without any it runs unsteered.
    pub steering: Option<Steering>,
    /// What of the sources is processed; all, and for ever, without it. Such a runtime is not steered.
    pub span: Option<Span>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// For tests.
    pub failpoint: Option<Failpoint>,
}

impl RuntimeOptions {
    /// The usual options.
    #[must_use]
    pub fn new(state_folder: impl Into<PathBuf>, instance: impl Into<String>) -> Self {
        Self {
            local_state: LocalState::Folder(state_folder.into()),
            instance: instance.into(),
            session_timeout: Duration::from_secs(10),
            max_batch_records: 4_096,
            max_unit_records: 32_768,
            max_unit_bytes: 8 << 20,
            unwritten_rows_max: 50_000,
            threads: 1,
            max_wait: Duration::from_millis(50),
            topic_grace: Duration::from_secs(30),
            restarts: Restarts::default(),
            standbys: 0,
            steering: None,
            span: None,
            clock: Arc::new(SystemClock),
            failpoint: None,
        }
    }
}
