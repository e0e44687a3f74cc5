//! What a runtime says of itself.

/// What a task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// It stopped, and is begun again after a while.
    Failed,
}

/// One task of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskStatus {
    /// Its topology.
    pub topology: String,
    /// Its partition.
    pub partition: u32,
    /// What it is doing.
    pub state: TaskState,
    /// For each source, in the order of declaration: the topic and the next offset to process.
    pub positions: Vec<(String, u64)>,
    /// Records of all sources that wait, as last asked.
    pub lag_records: u64,
    /// Partition time; `None` before the first clock record.
    pub partition_time_ms: Option<i64>,
    /// When the next timer is due.
    pub earliest_due_ms: Option<i64>,
    /// Why it failed.
    pub error: Option<String>,
}

/// One thread of this process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ThreadStatus {
    /// Its topology.
    pub topology: String,
    /// Whether it still runs.
    pub running: bool,
    /// Whether it is a member of its group with all of its tasks running.
    pub ready: bool,
    /// The last thing that went wrong; stands until it is over. If the thread does not run: why.
    pub error: Option<String>,
    /// Its tasks.
    pub tasks: Vec<TaskStatus>,
}

/// A runtime as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuntimeStatus {
    /// Its threads.
    pub threads: Vec<ThreadStatus>,
}

impl RuntimeStatus {
    /// Whether every thread is a member of its group and has restored its tasks.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.threads.iter().all(|thread| thread.running && thread.ready)
    }

    /// All tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &TaskStatus> {
        self.threads.iter().flat_map(|thread| &thread.tasks)
    }

    /// What is wrong, with threads and with tasks.
    pub fn errors(&self) -> impl Iterator<Item = &str> {
        let of_tasks = self.tasks().filter_map(|task| task.error.as_deref());
        self.threads.iter().filter_map(|thread| thread.error.as_deref()).chain(of_tasks)
    }
}
