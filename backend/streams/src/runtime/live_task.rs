//! A task of a running topology: from assignment over restoration to work.

use gavel_log::{ConsumedOffset, Consumer, Log, LogError, Record, TopicPartition};

use super::gate::{Gate, Progress};
use super::local::LocalStore;
use super::restoration::Restoration;
use super::status::{TaskState, TaskStatus};
use super::ticker::Ticker;
use crate::order::Queues;
use crate::processor::SourceRecord;
use crate::task::{Task, TaskError};
use crate::topology::Topology;

/// Where a task stands.
pub(super) enum Phase {
    /// It waits for its turn to be restored, or for another thread to let its store go.
    Assigned,
    /// It reads its changelogs; its source partitions are paused.
    Restoring(Box<Restoration>),
    /// It works.
    Running(Box<Running>),
}

/// One assigned partition.
pub(super) struct LiveTask {
    /// In the order of the sources.
    pub(super) sources: Vec<TopicPartition>,
    pub(super) phase: Phase,
}

impl LiveTask {
    pub(super) fn new(topology: &Topology, partition: u32) -> Self {
        let sources = topology.0.sources.iter().map(|source| TopicPartition::new(source.topic.clone(), partition));
        Self { sources: sources.collect(), phase: Phase::Assigned }
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.phase, Phase::Running(_))
    }

    pub(super) fn running(&mut self) -> Option<&mut Running> {
        match &mut self.phase {
            Phase::Running(running) => Some(running),
            Phase::Assigned | Phase::Restoring(_) => None,
        }
    }

    pub(super) fn status(&self, topology: &Topology) -> TaskStatus {
        let mut status = TaskStatus {
            topology: topology.name().into(),
            partition: self.sources[0].partition,
            state: TaskState::Assigned,
            positions: Vec::new(),
            lag_records: 0,
            partition_time_ms: None,
            earliest_due_ms: None,
        };
        match &self.phase {
            Phase::Assigned => {}
            Phase::Restoring(restoration) => status.state = restoration.state(),
            Phase::Running(running) => {
                let positions = self.sources.iter().zip(&running.next);
                status.state = TaskState::Running;
                status.positions = positions.map(|(source, &next)| (source.topic.to_string(), next)).collect();
                status.lag_records = running.lag_records;
                status.partition_time_ms = Some(running.task.time_ms()).filter(|&time_ms| time_ms != i64::MIN);
                status.earliest_due_ms = running.task.earliest_due_ms();
            }
        }
        status
    }
}

/// A task at work.
pub(super) struct Running {
    pub(super) task: Task<LocalStore>,
    pub(super) queues: Queues,
    pub(super) gate: Gate,
    /// `None` without a clock.
    pub(super) ticker: Option<Ticker>,
    /// For each source: the next offset to process.
    pub(super) next: Vec<u64>,
    /// For each source: whether reading is halted because too much waits.
    pub(super) paused: Vec<bool>,
    /// Records that waited when last asked, and when that was.
    pub(super) lag_records: u64,
    pub(super) lag_asked_ms: i64,
    /// Whether a unit of work is processed and waits for its commit.
    pub(super) in_unit: bool,
    /// When the changelogs' ends were last asked, for the bounds.
    pub(super) bounds_asked_ms: i64,
}

impl Running {
    pub(super) fn open(
        topology: &Topology,
        sources: &[TopicPartition],
        store: LocalStore,
        next: Vec<u64>,
    ) -> Result<Self, TaskError> {
        let clock = topology.0.clock.as_ref();
        Ok(Self {
            task: Task::open(topology, sources[0].partition, store)?,
            queues: Queues::new(sources.len()),
            gate: Gate::new(sources.len()),
            ticker: clock.map(|clock| Ticker::new(sources[clock.source].clone(), clock.tick.clone())),
            next,
            paused: vec![false; sources.len()],
            lag_records: 0,
            lag_asked_ms: i64::MIN,
            in_unit: false,
            bounds_asked_ms: i64::MIN,
        })
    }

    /// Takes a record that was read.
    pub(super) fn receive(&mut self, source: usize, record: Record) {
        let Record { offset, append_ms, key, value, headers, .. } = record;
        let record = SourceRecord { source, offset, append_ms, key, value, headers };
        self.gate.receive(&record);
        self.queues.push(record);
    }

    /// Processes what may be processed now. True if there is something to commit.
    pub(super) fn work(&mut self, max_records: usize, progress: &dyn Progress) -> Result<bool, WorkError> {
        let batch = self.gate.take(&mut self.queues, max_records, progress)?;
        self.in_unit = !batch.is_empty();
        if self.in_unit {
            self.task.run(batch)?;
        }
        Ok(self.in_unit)
    }

    /// What the unit of work in hand consumed.
    pub(super) fn consumed(&self, sources: &[TopicPartition]) -> Vec<ConsumedOffset> {
        let consumed = self.task.consumed().into_iter();
        consumed.map(|(source, next)| ConsumedOffset { partition: sources[source].clone(), next }).collect()
    }

    /// The unit of work is committed in the log; now here.
    pub(super) fn applied(&mut self) -> Result<(), TaskError> {
        for (source, next) in self.task.consumed() {
            self.next[source] = next;
        }
        self.in_unit = false;
        self.task.commit()
    }

    /// The unit of work is not committed; its records wait again.
    pub(super) fn rollback(&mut self) {
        if std::mem::take(&mut self.in_unit) {
            let records = self.task.rollback();
            self.queues.put_back(records);
        }
    }
}

/// Why [`Running::work`] did not finish.
pub(super) enum WorkError {
    Log(LogError),
    Task(TaskError),
}

impl From<LogError> for WorkError {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}

impl From<TaskError> for WorkError {
    fn from(error: TaskError) -> Self {
        Self::Task(error)
    }
}

/// What the gate asks, answered by the group's consumer and the log.
pub(super) struct LogProgress<'a> {
    pub(super) log: &'a dyn Log,
    pub(super) consumer: &'a dyn Consumer,
    pub(super) sources: &'a [TopicPartition],
}

impl Progress for LogProgress<'_> {
    fn position(&self, source: usize) -> Result<u64, LogError> {
        self.consumer.position(&self.sources[source])
    }

    fn end(&self, source: usize) -> Result<u64, LogError> {
        Ok(self.log.watermarks(&self.sources[source])?.end)
    }
}
