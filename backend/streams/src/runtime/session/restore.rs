//! The part of a session that brings its tasks to run, one at a time, and puts aside what cannot.

use std::sync::Arc;
use std::time::Duration;

use gavel_log::{ConsumedOffset, LogError, Start, TopicPartition};

use super::Session;
use crate::runtime::interruption::Interruption;
use crate::runtime::live_task::{Phase, Running, WorkError};
use crate::runtime::restoration::{Restoration, Restored};
use crate::task::TaskError;

/// How long a restoring thread waits for its changelog before it looks after its other tasks.
const RESTORE_WAIT: Duration = Duration::from_millis(10);
/// Changelog records to read in one turn.
const RESTORE_RECORDS: usize = 8192;

impl Session {
    /// Restores, but lets the other tasks go on if the log does not answer.
    pub(super) fn try_restore(&mut self) -> Result<bool, Interruption> {
        let asked = self.worker.monotonic();
        let Some(partition) = self.next_to_restore(asked).filter(|_| self.questions.may_ask(asked)) else {
            return Ok(false);
        };
        match self.restore(partition) {
            Ok(is_underway) => {
                self.questions.answered();
                Ok(is_underway)
            }
            Err(WorkError::Interrupted(Interruption::Retry(error))) => {
                self.questions.unanswered(error, asked, self.worker.monotonic());
                // What was read and not kept is read again, from the bounds.
                self.set_phase(partition, Phase::Assigned);
                Ok(false)
            }
            Err(WorkError::Interrupted(interruption)) => Err(interruption),
            Err(WorkError::Task(error)) => {
                self.fail(partition, &error);
                Ok(true)
            }
        }
    }

    /// The task whose turn it is.
    fn next_to_restore(&self, now: Duration) -> Option<u32> {
        let waiting = self.tasks.iter().filter(|(_, task)| task.is_to_be_restored(now));
        let next = waiting.min_by_key(|(_, task)| !matches!(task.phase, Phase::Restoring(_)));
        next.map(|(&partition, _)| partition)
    }

    /// Brings a task a little further. False if it must wait for another thread.
    fn restore(&mut self, partition: u32) -> Result<bool, WorkError> {
        let worker = Arc::clone(&self.worker);
        let Some(mut restoration) = self.take_restoration(partition)? else { return Ok(false) };
        restoration.tell(&worker.topology, worker.monotonic());
        let is_done = restoration.step(RESTORE_RECORDS, RESTORE_WAIT)?;
        if is_done {
            restoration.tell(&worker.topology, worker.monotonic());
            self.run(partition, restoration.finish(&*worker.log)?)?;
        } else {
            self.set_phase(partition, Phase::Restoring(restoration));
        }
        Ok(true)
    }

    /// The restoration of a task that is under way, or is begun now; `None` while another thread holds its store.
    fn take_restoration(&mut self, partition: u32) -> Result<Option<Box<Restoration>>, WorkError> {
        let Some(task) = self.tasks.get_mut(&partition) else { return Ok(None) };
        if let Phase::Restoring(restoration) = std::mem::replace(&mut task.phase, Phase::Assigned) {
            return Ok(Some(restoration));
        }
        let (worker, sources) = (&self.worker, task.sources.clone());
        worker.stores.identify(&*worker.log)?;
        let Some(store) = worker.stores.task_store(&worker.topology, partition)? else { return Ok(None) };
        let committed = self.committed(&sources)?;
        let restoration = Restoration::begin(&*worker.log, &worker.topology, (&sources, committed), store)?;
        Ok(Some(Box::new(restoration)))
    }

    /// What the group has committed of these partitions. It is asked of all that are to run here: what a vanished owner left open
    /// in one of them keeps the consumer from beginning with any.
    fn committed(&self, sources: &[TopicPartition]) -> Result<Vec<Option<u64>>, LogError> {
        let awaited = self.tasks.values().filter(|task| !task.is_running());
        let awaited: Vec<TopicPartition> = awaited.flat_map(|task| task.sources.clone()).collect();
        let (worker, group) = (&self.worker, self.worker.topology.group());
        let found = worker.log.take_over(&group, &awaited, &worker.member())?;
        let of = |source| awaited.iter().position(|asked| asked == source).and_then(|place| found[place]);
        Ok(sources.iter().map(of).collect())
    }

    /// Has a restored task run: from here on its sources are read.
    fn run(&mut self, partition: u32, restored: Restored) -> Result<(), WorkError> {
        let worker = Arc::clone(&self.worker);
        let Some(task) = self.tasks.get_mut(&partition) else { return Ok(()) };
        let Restored { store, next, records } = restored;
        let from = |source: &TopicPartition| worker.options.span.as_ref()?.from.get(source).copied();
        let next: Vec<_> = task.sources.iter().zip(next).map(|(source, next)| next.or_else(|| from(source))).collect();
        let claimed = task.sources.iter().zip(&next);
        let claimed =
            claimed.map(|(source, next)| ConsumedOffset { partition: source.clone(), next: next.unwrap_or(0) });
        self.consumer.claim(&claimed.collect::<Vec<_>>(), &worker.member())?;
        for (source, next) in task.sources.iter().zip(&next) {
            self.consumer.seek(source, next.map_or(Start::Earliest, Start::Offset))?;
        }
        let next = next.into_iter().map(Option::unwrap_or_default).collect();
        let mut running = Running::open(&worker.topology, &task.sources, store, next)?;
        running.restored_records = records;
        self.consumer.resume(&task.sources)?;
        task.phase = Phase::Running(Box::new(running));
        self.restored = self.restored.map(|restored| restored + records);
        tracing::debug!(topology = worker.topology.name(), partition, records, "task running");
        Ok(())
    }

    fn set_phase(&mut self, partition: u32, phase: Phase) {
        if let Some(task) = self.tasks.get_mut(&partition) {
            task.phase = phase;
        }
    }

    /// Lets all stores go where their disk is to be begun anew: what they hold comes back from the changelogs.
    pub(super) fn let_go_of_trouble(&mut self) {
        if !self.worker.stores.is_in_trouble() {
            return;
        }
        for task in self.tasks.values_mut().filter(|task| !matches!(task.phase, Phase::Assigned)) {
            // If it cannot be paused, what is read for nothing is dropped.
            drop(self.consumer.pause(&task.sources));
            task.phase = Phase::Assigned;
        }
        self.restored.get_or_insert(0);
    }

    /// A task cannot go on. The others do; it is begun again after a while.
    pub(in crate::runtime) fn fail(&mut self, partition: u32, error: &TaskError) {
        let topology = self.worker.topology.name();
        tracing::error!(topology, partition, %error, "a task stopped");
        metrics::counter!("gavel_streams_task_failures_total", "topology" => topology.to_string()).increment(1);
        self.restored.get_or_insert(0);
        if let TaskError::Store(error) = error {
            self.worker.stores.report(error);
        }
        if let Some(task) = self.tasks.get_mut(&partition) {
            // If it cannot be paused, what is read for nothing is dropped.
            drop(self.consumer.pause(&task.sources));
            task.phase = Phase::Failed { reason: error.to_string(), since: self.worker.monotonic() };
        }
    }
}
