//! One membership of one thread in its topology's group: a consumer, a transactional producer, and the tasks they serve.
//!
//! [`Session::round`] is one turn: poll, restore or process, commit, tick. It can be called again after any
//! [`Interruption::Retry`]; every other interruption ends the session.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use gavel_log::{
    Consumer, ErrorClass, GroupConfig, GroupEvent, LogError, Producer, Record, Start, TopicPartition,
    TransactionalProducer,
};

use super::interruption::Interruption;
use super::live_task::{LiveTask, LogProgress, Phase, Running, WorkError};
use super::restoration::Restoration;
use super::worker::Worker;

/// Reading of a source is halted while this many batches of it wait.
const BUFFERED_BATCHES: usize = 4;
/// How long a restoring thread waits for its changelog before it looks after its other tasks.
const RESTORE_WAIT: Duration = Duration::from_millis(10);
/// Changelog records to read in one turn.
const RESTORE_RECORDS: usize = 8192;
/// How often a task asks for its changelogs' ends and its sources' lag.
const HOUSEKEEPING_MS: i64 = 2_000;

pub(super) struct Session<'a> {
    pub(super) worker: &'a Worker,
    pub(super) consumer: Box<dyn Consumer>,
    pub(super) producer: Box<dyn TransactionalProducer>,
    pub(super) tasks: BTreeMap<u32, LiveTask>,
    /// Source partitions that are this member's now.
    assigned: BTreeSet<TopicPartition>,
    ticks: Arc<dyn Producer>,
    restorer: Option<Box<dyn Consumer>>,
    records: Vec<Record>,
    /// What went wrong in this turn for one task alone, to be tried again in the next.
    pub(super) trouble: Option<LogError>,
    /// Whether the group has given it partitions yet, and since when it waits for them.
    joined: bool,
    since: Instant,
}

impl<'a> Session<'a> {
    /// Joins the group. The producer comes first: it fences an older self before anything is read.
    pub(super) fn open(worker: &'a Worker) -> Result<Self, Interruption> {
        let producer = worker.log.transactional_producer(&worker.member())?;
        let group = GroupConfig {
            group: worker.topology.group(),
            instance: Some(worker.member()),
            session_timeout: worker.options.session_timeout,
        };
        let mut consumer = worker.log.consumer(Some(&group))?;
        let topics: Vec<&str> = worker.topology.source_topics().collect();
        consumer.subscribe(&topics)?;
        Ok(Self {
            worker,
            consumer,
            producer,
            tasks: BTreeMap::new(),
            assigned: BTreeSet::new(),
            ticks: worker.log.producer()?,
            restorer: None,
            records: Vec::new(),
            trouble: None,
            joined: false,
            since: Instant::now(),
        })
    }

    /// One turn. `more` says that the last turn left work that need not be waited for; returns the same.
    pub(super) fn round(&mut self, more: bool) -> Result<bool, Interruption> {
        let wait = if more { Duration::ZERO } else { self.wait() };
        let max_records = self.worker.options.max_batch_records;
        let events = self.consumer.poll(&mut self.records, max_records, wait)?;
        for event in events {
            self.joined = true;
            match event {
                GroupEvent::Assigned(partitions) => self.assign(partitions)?,
                GroupEvent::Revoked(partitions) => self.revoke(&partitions),
            }
        }
        self.receive();
        let restoring = self.try_restore()?;
        let worked = self.process()?;
        if worked {
            self.commit()?;
        }
        self.balance_reading()?;
        self.tick();
        self.housekeeping()?;
        Ok(restoring || worked)
    }

    /// Whether this member has its place, and all of its tasks run. One that got nothing for long is a spare, and ready.
    pub(super) fn is_ready(&self) -> bool {
        let placed = self.joined || self.since.elapsed() > self.worker.options.session_timeout;
        placed && self.tasks.values().all(LiveTask::is_running)
    }

    /// How long there is nothing to do unless a record comes.
    fn wait(&self) -> Duration {
        let options = &self.worker.options;
        let next_ms = |task: &LiveTask| match &task.phase {
            Phase::Running(running) => running.ticker.as_ref()?.next_ms(running.task.earliest_due_ms()),
            Phase::Assigned | Phase::Restoring(_) => None,
        };
        let until_due = self.tasks.values().filter_map(next_ms).min().map(|next_ms| next_ms - options.clock.now_ms());
        let until_due = until_due.map(|wait_ms| Duration::from_millis(wait_ms.max(0).unsigned_abs()));
        until_due.map_or(options.max_wait, |until_due| until_due.min(options.max_wait))
    }

    /// A task begins once the partition of every source is here. Nothing is read until it is restored.
    fn assign(&mut self, partitions: Vec<TopicPartition>) -> Result<(), Interruption> {
        self.consumer.pause(&partitions)?;
        let numbers: BTreeSet<u32> = partitions.iter().map(|partition| partition.partition).collect();
        self.assigned.extend(partitions);
        for number in numbers {
            let task = LiveTask::new(&self.worker.topology, number);
            if task.sources.iter().all(|source| self.assigned.contains(source)) {
                tracing::info!(topology = self.worker.topology.name(), partition = number, "task assigned");
                self.tasks.insert(number, task);
            }
        }
        Ok(())
    }

    fn revoke(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.assigned.remove(partition);
            if self.tasks.remove(&partition.partition).is_some() {
                let topology = self.worker.topology.name();
                tracing::info!(topology, partition = partition.partition, "task revoked");
            }
        }
    }

    /// Hands the records read to their tasks. Those of a task that is not restored yet are read again later.
    fn receive(&mut self) {
        for record in self.records.drain(..) {
            let Some(task) = self.tasks.get_mut(&record.partition) else { continue };
            let Some(source) = task.sources.iter().position(|source| source.topic == record.topic) else { continue };
            if let Some(running) = task.running() {
                running.receive(source, record);
            }
        }
    }

    /// Restores, but lets the other tasks go on if the log does not answer.
    fn try_restore(&mut self) -> Result<bool, Interruption> {
        match self.restore() {
            Err(Interruption::Retry(error)) => {
                self.trouble = Some(error);
                Ok(false)
            }
            outcome => outcome,
        }
    }

    /// Brings the first task that is not restored a little further. True if there is one.
    fn restore(&mut self) -> Result<bool, Interruption> {
        let worker = self.worker;
        let restoring = self.tasks.values_mut().filter(|task| !task.is_running());
        let Some(task) = restoring.min_by_key(|task| matches!(task.phase, Phase::Assigned)) else {
            self.restorer = None;
            return Ok(false);
        };
        let restorer = match &mut self.restorer {
            Some(restorer) => restorer,
            none => none.insert(worker.log.consumer(None)?),
        };
        if matches!(task.phase, Phase::Assigned) {
            let Some(store) = worker.folder.task_store(&worker.topology, task.sources[0].partition)? else {
                return Ok(false);
            };
            let restoration =
                Restoration::begin(&*worker.log, &mut **restorer, &worker.topology, &task.sources, store)?;
            task.phase = Phase::Restoring(Box::new(restoration));
        }
        let Phase::Restoring(restoration) = &mut task.phase else { return Ok(true) };
        if restoration.step(&mut **restorer, RESTORE_RECORDS, RESTORE_WAIT)? {
            let Phase::Restoring(restoration) = std::mem::replace(&mut task.phase, Phase::Assigned) else {
                return Ok(true);
            };
            let (store, committed) = restoration.finish();
            for (source, committed) in task.sources.iter().zip(&committed) {
                self.consumer.seek(source, committed.map_or(Start::Earliest, Start::Offset))?;
            }
            self.consumer.resume(&task.sources)?;
            let next = committed.into_iter().map(Option::unwrap_or_default).collect();
            task.phase = Phase::Running(Box::new(Running::open(&worker.topology, &task.sources, store, next)?));
            tracing::info!(topology = worker.topology.name(), partition = task.sources[0].partition, "task running");
        }
        Ok(true)
    }

    /// Has each running task process what it may. True if there is something to commit.
    fn process(&mut self) -> Result<bool, Interruption> {
        let mut worked = false;
        for LiveTask { sources, phase } in self.tasks.values_mut() {
            let Phase::Running(running) = phase else { continue };
            let progress = LogProgress { log: &*self.worker.log, consumer: &*self.consumer, sources };
            match running.work(self.worker.options.max_batch_records, &progress) {
                Ok(in_unit) => worked |= in_unit,
                Err(WorkError::Task(error)) => return Err(error.into()),
                // Others may be able to go on; this one asks again in the next turn.
                Err(WorkError::Log(error)) if error.class() == ErrorClass::Retry => {
                    self.trouble = Some(error);
                }
                Err(WorkError::Log(error)) => return Err(error.into()),
            }
        }
        Ok(worked)
    }

    /// Halts the reading of a source of which too much waits for another, and resumes it later.
    fn balance_reading(&mut self) -> Result<(), Interruption> {
        let limit = BUFFERED_BATCHES * self.worker.options.max_batch_records;
        for LiveTask { sources, phase } in self.tasks.values_mut() {
            let Phase::Running(running) = phase else { continue };
            for (source, partition) in sources.iter().enumerate() {
                let full = running.queues.len_of(source) >= limit;
                if full != running.paused[source] {
                    let partition = std::slice::from_ref(partition);
                    if full {
                        self.consumer.pause(partition)?;
                    } else {
                        self.consumer.resume(partition)?;
                    }
                    running.paused[source] = full;
                }
            }
        }
        Ok(())
    }

    fn tick(&mut self) {
        let now_ms = self.worker.options.clock.now_ms();
        let Some(clock) = self.worker.topology.0.clock.as_ref().map(|clock| clock.source) else { return };
        for running in self.tasks.values_mut().filter_map(LiveTask::running) {
            let (due_ms, processed) = (running.task.earliest_due_ms(), running.next[clock]);
            if let Some(ticker) = &mut running.ticker {
                ticker.step(&*self.ticks, due_ms, now_ms, processed);
            }
        }
    }

    /// Once in a while, one task at a time: how much waits for it.
    fn housekeeping(&mut self) -> Result<(), Interruption> {
        let now_ms = self.worker.options.clock.now_ms();
        for LiveTask { sources, phase } in self.tasks.values_mut() {
            let Phase::Running(running) = phase else { continue };
            if now_ms.saturating_sub(running.lag_asked_ms) < HOUSEKEEPING_MS {
                continue;
            }
            running.lag_asked_ms = now_ms;
            running.lag_records = 0;
            for (source, partition) in sources.iter().enumerate() {
                let end = self.worker.log.watermarks(partition)?.stable_end;
                let position = self.consumer.position(partition)?.max(running.next[source]);
                let waiting = running.queues.len_of(source) as u64;
                running.lag_records += end.saturating_sub(position) + waiting;
            }
            let topology = self.worker.topology.name().to_string();
            let partition = sources[0].partition.to_string();
            metrics::gauge!("gavel_streams_lag_records", "topology" => topology, "partition" => partition)
                .set(running.lag_records as f64);
            break;
        }
        Ok(())
    }
}
