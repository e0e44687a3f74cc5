//! A local store on its way along its changelog: a task's before it runs, or one that is kept warm.

use gavel_log::{Log, Record, TopicPartition};

use super::live_task::WorkError;
use super::local::LocalStore;
use crate::changelog;
use crate::store::{Overlay, StateStore};
use crate::topology::Topology;

/// A store, and up to where it reflects its changelog.
pub(super) struct Replica {
    pub(super) store: LocalStore,
    pub(super) changelog: TopicPartition,
    /// The next offset to read.
    pub(super) position: u64,
    /// The end of the changelog, as it was asked at first.
    pub(super) end: u64,
    /// The names of the stores, by their index.
    stores: Vec<String>,
}

impl Replica {
    /// Where the store is to be read on from. One that lies outside what its changelog still holds begins anew.
    pub(super) fn open(
        log: &dyn Log,
        topology: &Topology,
        partition: u32,
        mut store: LocalStore,
    ) -> Result<Self, WorkError> {
        let changelog = TopicPartition::new(topology.0.changelog.clone(), partition);
        let marks = log.watermarks(&changelog)?;
        let is_outside = match store.bound()? {
            Some(bound) => bound < marks.low || bound > marks.end,
            None => store.has_rows()?,
        };
        if is_outside {
            store.wipe()?;
        }
        let position = store.bound()?.unwrap_or(marks.low);
        let stores = topology.0.stores.iter().map(|store| store.name.clone()).collect();
        Ok(Self { store, changelog, position, end: marks.end, stores })
    }

    /// Takes what was read of its changelog, up to this offset.
    pub(super) fn take(&mut self, records: impl Iterator<Item = Record>, position: u64) -> Result<(), WorkError> {
        let mut overlays = vec![Overlay::default(); self.stores.len()];
        for Record { key, value, .. } in records {
            changelog::read(&key.unwrap_or_default(), value, |(store, key, value)| {
                if let Some(store) = self.stores.iter().position(|name| name.as_bytes() == store) {
                    overlays[store].insert(key, value);
                }
            });
        }
        self.position = position;
        self.store.stage_bound(position);
        Ok(self.store.apply(&mut overlays)?)
    }
}
