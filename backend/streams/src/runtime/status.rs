//! What a runtime says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What a task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TaskState {
    /// It waits for its turn to be restored.
    Assigned,
    /// It reads its changelog.
    Restoring {
        /// Offsets read of what is to be read.
        restored: u64,
        /// Offsets to read in all.
        total: u64,
    },
    /// It processes records.
    Running,
    /// It keeps its place and processes nothing, by order.
    Paused,
    /// It processes what was appended before an order, up to which it goes.
    Draining,
    /// It has processed all of that.
    Drained,
    /// It stopped, and is begun again after a while.
    Failed,
}

impl TaskState {
    /// Whether its state is whole, so that it processes what it may.
    #[must_use]
    pub fn is_whole(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Draining | Self::Drained)
    }

    /// The same, without how far it is.
    fn outline(self) -> Self {
        match self {
            Self::Restoring { .. } => Self::Restoring { restored: 0, total: 0 },
            other => other,
        }
    }
}

/// One task of this process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStatus {
    /// Its topology.
    pub topology: String,
    /// Its partition.
    pub partition: u32,
    /// What it is doing.
    #[serde(flatten)]
    pub state: TaskState,
    /// For each source topic: the next offset to process.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub positions: BTreeMap<String, u64>,
    /// Records of all sources that wait, as last asked.
    pub lag_records: u64,
    /// Partition time; `None` before the first clock record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition_time_ms: Option<i64>,
    /// When the next timer is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earliest_due_ms: Option<i64>,
    /// How many changelog records were read before it ran.
    #[serde(default)]
    pub restored_records: u64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// One partition of another process that is kept warm here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandbyStatus {
    /// Its topology.
    pub topology: String,
    /// Its partition.
    pub partition: u32,
    /// Changelog records that are not read yet, as last asked.
    pub lag_records: u64,
}

/// One thread of this process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ThreadStatus {
    /// Its topology.
    pub topology: String,
    /// Whether it still runs.
    pub running: bool,
    /// Whether it is a member of its group with all of its tasks running.
    pub ready: bool,
    /// Up to where the orders were read that it follows; `None` while it knows none, and processes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_next: Option<u64>,
    /// The last thing that went wrong; stands until it is over. If the thread does not run: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Its tasks.
    pub tasks: Vec<TaskStatus>,
}

/// A runtime as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RuntimeStatus {
    /// Its threads.
    pub threads: Vec<ThreadStatus>,
    /// What it keeps warm.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standbys: Vec<StandbyStatus>,
    /// Why it cannot read orders, or tell of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steering_error: Option<String>,
}

impl RuntimeStatus {
    /// Whether every thread is a member of its group and has restored its tasks.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.threads.iter().all(|thread| thread.running && thread.ready)
    }

    /// The same without what moves all the time: when this changes, others are to know.
    #[must_use]
    pub(crate) fn outline(&self) -> Self {
        let mut outline = self.clone();
        for task in outline.threads.iter_mut().flat_map(|thread| &mut thread.tasks) {
            task.state = task.state.outline();
            task.positions.clear();
            (task.lag_records, task.partition_time_ms, task.earliest_due_ms) = (0, None, None);
        }
        outline.standbys.iter_mut().for_each(|standby| standby.lag_records = 0);
        outline
    }

    /// All tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskStatus> {
        self.threads.iter().flat_map(|thread| &thread.tasks)
    }

    /// What is wrong, with threads and with tasks.
    pub fn errors(&self) -> impl Iterator<Item = &str> {
        let of_threads = self.threads.iter().filter_map(|thread| thread.error.as_deref());
        let of_tasks = self.tasks().filter_map(|task| task.error.as_deref());
        of_threads.chain(of_tasks).chain(self.steering_error.as_deref())
    }
}
