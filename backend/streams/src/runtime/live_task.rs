//! A task of a running topology: from assignment over restoration to work.

use std::collections::BTreeMap;
use std::time::Duration;

use gavel_log::{ConsumedOffset, Consumer, Log, LogError, Record, TopicPartition};

use super::backoff::Questions;
use super::clock::Clock;
use super::gate::{Gate, Progress};
use super::interruption::Interruption;
use super::local::LocalStore;
use super::restoration::Restoration;
use super::status::{TaskState, TaskStatus};
use super::ticker::Ticker;
use crate::control::{Allowance, Mode, Throttle};
use crate::order::Queues;
use crate::processor::SourceRecord;
use crate::store::StoreError;
use crate::task::{Task, TaskError};
use crate::topology::Topology;

/// After how long a task that failed is begun again.
const RETRY_FAILED: Duration = Duration::from_secs(30);

/// Where a task stands.
pub(super) enum Phase {
    /// It waits for its turn to be restored, or for another thread to let its store go.
    Assigned,
    /// It reads its changelogs; its source partitions are paused.
    Restoring(Box<Restoration>),
    /// It works.
    Running(Box<Running>),
    /// It could not go on, for this reason.
    Failed { reason: String, since: Duration },
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

    /// Whether it is to be brought further towards running.
    pub(super) fn is_to_be_restored(&self, now: Duration) -> bool {
        match &self.phase {
            Phase::Assigned | Phase::Restoring(_) => true,
            Phase::Running(_) => false,
            Phase::Failed { since, .. } => now.saturating_sub(*since) > RETRY_FAILED,
        }
    }

    pub(super) fn running(&mut self) -> Option<&mut Running> {
        match &mut self.phase {
            Phase::Running(running) => Some(running),
            Phase::Assigned | Phase::Restoring(_) | Phase::Failed { .. } => None,
        }
    }

    /// What keeps it waiting while others go on.
    pub(super) fn trouble(&self) -> Option<&LogError> {
        match &self.phase {
            Phase::Running(running) => running.questions.trouble(),
            Phase::Assigned | Phase::Restoring(_) | Phase::Failed { .. } => None,
        }
    }

    pub(super) fn status(&self, topology: &Topology) -> TaskStatus {
        let mut status = TaskStatus {
            topology: topology.name().into(),
            partition: self.sources[0].partition,
            state: TaskState::Assigned,
            positions: BTreeMap::new(),
            lag_records: 0,
            partition_time_ms: None,
            earliest_due_ms: None,
            restored_records: 0,
            error: None,
        };
        match &self.phase {
            Phase::Assigned => {}
            Phase::Failed { reason, .. } => {
                status.state = TaskState::Failed;
                status.error = Some(reason.clone());
            }
            Phase::Restoring(restoration) => status.state = restoration.state(),
            Phase::Running(running) => {
                let positions = self.sources.iter().zip(&running.next);
                status.state = running.state();
                status.positions = positions.map(|(source, &next)| (source.topic.to_string(), next)).collect();
                status.lag_records = running.lag_records;
                status.restored_records = running.restored_records;
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
    /// Which source is the clock, if one is.
    clock: Option<usize>,
    /// `None` without a clock, or where ticks are not this topology's to append.
    pub(super) ticker: Option<Ticker>,
    /// For each source: the next offset to process.
    pub(super) next: Vec<u64>,
    /// For each source: whether reading is halted.
    pub(super) halted: Vec<bool>,
    /// What is ordered, and how much may be processed in this turn.
    pub(super) throttle: Throttle,
    pub(super) allowance: Allowance,
    /// The ends of the sources, asked once a drain was over; and whether all up to it is processed.
    pub(super) drain_ends: Option<Vec<u64>>,
    pub(super) is_drained: bool,
    /// Records that waited when last asked.
    pub(super) lag_records: u64,
    /// Changelog records that were read before it ran.
    pub(super) restored_records: u64,
    /// Whether a unit of work is in hand.
    pub(super) in_unit: bool,
    /// How large its records are.
    pub(super) unit_bytes: usize,
    /// What the gate asks.
    pub(super) questions: Questions,
    /// What nobody waits for, and when it was last asked.
    pub(super) upkeep: Questions,
    pub(super) upkept: Option<Duration>,
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
            clock: clock.map(|clock| clock.source),
            ticker: clock.and_then(|clock| Some(Ticker::new(sources[clock.source].clone(), clock.tick.clone()?))),
            next,
            halted: vec![false; sources.len()],
            throttle: Throttle::default(),
            allowance: Allowance::NOTHING,
            drain_ends: None,
            is_drained: false,
            lag_records: 0,
            restored_records: 0,
            in_unit: false,
            unit_bytes: 0,
            questions: Questions::new(),
            upkeep: Questions::new(),
            upkept: None,
        })
    }

    /// Takes a record that was read.
    pub(super) fn receive(&mut self, source: usize, record: Record, now_ms: i64) {
        let Record { offset, append_ms, key, value, headers, .. } = record;
        let record = SourceRecord { source, offset, append_ms, key, value, headers };
        self.gate.receive(&record);
        if let Some(ticker) = self.ticker.as_mut().filter(|_| self.clock == Some(source)) {
            ticker.saw(append_ms, now_ms);
        }
        self.queues.push(record);
    }

    /// The sources whose ends must be asked now.
    pub(super) fn unasked(&self, now: Duration) -> Vec<usize> {
        let is_allowed = self.allowance.records > 0
            && self.queues.head().is_some_and(|head| head.append_ms <= self.allowance.until_ms);
        if is_allowed && self.questions.may_ask(now) { self.gate.unasked(&self.queues) } else { Vec::new() }
    }

    fn state(&self) -> TaskState {
        match self.throttle.mode() {
            None => TaskState::Assigned,
            Some(Mode::Running) => TaskState::Running,
            Some(Mode::Paused) => TaskState::Paused,
            Some(Mode::Draining { .. }) if self.is_drained => TaskState::Drained,
            Some(Mode::Draining { .. }) => TaskState::Draining,
        }
    }

    /// Whether a timer that is due is to be answered by a tick.
    pub(super) fn may_tick(&self) -> bool {
        self.throttle.mode() == Some(Mode::Running)
    }

    /// Processes what may be processed now, at most so many records, as part of the unit of work in hand. Answers how many.
    pub(super) fn work(
        &mut self,
        max_records: usize,
        progress: &dyn Progress,
        clock: &dyn Clock,
    ) -> Result<usize, WorkError> {
        let asked = clock.monotonic();
        if !self.questions.may_ask(asked) {
            return Ok(0);
        }
        let records = self.allowance.records.min(self.task.room()).min(max_records);
        let allowance = Allowance { records, ..self.allowance };
        let batch = match self.gate.take(&mut self.queues, allowance, progress) {
            Ok(batch) => batch,
            Err(error) => {
                self.put_off(error, asked, clock.monotonic())?;
                return Ok(0);
            }
        };
        self.questions.answered();
        let taken = batch.len();
        if taken > 0 {
            self.in_unit = true;
            self.unit_bytes += batch.iter().map(SourceRecord::size_bytes).sum::<usize>();
            self.allowance.records -= taken;
            self.task.run(batch)?;
        }
        Ok(taken)
    }

    /// Asked then, the log has not answered by now. Others may be able to go on; this one asks again later.
    pub(super) fn put_off(&mut self, error: LogError, asked: Duration, now: Duration) -> Result<(), Interruption> {
        match Interruption::from(error) {
            Interruption::Retry(error) => {
                self.questions.unanswered(error, asked, now);
                Ok(())
            }
            other => Err(other),
        }
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
        (self.in_unit, self.unit_bytes) = (false, 0);
        self.throttle.spend(self.task.records());
        self.queues.put_back(self.task.take_rest());
        self.task.commit()
    }

    /// The unit of work asks for a record that the log refuses as too large: it is run again, with less.
    pub(super) fn begin_anew(&mut self, detail: String) -> Result<(), TaskError> {
        let begun = self.task.refuse(detail);
        // Its outputs are not sent: none is void.
        self.task.take_recall();
        begun
    }

    /// The unit of work is not committed; its records wait again. One whose commit was aborted may have been too large.
    pub(super) fn rollback(&mut self, aborted: bool) {
        if std::mem::take(&mut self.in_unit) {
            if aborted {
                self.task.narrow();
            }
            self.unit_bytes = 0;
            let records = self.task.rollback();
            self.queues.put_back(records);
        }
    }
}

/// Why a task was not brought further.
pub(super) enum WorkError {
    /// All of the session is concerned.
    Interrupted(Interruption),
    /// It alone cannot go on.
    Task(TaskError),
}

impl From<LogError> for WorkError {
    fn from(error: LogError) -> Self {
        Self::Interrupted(error.into())
    }
}

impl From<Interruption> for WorkError {
    fn from(interruption: Interruption) -> Self {
        Self::Interrupted(interruption)
    }
}

impl From<TaskError> for WorkError {
    fn from(error: TaskError) -> Self {
        Self::Task(error)
    }
}

impl From<StoreError> for WorkError {
    fn from(error: StoreError) -> Self {
        Self::Task(error.into())
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
        self.log.stable_end(&self.sources[source])
    }
}
