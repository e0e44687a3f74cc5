//! Brings a task's local store to the end of its changelogs, before the task runs.
//!
//! The group's committed offsets are asked first, the changelogs' ends after that. The ends are the true ones: whatever
//! transaction is still open below them is decided before they are reached, so state and offsets are of the same unit of
//! work. A store that lies outside what its changelog still holds is wiped and read from the beginning.

use std::time::Duration;

use gavel_log::{Consumer, Log, Record, Start, TopicPartition};

use super::interruption::Interruption;
use super::local::LocalStore;
use super::status::TaskState;
use crate::store::{Overlay, StateStore};
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
    changelogs: Vec<Changelog>,
    committed: Vec<Option<u64>>,
    records: Vec<Record>,
}

impl Restoration {
    /// Asks where to read from and up to, and sets the consumer there. `sources` are the task's source partitions.
    pub(super) fn begin(
        log: &dyn Log,
        consumer: &mut dyn Consumer,
        topology: &Topology,
        sources: &[TopicPartition],
        mut store: LocalStore,
    ) -> Result<Self, Interruption> {
        let committed = log.committed(&topology.group(), sources)?;
        let mut changelogs = Vec::with_capacity(topology.0.stores.len());
        let mut wipe = false;
        for (index, node) in topology.0.stores.iter().enumerate() {
            let partition = TopicPartition::new(node.changelog.clone(), sources[0].partition);
            let marks = log.watermarks(&partition)?;
            let bound = store.bound(index)?;
            wipe |= bound.is_some_and(|bound| bound < marks.low || bound > marks.end);
            let start = bound.unwrap_or(marks.low);
            changelogs.push((marks.low, Changelog { partition, start, position: start, end: marks.end }));
        }
        if wipe {
            store.wipe()?;
            for (low, changelog) in &mut changelogs {
                (changelog.start, changelog.position) = (*low, *low);
            }
        }
        let changelogs: Vec<Changelog> = changelogs.into_iter().map(|(_, changelog)| changelog).collect();
        let starts: Vec<_> = changelogs.iter().map(|log| (log.partition.clone(), Start::Offset(log.start))).collect();
        consumer.assign(&starts)?;
        Ok(Self { store, changelogs, committed, records: Vec::new() })
    }

    /// Reads on a little. True once the end is reached.
    pub(super) fn step(
        &mut self,
        consumer: &mut dyn Consumer,
        max_records: usize,
        wait: Duration,
    ) -> Result<bool, Interruption> {
        if !self.is_done() {
            consumer.poll(&mut self.records, max_records, wait)?;
            metrics::counter!("gavel_streams_restored_records_total").increment(self.records.len() as u64);
            let mut overlays = vec![Overlay::new(); self.store.stores()];
            for record in self.records.drain(..) {
                let store = self.changelogs.iter().position(|log| log.partition.topic == record.topic);
                if let (Some(store), Some(key)) = (store, record.key) {
                    overlays[store].insert(key, record.value);
                }
            }
            let mut bounds = Vec::with_capacity(self.changelogs.len());
            for (store, changelog) in self.changelogs.iter_mut().enumerate() {
                changelog.position = consumer.position(&changelog.partition)?;
                bounds.push((store, changelog.position));
            }
            self.store.stage_bounds(bounds);
            self.store.apply(&mut overlays)?;
        }
        Ok(self.is_done())
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

    /// The restored store, and for each source the group's committed offset.
    pub(super) fn finish(self) -> (LocalStore, Vec<Option<u64>>) {
        (self.store, self.committed)
    }
}
