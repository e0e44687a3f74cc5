//! Brings a task's local store to the end of its changelogs, before the task runs.
//!
//! The group's committed offsets are asked first, the changelogs' ends after that. The ends are the true ones: whatever
//! transaction is still open below them is decided before they are reached, so state and offsets are of the same unit of
//! work. A store that lies outside what its changelog still holds is wiped and read from the beginning; so is one that
//! is ahead of the group, for it is of another log.
//!
//! The state itself says up to where its sources are processed, in rows of the task store. A group may forget its offsets
//! (Kafka drops those of one that is empty for a week); then reading goes on from the rows.

use std::time::Duration;

use gavel_log::{Consumer, Log, Record, Start, TopicPartition};

use super::live_task::WorkError;
use super::local::LocalStore;
use super::status::TaskState;
use crate::store::{Overlay, StateStore};
use crate::task::TaskError;
use crate::task::rows::read_offset;
use crate::topology::Topology;

struct Changelog {
    partition: TopicPartition,
    start: u64,
    position: u64,
    end: u64,
}

/// One task being restored.
pub(super) struct Restoration {
    store: LocalStore,
    sources: Vec<TopicPartition>,
    changelogs: Vec<Changelog>,
    committed: Vec<Option<u64>>,
    records: Vec<Record>,
    restored: u64,
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
    /// Asks where to read from and up to, and sets the consumer there. `sources` are the task's source partitions.
    pub(super) fn begin(
        log: &dyn Log,
        consumer: &mut dyn Consumer,
        topology: &Topology,
        sources: &[TopicPartition],
        mut store: LocalStore,
    ) -> Result<Self, WorkError> {
        let committed = log.committed(&topology.group(), sources)?;
        let mut wipe = false;
        for (source, &committed) in sources.iter().zip(&committed) {
            wipe |= read_offset(&store, &source.topic)? > committed;
        }
        let mut changelogs = Vec::with_capacity(topology.0.stores.len());
        for (index, node) in topology.0.stores.iter().enumerate() {
            let partition = TopicPartition::new(node.changelog.clone(), sources[0].partition);
            let marks = log.watermarks(&partition)?;
            wipe |= match store.bound(index)? {
                Some(bound) => bound < marks.low || bound > marks.end,
                None => store.has_rows(index)?,
            };
            changelogs.push((marks.low, Changelog { partition, start: 0, position: 0, end: marks.end }));
        }
        if wipe {
            store.wipe()?;
        }
        for (index, (low, changelog)) in changelogs.iter_mut().enumerate() {
            changelog.start = store.bound(index)?.unwrap_or(*low);
            changelog.position = changelog.start;
        }
        let changelogs: Vec<Changelog> = changelogs.into_iter().map(|(_, changelog)| changelog).collect();
        let starts: Vec<_> = changelogs.iter().map(|log| (log.partition.clone(), Start::Offset(log.start))).collect();
        consumer.assign(&starts)?;
        Ok(Self { store, sources: sources.to_vec(), changelogs, committed, records: Vec::new(), restored: 0 })
    }

    /// Reads on a little. True once the end is reached. After an error it is to be begun again.
    pub(super) fn step(
        &mut self,
        consumer: &mut dyn Consumer,
        max_records: usize,
        wait: Duration,
    ) -> Result<bool, WorkError> {
        if !self.is_done() {
            consumer.poll(&mut self.records, max_records, wait)?;
            self.restored += self.records.len() as u64;
            metrics::counter!("gavel_streams_restored_records_total").increment(self.records.len() as u64);
            let mut overlays = vec![Overlay::new(); self.store.stores()];
            for record in self.records.drain(..) {
                let store = self.changelogs.iter().position(|log| log.partition.topic == record.topic);
                if let (Some(store), Some(key)) = (store, record.key) {
                    overlays[store].insert(key, record.value);
                }
            }
            for changelog in &mut self.changelogs {
                changelog.position = consumer.position(&changelog.partition)?;
            }
            self.apply(&mut overlays)?;
        }
        Ok(self.is_done())
    }

    fn apply(&mut self, overlays: &mut [Overlay]) -> Result<(), WorkError> {
        let bounds = self.changelogs.iter().map(|changelog| changelog.position).enumerate();
        self.store.stage_bounds(bounds.collect());
        Ok(self.store.apply(overlays)?)
    }

    fn is_done(&self) -> bool {
        self.changelogs.iter().all(|log| log.position >= log.end)
    }

    /// How far it is.
    pub(super) fn state(&self) -> TaskState {
        let restored = self.changelogs.iter().map(|log| log.position.min(log.end).saturating_sub(log.start)).sum();
        let total = self.changelogs.iter().map(|log| log.end.saturating_sub(log.start)).sum();
        TaskState::Restoring { restored, total }
    }

    /// The restored task. Its store has a bound, also where there was nothing to read.
    pub(super) fn finish(mut self, log: &dyn Log) -> Result<Restored, WorkError> {
        self.apply(&mut [])?;
        let mut next = Vec::with_capacity(self.sources.len());
        for (source, &committed) in self.sources.iter().zip(&self.committed) {
            let row = read_offset(&self.store, &source.topic)?;
            if row > committed {
                tracing::warn!(partition = %source, row, committed, "the group forgot how far it was; the state knows");
            }
            next.push(row.max(committed));
        }
        for (source, next) in self.sources.iter().zip(&next) {
            if let Some(next) = *next {
                check_end(source, next, log.end(source)?)?;
            }
        }
        Ok(Restored { store: self.store, next, records: self.restored })
    }
}

/// A source cannot end before what was processed of it, unless it is another topic of the same name.
fn check_end(source: &TopicPartition, next: u64, end: u64) -> Result<(), TaskError> {
    if next <= end { Ok(()) } else { Err(TaskError::Truncated { partition: source.to_string(), next, end }) }
}

#[cfg(test)]
mod tests;
