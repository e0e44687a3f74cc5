//! Brings a task's local store to the end of its changelog, before the task runs.
//!
//! The group's committed offsets are asked first, the changelog's end after that. It is the true end: whatever transaction
//! is still open below it is decided before it is reached, so state and offsets are of the same unit of work. A store that
//! lies outside what its changelog still holds is wiped and read from the beginning; so is one that
//! is ahead of the group, for it is of another log.
//!
//! The state itself says up to where its sources are processed, in rows of the task store. A group may forget its offsets
//! (Kafka drops those of one that is empty for a week); then reading goes on from the rows.

use std::time::Duration;

use gavel_log::{Consumer, Log, Record, Start, TopicPartition};

use super::live_task::WorkError;
use super::local::LocalStore;
use super::replica::Replica;
use super::status::TaskState;
use crate::task::TaskError;
use crate::task::rows::read_offset;
use crate::topology::Topology;

/// How often it is said how far a restoration is, and how much there must be to read.
const TELL_EVERY: Duration = Duration::from_secs(5);
const WORTH_TELLING: u64 = 10_000;

/// One task being restored.
pub(super) struct Restoration {
    replica: Replica,
    /// One of its own: a reader that is set from one partition to the next waits first for what it asked of the last.
    consumer: Box<dyn Consumer>,
    sources: Vec<TopicPartition>,
    /// Where reading began.
    start: u64,
    committed: Vec<Option<u64>>,
    records: Vec<Record>,
    restored: u64,
    /// When it was last said how far it is.
    told: Option<Duration>,
}

/// A task as it was at its last unit of work.
pub(super) struct Restored {
    pub(super) store: LocalStore,
    /// For each source: where to read on; `None` where nothing was processed.
    pub(super) next: Vec<Option<u64>>,
    /// How many changelog records were read.
    pub(super) records: u64,
}

impl Restoration {
    /// Asks where to read from and up to. `sources` are the task's source partitions, with what the group has committed of
    /// each.
    pub(super) fn begin(
        log: &dyn Log,
        topology: &Topology,
        (sources, committed): (&[TopicPartition], Vec<Option<u64>>),
        mut store: LocalStore,
    ) -> Result<Self, WorkError> {
        for (source, &committed) in sources.iter().zip(&committed) {
            if read_offset(&store, &source.topic)? > committed {
                store.wipe()?;
            }
        }
        let replica = Replica::open(log, topology, sources[0].partition, store)?;
        let start = replica.position;
        let mut consumer = log.consumer(None)?;
        consumer.assign(&[(replica.changelog.clone(), Start::Offset(start))])?;
        let sources = sources.to_vec();
        Ok(Self { replica, consumer, sources, start, committed, records: Vec::new(), restored: 0, told: None })
    }

    /// Reads on a little. True once the end is reached. After an error it is to be begun again.
    pub(super) fn step(&mut self, max_records: usize, wait: Duration) -> Result<bool, WorkError> {
        if !self.is_done() {
            self.consumer.poll(&mut self.records, max_records, wait)?;
            self.restored += self.records.len() as u64;
            metrics::counter!("gavel_streams_restored_records_total").increment(self.records.len() as u64);
            let position = self.consumer.position(&self.replica.changelog)?;
            self.replica.take(self.records.drain(..), position)?;
        }
        Ok(self.is_done())
    }

    fn is_done(&self) -> bool {
        self.replica.position >= self.replica.end
    }

    /// How far it is.
    pub(super) fn state(&self) -> TaskState {
        let (restored, total) = self.progress();
        TaskState::Restoring { restored, total }
    }

    /// Offsets read, and to be read in all.
    fn progress(&self) -> (u64, u64) {
        let end = self.replica.end;
        (self.replica.position.min(end).saturating_sub(self.start), end.saturating_sub(self.start))
    }

    /// Says how far it is, where that takes a while: at the beginning, now and then, and at the end.
    pub(super) fn tell(&mut self, topology: &Topology, now: Duration) {
        let (done, total) = self.progress();
        let is_due = self.told.is_none_or(|told| now.saturating_sub(told) >= TELL_EVERY) || self.is_done();
        if total >= WORTH_TELLING && is_due {
            let (name, partition) = (topology.name(), self.replica.changelog.partition);
            tracing::info!("{name}: restoring partition {partition}, {done} of {total} changelog records");
            self.told = Some(now);
        }
    }

    /// The restored task. Its store has a bound, also where there was nothing to read.
    pub(super) fn finish(mut self, log: &dyn Log) -> Result<Restored, WorkError> {
        self.replica.take(std::iter::empty(), self.replica.position)?;
        let mut next = Vec::with_capacity(self.sources.len());
        for (source, &committed) in self.sources.iter().zip(&self.committed) {
            let row = read_offset(&self.replica.store, &source.topic)?;
            if row > committed {
                tracing::warn!(partition = %source, row, committed, "the group forgot how far it was; the state knows");
            }
            check_state(source, row, committed)?;
            next.push(row);
        }
        for (source, next) in self.sources.iter().zip(&next) {
            if let Some(next) = *next {
                check_end(source, next, log.end(source)?)?;
            }
        }
        Ok(Restored { store: self.replica.store, next, records: self.restored })
    }
}

/// Offsets and state are of one transaction, and the offsets were asked first: the state cannot know less.
fn check_state(source: &TopicPartition, row: Option<u64>, committed: Option<u64>) -> Result<(), TaskError> {
    let (state, committed) = (row.unwrap_or(0), committed.unwrap_or(0));
    if state >= committed { Ok(()) } else { Err(TaskError::Behind { partition: source.to_string(), committed, state }) }
}

/// A source cannot end before what was processed of it, unless it is another topic of the same name.
fn check_end(source: &TopicPartition, next: u64, end: u64) -> Result<(), TaskError> {
    if next <= end { Ok(()) } else { Err(TaskError::Truncated { partition: source.to_string(), next, end }) }
}

#[cfg(test)]
mod tests;
