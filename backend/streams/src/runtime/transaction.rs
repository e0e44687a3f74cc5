//! The transaction of a unit of work: outputs, changelogs and consumed offsets of all tasks of a thread, then the local stores.
//! A commit whose fate the log does not tell is asked for again, turn by turn, before anything else.
//!
//! While a task is behind, a unit takes batch after batch, and the outputs of each are sent while the next is processed: they need
//! no memory of ours, and what is written once for a unit, such as an auction, is written once for many bids.

mod undo;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gavel_log::{LogError, NewRecord, TopicPartition, TransactionalProducer};

use super::interruption::Interruption;
use super::live_task::{LiveTask, Phase, Running};
use super::session::{Processed, Session};
use crate::beat::Beat;
use crate::changelog::{self, Pack};
use crate::store::StateStore;
use crate::task::{Task, TaskError};
use crate::topology::StoreNode;
use undo::Unsent;

/// How long more is waited for while a task is behind.
const READ_ON: Duration = Duration::from_millis(2);
/// For how long a unit of work may become longer: nobody sees what is decided before it is committed.
const PROLONGED_FOR: Duration = Duration::from_millis(250);

impl Session {
    /// Commits what the tasks processed, and what they process meanwhile. If that fails for now, all is rolled back and its
    /// records wait again.
    pub(super) fn finish_unit(&mut self, first: Processed) -> Result<(), Interruption> {
        self.beat(Beat::Processed)?;
        let mut last = first;
        while self.in_unit().next().is_some() {
            match self.send_unit(last) {
                Ok(started) => {
                    self.beat(Beat::BeforeCommit)?;
                    self.unanswered = Some(started);
                    return self.settle();
                }
                Err(unsent) => self.undo(unsent)?,
            }
            // What is sent again is not made longer.
            last.is_behind = false;
        }
        Ok(())
    }

    /// The tasks that have part in the unit of work.
    fn in_unit(&mut self) -> impl Iterator<Item = (u32, &mut Running)> {
        let in_unit = |(&partition, task): (&u32, _)| {
            let running = LiveTask::running(task)?;
            running.in_unit.then_some((partition, running))
        };
        self.tasks.iter_mut().filter_map(in_unit)
    }

    /// Learns what became of the transaction that was sent, if one was: only the log can tell. To be called again while the
    /// log does not answer. Where it never does, the next to join learns it.
    pub(super) fn settle(&mut self) -> Result<(), Interruption> {
        let Some(started) = self.unanswered else { return Ok(()) };
        let outcome = self.producer.commit();
        if let Err(error @ LogError::Unavailable(_)) = outcome {
            return Err(Interruption::Retry(error));
        }
        self.unanswered = None;
        outcome.or_else(|error| self.undo(Unsent::Refused(error)))?;
        self.beat(Beat::AfterCommit)?;
        self.count(self.worker.monotonic().saturating_sub(started));
        self.apply();
        self.beat(Beat::Applied)
    }

    /// Now here, too. Whose store cannot take it is restored from the log later.
    fn apply(&mut self) {
        let (changelog, producer) = (&self.worker.topology.0.changelog, &self.producer);
        let in_unit = |(&partition, task): (&u32, &mut LiveTask)| {
            let running = task.running().filter(|running| running.in_unit)?;
            if let Some(end) = producer.committed_end(&TopicPartition::new(Arc::clone(changelog), partition)) {
                running.task.store_mut().stage_bound(end);
            }
            running.applied().err().map(|error| (partition, error))
        };
        let failed: Vec<(u32, TaskError)> = self.tasks.iter_mut().filter_map(in_unit).collect();
        failed.iter().for_each(|(partition, error)| self.fail(*partition, error));
    }

    /// Sends all of the unit of work. Answers when its commit may be said to begin: when nothing was left to be processed.
    fn send_unit(&mut self, mut last: Processed) -> Result<Duration, Unsent> {
        self.producer.begin()?;
        self.send_consumed()?;
        self.send_outputs()?;
        let (begun, mut is_longer) = (self.worker.monotonic(), false);
        while last.is_behind && self.has_room() && self.worker.monotonic().saturating_sub(begun) < PROLONGED_FOR {
            last = self.process_more()?;
            is_longer |= last.records > 0;
            self.send_outputs()?;
        }
        let started = self.worker.monotonic();
        self.seal()?;
        self.send_outputs()?;
        self.send_changes()?;
        if is_longer {
            self.send_consumed()?;
        }
        Ok(started)
    }

    /// Whether the unit of work may become longer. Where units keep a distance, that gathers enough.
    fn has_room(&mut self) -> bool {
        if !self.worker.topology.0.unit_interval.is_zero() {
            return false;
        }
        let (max_records, max_bytes) = (self.worker.options.max_unit_records, self.worker.options.max_unit_bytes);
        let (mut records, mut bytes) = (0, 0);
        let all_have = self.in_unit().all(|(_, running)| {
            records += running.task.records();
            bytes += running.unit_bytes;
            running.task.room() > 0
        });
        all_have && records < max_records && bytes < max_bytes
    }

    /// Reads and processes another batch of the unit of work.
    fn process_more(&mut self) -> Result<Processed, Unsent> {
        self.events = self.poll(READ_ON).map_err(Interruption::from)?;
        if !self.events.is_empty() {
            return Err(Unsent::Dropped);
        }
        self.receive();
        let processed = self.process()?;
        if processed.has_failed { Err(Unsent::Dropped) } else { Ok(processed) }
    }

    /// Has all tasks end the unit of work. Whose state cannot be read is out of it.
    fn seal(&mut self) -> Result<(), Unsent> {
        let sealed =
            |(partition, running): (u32, &mut Running)| running.task.seal().err().map(|error| (partition, error));
        let failed: Vec<(u32, TaskError)> = self.in_unit().filter_map(sealed).collect();
        failed.iter().for_each(|(partition, error)| self.fail(*partition, error));
        if failed.is_empty() { Ok(()) } else { Err(Unsent::Dropped) }
    }

    /// Sends the outputs that wait, and lets go of them.
    fn send_outputs(&mut self) -> Result<(), Unsent> {
        for (&partition, task) in &mut self.tasks {
            let Some(running) = task.running().filter(|running| running.in_unit) else { continue };
            if running.task.take_recall() {
                return Err(Unsent::Recalled { partition });
            }
            for (output, record) in running.task.outputs().enumerate() {
                let slim = || running.task.slim_output(output);
                send(&mut *self.producer, partition, record, slim)?;
            }
            running.task.drop_outputs();
        }
        Ok(())
    }

    fn send_changes(&mut self) -> Result<(), Unsent> {
        let topology = &self.worker.topology;
        for (&partition, task) in &mut self.tasks {
            let Some(running) = task.running().filter(|running| running.in_unit) else { continue };
            let mut log = |key: Bytes, value: Option<Bytes>| {
                let topic = topology.0.changelog.clone();
                let record =
                    NewRecord { topic, partition: Some(partition), key: Some(key), value, headers: Vec::new() };
                send(&mut *self.producer, partition, record, || None)
            };
            log_changes(&running.task, &topology.0.stores, &mut log)?;
        }
        Ok(())
    }

    /// The offsets go first: while Kafka still marks the last transaction's end, it has them asked again within
    /// milliseconds, records only after twenty. And by them the next owner finds a transaction that this one left open.
    fn send_consumed(&mut self) -> Result<(), LogError> {
        let mut consumed = Vec::new();
        for LiveTask { sources, phase } in self.tasks.values() {
            if let Phase::Running(running) = phase
                && running.in_unit
            {
                consumed.extend(running.consumed(sources));
            }
        }
        self.producer.send_offsets(&consumed, &self.consumer.group_metadata()?)
    }

    fn beat(&self, beat: Beat) -> Result<(), Interruption> {
        match &self.worker.options.failpoint {
            Some(failpoint) if failpoint(beat) => Err(Interruption::Killed),
            _ => Ok(()),
        }
    }

    fn count(&mut self, elapsed: Duration) {
        let worker = Arc::clone(&self.worker);
        let topology = worker.topology.name();
        metrics::histogram!("gavel_streams_commit_seconds", "topology" => topology.to_string()).record(elapsed);
        metrics::counter!("gavel_streams_units_total", "topology" => topology.to_string()).increment(1);
        let mut records = 0;
        for (_, running) in self.in_unit() {
            records += running.task.records() as u64;
            for cause in running.task.dead_letters() {
                tracing::warn!(topology, cause, "a record went to the dead letters");
                metrics::counter!("gavel_streams_dead_letters_total", "topology" => topology.to_string(), "cause" => cause)
                    .increment(1);
            }
        }
        metrics::counter!("gavel_streams_records_total", "topology" => topology.to_string()).increment(records);
        metrics::histogram!("gavel_streams_unit_records", "topology" => topology.to_string()).record(records as f64);
    }
}

/// Hands the changes of a task's stores to `log`, as the key and the value of records of the changelog.
fn log_changes<S: StateStore>(
    task: &Task<S>,
    stores: &[StoreNode],
    log: &mut impl FnMut(Bytes, Option<Bytes>) -> Result<(), Unsent>,
) -> Result<(), Unsent> {
    let mut pack = Pack::default();
    for change in task.changes() {
        let StoreNode { name, is_append_only } = &stores[change.store];
        match change.value {
            Some(value) if *is_append_only => {
                if let Some((key, rows)) = pack.add(name, change.key, value) {
                    log(key, Some(rows))?;
                }
            }
            value => log(changelog::single_key(name, change.key), value.cloned())?,
        }
    }
    pack.take().map_or(Ok(()), |(key, rows)| log(key, Some(rows)))
}

/// Sends one record of a task. `slim` makes a smaller one of it where that loses nothing that cannot be found again.
fn send(
    producer: &mut dyn TransactionalProducer,
    partition: u32,
    record: NewRecord,
    slim: impl FnOnce() -> Option<NewRecord>,
) -> Result<(), Unsent> {
    let topic = record.topic.clone();
    match producer.send(record) {
        Err(error @ LogError::RecordTooLarge { .. }) => match slim() {
            Some(slim) => Ok(producer.send(slim)?),
            None => Err(Unsent::TooLarge { partition, detail: format!("to {topic}: {error}") }),
        },
        outcome => Ok(outcome?),
    }
}
