//! The commit of a unit of work: outputs, changelogs and consumed offsets of all tasks of a thread in one transaction,
//! then the local stores. A commit whose fate the log does not tell is asked for again, turn by turn, before anything else.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gavel_log::{ErrorClass, LogError, NewRecord, TopicPartition, TransactionalProducer};

use super::interruption::Interruption;
use super::live_task::{LiveTask, Phase};
use super::session::Session;
use crate::beat::Beat;
use crate::changelog::{self, Pack};
use crate::store::StateStore;
use crate::task::{Task, TaskError};
use crate::topology::StoreNode;

/// Where sending stopped.
enum Unsent {
    /// The log refused; the class says what to do.
    Refused(LogError),
    /// The unit of work of this task asks for a larger record than the log takes.
    TooLarge { partition: u32, detail: String },
}

impl From<LogError> for Unsent {
    fn from(error: LogError) -> Self {
        Self::Refused(error)
    }
}

impl Session {
    /// Commits what the tasks processed. If that fails for now, all is rolled back and its records wait again.
    pub(super) fn commit(&mut self) -> Result<(), Interruption> {
        self.beat(Beat::Processed)?;
        let started = self.worker.monotonic();
        while let Err(unsent) = self.send_all() {
            self.undo(unsent)?;
        }
        self.beat(Beat::BeforeCommit)?;
        self.unanswered = Some(started);
        self.settle()
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

    fn send_all(&mut self) -> Result<(), Unsent> {
        self.producer.begin()?;
        self.send_consumed()?;
        let topology = &self.worker.topology;
        for (&partition, LiveTask { phase, .. }) in &self.tasks {
            let Phase::Running(running) = phase else { continue };
            if !running.in_unit {
                continue;
            }
            for (output, record) in running.task.outputs().enumerate() {
                let slim = || running.task.slim_output(output);
                send(&mut *self.producer, partition, record, slim)?;
            }
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
    /// milliseconds, records only after twenty.
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

    /// Takes back what was sent. Goes on only where the unit of work can be sent again at once.
    fn undo(&mut self, unsent: Unsent) -> Result<(), Interruption> {
        match unsent {
            Unsent::Refused(error) if error.class() == ErrorClass::Fatal => Err(error.into()),
            Unsent::Refused(error) => {
                self.abort()?;
                metrics::counter!("gavel_streams_rollbacks_total").increment(1);
                let aborted = error.class() == ErrorClass::Abort;
                for running in self.tasks.values_mut().filter_map(LiveTask::running) {
                    running.rollback(aborted);
                }
                Err(error.into())
            }
            Unsent::TooLarge { partition, detail } => {
                self.abort()?;
                let running = self.tasks.get_mut(&partition).and_then(LiveTask::running);
                if let Some(Err(error)) = running.map(|running| running.task.refuse(detail)) {
                    self.fail(partition, &error);
                }
                Ok(())
            }
        }
    }

    /// An abort that fails leaves a transaction that only a new producer of the same id can end.
    fn abort(&mut self) -> Result<(), Interruption> {
        match self.producer.abort() {
            // Nothing was open: the refusal came from `begin`.
            Ok(()) | Err(LogError::Misuse(_)) => Ok(()),
            Err(error) => Err(Interruption::Rejoin(error)),
        }
    }

    fn beat(&self, beat: Beat) -> Result<(), Interruption> {
        match &self.worker.options.failpoint {
            Some(failpoint) if failpoint(beat) => Err(Interruption::Killed),
            _ => Ok(()),
        }
    }

    fn count(&mut self, elapsed: Duration) {
        let topology = self.worker.topology.name();
        metrics::histogram!("gavel_streams_commit_seconds", "topology" => topology.to_string()).record(elapsed);
        metrics::counter!("gavel_streams_units_total", "topology" => topology.to_string()).increment(1);
        let mut records = 0;
        for running in self.tasks.values_mut().filter_map(LiveTask::running).filter(|running| running.in_unit) {
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
