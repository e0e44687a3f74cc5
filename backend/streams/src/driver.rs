//! Runs a topology without a log, on a virtual clock: the same tasks, in one thread, with state in memory.
//!
//! ```text
//! let mut driver = TopologyTestDriver::new(&topology, 1);
//! driver.pipe("auctions.items", 0, "lot", item, START_MS)?;
//! driver.pipe("auctions.bids", 0, "lot", bid, START_MS + 5)?;
//! driver.run_until_quiet()?;                       // ticks are appended as a live worker would
//! let outputs = driver.drain_outputs();
//! ```
//!
//! What it cannot show: how reading is synchronised (all that was piped counts as read), rebalances, the log's own
//! faults. Outputs are not read back by sources of the same name.
//!
//! Partitions are independent of each other and run one after the other, so outputs come partition by partition within
//! each call, in order of emission within a partition.

mod partition;

use bytes::Bytes;
use gavel_log::{Header, NewRecord};

use crate::beat::Beat;
use crate::processor::SourceRecord;
use crate::task::TaskError;
use crate::topology::Topology;
use partition::DriverPartition;

/// The virtual time at which every driver starts: 2026-01-01T00:00:00Z.
pub const START_MS: i64 = 1_767_225_600_000;

/// Records in a unit of work of [`TopologyTestDriver::bulk`].
const BULK_UNIT_RECORDS: usize = 4096;

/// Why the driver cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The topology does not read it.
    #[error("the topology has no source of topic {0}")]
    UnknownTopic(String),
    /// The driver was made with fewer partitions.
    #[error("there is no partition {0}")]
    UnknownPartition(u32),
    /// A timer waits, and there is no clock source to append a tick to.
    #[error("the topology has no clock, so its timers never fire")]
    NoClock,
    /// The task stopped.
    #[error(transparent)]
    Task(#[from] TaskError),
}

/// What the driver does for its user.
#[derive(Debug, Clone, Copy)]
struct Options {
    unit_records: usize,
    /// Headers on outputs, and changelogs to recover from.
    full: bool,
}

/// A topology with a virtual clock.
pub struct TopologyTestDriver {
    topology: Topology,
    partitions: Vec<DriverPartition>,
    now_ms: i64,
    options: Options,
    outputs: Vec<NewRecord>,
}

impl TopologyTestDriver {
    /// A driver with so many partitions, each record a unit of work of its own unless
    /// [`with_unit_records`](Self::with_unit_records) says otherwise.
    #[must_use]
    pub fn new(topology: &Topology, partitions: u32) -> Self {
        Self::with_options(topology, partitions, Options { unit_records: 1, full: true })
    }

    /// The fast one: large units of work, no headers on forwarded records, no changelogs and so no
    /// [`crash_next`](Self::crash_next).
    #[must_use]
    pub fn bulk(topology: &Topology, partitions: u32) -> Self {
        Self::with_options(topology, partitions, Options { unit_records: BULK_UNIT_RECORDS, full: false })
    }

    fn with_options(topology: &Topology, partitions: u32, options: Options) -> Self {
        Self {
            topology: topology.clone(),
            partitions: (0..partitions).map(|partition| DriverPartition::new(topology, partition)).collect(),
            now_ms: START_MS,
            options,
            outputs: Vec::new(),
        }
    }

    /// How many records at most make one unit of work.
    #[must_use]
    pub fn with_unit_records(mut self, unit_records: usize) -> Self {
        self.options.unit_records = unit_records.max(1);
        self
    }

    /// Appends a record and runs until all is processed. Returns its offset.
    ///
    /// # Errors
    /// An unknown topic or partition; a task that stopped.
    pub fn pipe(
        &mut self,
        topic: &str,
        partition: u32,
        key: impl Into<Bytes>,
        value: impl Into<Bytes>,
        append_ms: i64,
    ) -> Result<u64, DriverError> {
        let offset = self.enqueue(topic, partition, key, value, append_ms)?;
        self.run()?;
        Ok(offset)
    }

    /// Appends a record, to be processed by the next [`run`](Self::run). Returns its offset.
    ///
    /// # Errors
    /// An unknown topic or partition.
    pub fn enqueue(
        &mut self,
        topic: &str,
        partition: u32,
        key: impl Into<Bytes>,
        value: impl Into<Bytes>,
        append_ms: i64,
    ) -> Result<u64, DriverError> {
        self.enqueue_record(topic, partition, Some(key.into()), Some(value.into()), Vec::new(), append_ms)
    }

    /// The same with every part of a record.
    ///
    /// # Errors
    /// An unknown topic or partition.
    pub fn enqueue_record(
        &mut self,
        topic: &str,
        partition: u32,
        key: Option<Bytes>,
        value: Option<Bytes>,
        headers: Vec<Header>,
        append_ms: i64,
    ) -> Result<u64, DriverError> {
        let source = self.topology.0.sources.iter().position(|source| &*source.topic == topic);
        let source = source.ok_or_else(|| DriverError::UnknownTopic(topic.into()))?;
        let target = self.partitions.get_mut(partition as usize).ok_or(DriverError::UnknownPartition(partition))?;
        self.now_ms = self.now_ms.max(append_ms);
        Ok(target.append(SourceRecord { source, offset: 0, append_ms, key, value, headers }))
    }

    /// Processes all that is enqueued, in the order of (append time, source) within each partition.
    ///
    /// # Errors
    /// A task that stopped.
    pub fn run(&mut self) -> Result<(), DriverError> {
        self.run_until(i64::MAX)
    }

    /// Processes what is enqueued with append times up to this.
    ///
    /// # Errors
    /// A task that stopped.
    pub fn run_until(&mut self, append_ms: i64) -> Result<(), DriverError> {
        for partition in &mut self.partitions {
            partition.run_until(append_ms, self.options, &mut self.outputs)?;
        }
        Ok(())
    }

    /// Processes all that is enqueued, then lets the clock go on to `now_ms`: to each partition a tick is appended, as a
    /// live worker would, one millisecond after a timer is due.
    ///
    /// # Errors
    /// A task that stopped; timers without a clock.
    pub fn advance_to(&mut self, now_ms: i64) -> Result<(), DriverError> {
        self.tick_while(|due_ms| due_ms < now_ms)?;
        self.now_ms = self.now_ms.max(now_ms);
        Ok(())
    }

    /// Lets the clock go on until no timer waits anywhere, and returns the time it then is. A timer at the last of all
    /// milliseconds waits for ever: no time is past it. Endless for a topology whose timers always schedule another.
    ///
    /// # Errors
    /// A task that stopped; timers without a clock.
    pub fn run_until_quiet(&mut self) -> Result<i64, DriverError> {
        self.tick_while(|due_ms| due_ms < i64::MAX)?;
        Ok(self.now_ms)
    }

    fn tick_while(&mut self, is_due: impl Fn(i64) -> bool) -> Result<(), DriverError> {
        self.run()?;
        for partition in &mut self.partitions {
            while partition.earliest_due_ms().is_some_and(&is_due) {
                let tick_ms = partition.append_tick()?;
                partition.run_until(tick_ms, self.options, &mut self.outputs)?;
                self.now_ms = self.now_ms.max(tick_ms);
            }
        }
        Ok(())
    }

    /// The virtual time: the latest append time, or where the clock was advanced to.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// What was sent since the last call, in order of emission.
    pub fn drain_outputs(&mut self) -> Vec<NewRecord> {
        std::mem::take(&mut self.outputs)
    }

    /// A key of a store, as committed. `None` also if there is no such store or partition.
    #[must_use]
    pub fn get(&self, store: &str, partition: u32, key: &[u8]) -> Option<Bytes> {
        let store = self.store_index(store)?;
        self.partitions.get(partition as usize)?.get(store, key)
    }

    /// All of a store, in key order, as committed.
    #[must_use]
    pub fn entries(&self, store: &str, partition: u32) -> Vec<(Bytes, Bytes)> {
        let partition = self.partitions.get(partition as usize);
        self.store_index(store).zip(partition).map_or_else(Vec::new, |(store, partition)| partition.entries(store))
    }

    /// A partition's time; `i64::MIN` before its first clock record.
    #[must_use]
    pub fn partition_time_ms(&self, partition: u32) -> i64 {
        self.partitions.get(partition as usize).map_or(i64::MIN, DriverPartition::time_ms)
    }

    /// When the next timer of a partition is due.
    #[must_use]
    pub fn earliest_due_ms(&self, partition: u32) -> Option<i64> {
        self.partitions.get(partition as usize)?.earliest_due_ms()
    }

    /// Has the process die at that beat of the partition's next unit of work, and start again: from its local store,
    /// the changelog and the committed offsets, as a live worker does. Not with [`bulk`](Self::bulk).
    pub fn crash_next(&mut self, partition: u32, beat: Beat) {
        if let Some(partition) = self.partitions.get_mut(partition as usize).filter(|_| self.options.full) {
            partition.crash_next(beat);
        }
    }

    fn store_index(&self, store: &str) -> Option<usize> {
        self.topology.0.stores.iter().position(|node| node.name == store)
    }
}

#[cfg(test)]
mod tests;
