//! One membership of one thread in its topology's group: a consumer, a transactional producer, and the tasks they serve.
//!
//! [`Session::round`] is one turn: poll, restore or process, commit, tick. It can be called again after any
//! [`Interruption::Retry`]; every other interruption ends the session.

mod batch;
mod restore;
mod steer;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gavel_log::{
    Consumer, GroupConfig, GroupEvent, LogError, NewRecord, Producer, Record, TopicPartition, TransactionalProducer,
};

use super::backoff::Questions;
use super::clock::Now;
use super::interruption::Interruption;
use super::live_task::{LiveTask, Phase};
use super::ticker::Answer;
use super::worker::Worker;
use crate::control::Regime;
pub(super) use batch::Processed;

pub(super) struct Session {
    pub(super) worker: Arc<Worker>,
    pub(super) consumer: Box<dyn Consumer>,
    pub(super) producer: Box<dyn TransactionalProducer>,
    pub(super) tasks: BTreeMap<u32, LiveTask>,
    /// Source partitions that are this member's now.
    assigned: BTreeSet<TopicPartition>,
    ticks: Arc<dyn Producer>,
    /// What restoring asks.
    questions: Questions,
    records: Vec<Record>,
    /// What the group told while a unit of work was in hand.
    pub(super) events: Vec<GroupEvent>,
    /// How many partitions the topology has.
    partitions: u32,
    /// What is ordered, and up to where the orders were read; `None` while they are not known.
    regime: Option<Regime>,
    control_next: Option<u64>,
    /// Whether the group has said which partitions are this member's, be it none.
    is_placed: bool,
    /// Whether the last turn left work that need not be waited for.
    more: bool,
    /// When it was sent what the log has not said the fate of.
    pub(super) unanswered: Option<Duration>,
    pub(super) since: Duration,
    /// When the last unit of work was begun.
    last_unit: Option<Duration>,
    /// Changelog records read since it was last said that all run; `None` once it is said.
    restored: Option<u64>,
}

impl Session {
    /// Joins the group, if the topics are as they should be.
    pub(super) fn join(worker: &Arc<Worker>) -> Result<Self, Interruption> {
        let partitions = worker.check_topics()?;
        let group = GroupConfig {
            group: worker.topology.group(),
            instance: Some(worker.member()),
            session_timeout: worker.options.session_timeout,
        };
        let mut consumer = worker.log.consumer(Some(&group))?;
        let topics: Vec<&str> = worker.topology.source_topics().collect();
        consumer.subscribe(&topics)?;
        // It fences an older self while the group makes room, and before anything is read.
        let producer = worker.log.transactional_producer(&worker.member())?;
        Ok(Self {
            worker: Arc::clone(worker),
            consumer,
            producer,
            tasks: BTreeMap::new(),
            assigned: BTreeSet::new(),
            ticks: worker.log.producer()?,
            questions: Questions::new(),
            records: Vec::new(),
            events: Vec::new(),
            partitions,
            regime: None,
            control_next: None,
            is_placed: false,
            more: false,
            unanswered: None,
            since: worker.monotonic(),
            last_unit: None,
            restored: Some(0),
        })
    }

    /// One turn.
    pub(super) fn round(&mut self) -> Result<(), Interruption> {
        self.settle()?;
        let wait = if std::mem::take(&mut self.more) { Duration::ZERO } else { self.wait() };
        let mut events = std::mem::take(&mut self.events);
        if events.is_empty() {
            events = self.poll(wait)?;
        }
        for event in events {
            let topology = self.worker.topology.name().to_string();
            metrics::counter!("gavel_streams_rebalances_total", "topology" => topology).increment(1);
            match event {
                GroupEvent::Assigned(partitions) => self.assign(partitions)?,
                GroupEvent::Revoked(partitions) => self.revoke(&partitions),
            }
        }
        self.receive();
        self.let_go_of_trouble();
        let restoring = self.try_restore()?;
        self.obey();
        let worked = self.until_unit().is_zero() && self.begin_unit()?;
        self.balance_reading()?;
        self.look_for_ends();
        self.tick();
        self.upkeep(!restoring && !worked);
        self.announce();
        self.more = restoring || worked;
        Ok(())
    }

    /// For how long it has been a member.
    pub(super) fn age(&self) -> Duration {
        self.worker.monotonic().saturating_sub(self.since)
    }

    /// Shows how it is.
    pub(super) fn publish(&self) {
        let tasks = self.tasks.values().map(|task| task.status(&self.worker.topology)).collect();
        let mut status = self.worker.status();
        status.ready = self.is_ready();
        status.control_next = self.control_next;
        status.tasks = tasks;
    }

    /// Whether this member has its place, knows its orders, and all of its tasks run. One that a rebalance gave nothing is a
    /// spare, and ready.
    fn is_ready(&self) -> bool {
        let sources = self.worker.topology.0.sources.len();
        self.control_next.is_some()
            && self.is_placed
            && self.assigned.len() == self.tasks.len() * sources
            && self.all_run()
    }

    fn all_run(&self) -> bool {
        self.tasks.values().all(LiveTask::is_running)
    }

    /// What keeps a task of this thread waiting, while the others go on.
    pub(super) fn trouble(&self) -> Option<&LogError> {
        let of_tasks = self.tasks.values().filter_map(LiveTask::trouble);
        self.questions.trouble().into_iter().chain(of_tasks).next()
    }

    /// Reads what has come.
    pub(super) fn poll(&mut self, wait: Duration) -> Result<Vec<GroupEvent>, LogError> {
        self.consumer.poll(&mut self.records, self.worker.options.max_batch_records, wait)
    }

    /// What one task may take of so many records: all of a thread share them, so that many tasks need no more memory than one.
    fn share(&self, records: usize) -> usize {
        (records / self.tasks.len().max(1)).max(1)
    }

    /// How long it is until the next unit of work may begin.
    fn until_unit(&self) -> Duration {
        let interval = self.worker.topology.0.unit_interval;
        let now = self.worker.monotonic();
        let until = self.last_unit.map_or(Duration::ZERO, |last| (last + interval).saturating_sub(now));
        let full = self.share(self.worker.options.max_batch_records);
        let is_full = |task: &LiveTask| matches!(&task.phase, Phase::Running(running) if running.queues.len() >= full);
        if until.is_zero() || self.tasks.values().any(is_full) { Duration::ZERO } else { until }
    }

    /// How long there is nothing to do unless a record comes, or a unit of work may begin.
    fn wait(&self) -> Duration {
        let options = &self.worker.options;
        let next_ms = |task: &LiveTask| match &task.phase {
            Phase::Running(running) if running.may_tick() => {
                running.ticker.as_ref()?.next_ms(running.task.earliest_due_ms())
            }
            _ => None,
        };
        let until_due = self.tasks.values().filter_map(next_ms).min().map(|next_ms| next_ms - options.clock.now_ms());
        let until_due = until_due.map(|wait_ms| Duration::from_millis(wait_ms.max(0).unsigned_abs()));
        let until_unit = Some(self.until_unit()).filter(|until_unit| !until_unit.is_zero());
        [until_due, until_unit].into_iter().flatten().fold(options.max_wait, Duration::min)
    }

    /// A task begins once the partition of every source is here. Nothing is read until it is restored.
    fn assign(&mut self, partitions: Vec<TopicPartition>) -> Result<(), Interruption> {
        self.is_placed = true;
        self.restored.get_or_insert(0);
        self.consumer.pause(&partitions)?;
        let numbers: BTreeSet<u32> = partitions.iter().map(|partition| partition.partition).collect();
        self.assigned.extend(partitions);
        for number in numbers {
            let task = LiveTask::new(&self.worker.topology, number);
            if task.sources.iter().all(|source| self.assigned.contains(source)) {
                tracing::debug!(topology = self.worker.topology.name(), partition = number, "task assigned");
                self.tasks.insert(number, task);
            }
        }
        Ok(())
    }

    fn revoke(&mut self, partitions: &[TopicPartition]) {
        self.is_placed = false;
        for partition in partitions {
            self.assigned.remove(partition);
            if self.tasks.remove(&partition.partition).is_some() {
                let topology = self.worker.topology.name();
                tracing::debug!(topology, partition = partition.partition, "task revoked");
            }
        }
    }

    /// Leaves for good: others take its partitions at once, while it still writes its stores.
    pub(super) fn leave(self) {
        self.consumer.leave();
    }

    /// Forgets what is nowhere but in memory, as a process does that dies.
    pub(super) fn abandon(&mut self) {
        for running in self.tasks.values_mut().filter_map(LiveTask::running) {
            running.task.store_mut().abandon();
        }
    }

    /// Hands the records read to their tasks. Those of a task that is not restored yet are read again later.
    pub(super) fn receive(&mut self) {
        let now_ms = self.worker.options.clock.now_ms();
        for record in self.records.drain(..) {
            let Some(task) = self.tasks.get_mut(&record.partition) else { continue };
            let Some(source) = task.sources.iter().position(|source| source.topic == record.topic) else { continue };
            if let Some(running) = task.running() {
                running.receive(source, record, now_ms);
            }
        }
    }

    fn tick(&mut self) {
        let now = Now::of(&*self.worker.options.clock);
        let Some(clock) = self.worker.topology.0.clock.as_ref().map(|clock| clock.source) else { return };
        let ticks = &self.ticks;
        let send = |record: NewRecord| -> Answer { Box::pin(ticks.send(record)) };
        let mut is_sound = true;
        let running = self.tasks.values_mut().filter_map(LiveTask::running);
        for running in running.filter(|running| running.may_tick()) {
            let (due_ms, processed) = (running.task.earliest_due_ms(), running.next[clock]);
            if let Some(ticker) = &mut running.ticker {
                is_sound &= ticker.step(&send, due_ms, now, processed);
            }
        }
        if !is_sound {
            self.renew_ticks();
        }
    }

    /// Without an answer the old producer is tried on, and the log asked again when it fails again.
    fn renew_ticks(&mut self) {
        match self.worker.log.producer() {
            Ok(ticks) => self.ticks = ticks,
            Err(error) => tracing::warn!(%error, "no new producer of ticks"),
        }
    }

    /// Says once that all tasks run.
    fn announce(&mut self) {
        if self.tasks.is_empty() || !self.is_ready() {
            return;
        }
        if let Some(restored) = self.restored.take() {
            let partitions = ranges(self.tasks.keys().copied());
            tracing::info!(
                "{}: running partitions {partitions}, restored {restored} records",
                self.worker.topology.name()
            );
        }
    }
}

/// Rising numbers in words: `0-3, 7`.
fn ranges(numbers: impl Iterator<Item = u32>) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let text = |&(first, last): &(u32, u32)| if first == last { format!("{first}") } else { format!("{first}-{last}") };
    ranges.iter().map(text).collect::<Vec<_>>().join(", ")
}
