//! One partition of the test driver: its queues, its task, and what a log would keep of it.

use bytes::Bytes;
use gavel_log::NewRecord;

use super::{DriverError, Options};
use crate::beat::Beat;
use crate::order::Queues;
use crate::processor::SourceRecord;
use crate::store::{MemoryStore, StateStore};
use crate::task::{Task, TaskError};
use crate::topology::Topology;

/// A record of a changelog: store, key, value.
type Logged = (usize, Bytes, Option<Bytes>);

pub(super) struct DriverPartition {
    topology: Topology,
    partition: u32,
    queues: Queues,
    /// The offset that the next record of each source gets.
    ends: Vec<u64>,
    last_append_ms: i64,
    task: Task<MemoryStore>,
    changelog: Vec<Logged>,
    /// How much of the changelog the local store reflects.
    applied: usize,
    crash: Option<Beat>,
}

impl DriverPartition {
    pub(super) fn new(topology: &Topology, partition: u32) -> Self {
        let store = MemoryStore::new(topology.0.stores.len());
        Self {
            topology: topology.clone(),
            partition,
            queues: Queues::new(topology.0.sources.len()),
            ends: vec![0; topology.0.sources.len()],
            last_append_ms: i64::MIN,
            task: Task::open(topology, partition, store).expect("an empty store has no damaged row"),
            changelog: Vec::new(),
            applied: 0,
            crash: None,
        }
    }

    /// Gives the record the next offset of its source.
    pub(super) fn append(&mut self, mut record: SourceRecord) -> u64 {
        let end = &mut self.ends[record.source];
        record.offset = *end;
        *end += 1;
        let offset = record.offset;
        self.last_append_ms = self.last_append_ms.max(record.append_ms);
        self.queues.push(record);
        offset
    }

    /// Appends a tick for the earliest timer, and returns its append time.
    pub(super) fn append_tick(&mut self) -> Result<i64, DriverError> {
        let clock = self.topology.0.clock.as_ref().ok_or(DriverError::NoClock)?;
        let due_ms = self.earliest_due_ms().unwrap_or(i64::MIN);
        let append_ms = self.last_append_ms.max(due_ms.saturating_add(1));
        let (source, value) = (clock.source, Some(clock.tick.clone().ok_or(DriverError::NoClock)?));
        self.append(SourceRecord { source, offset: 0, append_ms, key: None, value, headers: Vec::new() });
        Ok(append_ms)
    }

    pub(super) fn run_until(
        &mut self,
        append_ms: i64,
        options: Options,
        outputs: &mut Vec<NewRecord>,
    ) -> Result<(), DriverError> {
        while self.queues.head().is_some_and(|head| head.append_ms <= append_ms) {
            let mut records = Vec::with_capacity(options.unit_records.min(self.queues.len()));
            while records.len() < options.unit_records
                && self.queues.head().is_some_and(|head| head.append_ms <= append_ms)
            {
                records.extend(self.queues.pop());
            }
            self.unit_of_work(records, options, outputs)?;
        }
        Ok(())
    }

    fn unit_of_work(
        &mut self,
        records: Vec<SourceRecord>,
        options: Options,
        outputs: &mut Vec<NewRecord>,
    ) -> Result<(), DriverError> {
        let crash = self.crash.take();
        let task = &mut self.task;
        task.run(records)?;
        task.seal()?;
        if matches!(crash, Some(Beat::Processed | Beat::BeforeCommit)) {
            let records = task.rollback();
            self.queues.put_back(records);
            return Ok(self.reopen()?);
        }
        if options.full {
            outputs.extend(task.outputs());
            let logged = task.changes().map(|change| (change.store, change.key.clone(), change.value.cloned()));
            self.changelog.extend(logged);
        } else {
            outputs.extend(task.bare_outputs());
        }
        self.queues.put_back(task.take_rest());
        if crash == Some(Beat::AfterCommit) {
            return Ok(self.reopen()?);
        }
        task.commit()?;
        self.applied = self.changelog.len();
        if crash == Some(Beat::Applied) {
            self.reopen()?;
        }
        Ok(())
    }

    /// Starts again from the local store and the rest of the changelog.
    fn reopen(&mut self) -> Result<(), TaskError> {
        let mut store = self.task.take_store();
        for (index, key, value) in &self.changelog[self.applied..] {
            store.set(*index, key.clone(), value.clone());
        }
        self.applied = self.changelog.len();
        self.task = Task::open(&self.topology, self.partition, store)?;
        Ok(())
    }

    pub(super) fn crash_next(&mut self, beat: Beat) {
        self.crash = Some(beat);
    }

    pub(super) fn get(&self, store: usize, key: &[u8]) -> Option<Bytes> {
        self.task.store().get(store, key).ok()?
    }

    pub(super) fn entries(&self, store: usize) -> Vec<(Bytes, Bytes)> {
        self.task.store().scan_prefix(store, b"").unwrap_or_default()
    }

    pub(super) fn time_ms(&self) -> i64 {
        self.task.time_ms()
    }

    pub(super) fn earliest_due_ms(&self) -> Option<i64> {
        self.task.earliest_due_ms()
    }
}
