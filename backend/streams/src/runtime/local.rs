//! Local state: one disk per process, one keyspace of it per task. Units of work gather in memory (`recent`) and are written
//! many at once, together with the changelog offset they reflect: one write to one tree.
//!
//! A row's key is the index of its store (one byte) and the key in the store. Rows of store `META` say how the others are
//! laid out, and up to where they certainly reflect the changelog: the bound.
//!
//! The bound is a lower bound. All below it is in the store; what lies above it may be, too. Changelog values are absolute, so
//! reading on from the bound to the end always gives the state at the end. It is where a committed
//! unit of work ended in the changelog: no newer owner can have written below, for it waits until every transaction that was open
//! is decided before it begins. Where the log does not tell, the runtime asks for the changelog's end *before* it commits a unit of
//! work, which proves the same. Rows without a bound may be of any time: they are dropped.
//!
//! A changelog drops a tombstone some time after it was written (a day, on Kafka and on the embedded log). A store whose bound is
//! older than half of that might miss a removal, and is wiped.

mod recent;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::clock::Clock;
use super::disk::{Disk, FolderDisk, Keyspace};
use super::options::LocalState;
use crate::store::{Overlay, StateStore, StoreError, merged};
use crate::topology::Topology;
use recent::Recent;

/// The store index of the rows about the store itself.
const META: u8 = u8::MAX;
/// The row that says how the rows are laid out.
const LAYOUT_ROW: [u8; 2] = [META, b'l'];
/// The row of the bound.
const BOUND_ROW: [u8; 2] = [META, b'b'];
/// The row that says when the bound was last written.
const SAVED_ROW: [u8; 2] = [META, b's'];
/// After this long a store is too old to be read on from: half of what a changelog keeps tombstones for.
const LONGEST_ABSENCE_MS: i64 = 12 * 60 * 60 * 1000;
/// Raised when the rows are laid out differently: stores of another layout are dropped, and come back from the changelog.
const LAYOUT_VERSION: u32 = 2;

/// The local stores of this process.
pub(crate) struct LocalStores {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    /// The tasks open now. A task that moves from thread to thread within the process is first closed by the old one.
    open: Mutex<BTreeSet<String>>,
}

impl LocalStores {
    pub(crate) fn open(place: &LocalState, clock: Arc<dyn Clock>) -> Result<Arc<Self>, StoreError> {
        let disk = match place {
            LocalState::Folder(folder) => Arc::new(FolderDisk::open(folder)?),
            LocalState::Disk(disk) => Arc::clone(disk),
        };
        Ok(Arc::new(Self { disk, clock, open: Mutex::default() }))
    }

    /// Opens the store of a task; `None` while another thread still holds it.
    pub(crate) fn task_store(
        self: &Arc<Self>,
        topology: &Topology,
        partition: u32,
    ) -> Result<Option<LocalStore>, StoreError> {
        let name = format!("{}.{partition}", topology.name());
        if !self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone()) {
            return Ok(None);
        }
        let lease = Lease { stores: Arc::clone(self), name };
        let keyspace = self.disk.keyspace(&lease.name)?;
        let recent = Recent::new(topology.0.stores.len());
        let mut store = LocalStore { lease, keyspace, recent, layout: layout(topology), staged_bound: None };
        if store.keyspace.get(&LAYOUT_ROW)?.is_none_or(|found| found[..] != store.layout[..]) || store.is_stale()? {
            store.wipe()?;
        }
        Ok(Some(store))
    }
}

/// What the rows depend on: the layout, and which store has which index.
fn layout(topology: &Topology) -> Bytes {
    let names: Vec<&str> = topology.0.stores.iter().map(|store| store.name.as_str()).collect();
    format!("{LAYOUT_VERSION}:{}", names.join(",")).into()
}

/// The right to a task's store.
struct Lease {
    stores: Arc<LocalStores>,
    name: String,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.stores.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
    }
}

/// The local store of one task.
pub(crate) struct LocalStore {
    lease: Lease,
    keyspace: Box<dyn Keyspace>,
    recent: Recent,
    layout: Bytes,
    /// Taken with the next unit of work.
    staged_bound: Option<u64>,
}

impl LocalStore {
    /// Up to where it certainly reflects its changelog; `None` if it reflects nothing.
    pub(crate) fn bound(&self) -> Result<Option<u64>, StoreError> {
        if let Some(bound) = self.recent.bound() {
            return Ok(Some(bound));
        }
        let Some(bytes) = self.keyspace.get(&BOUND_ROW)? else { return Ok(None) };
        let bytes = bytes[..].try_into().map_err(|_| StoreError::new("a bound cannot be read"))?;
        Ok(Some(u64::from_be_bytes(bytes)))
    }

    /// Whether there is anything in any store.
    pub(crate) fn has_rows(&self) -> Result<bool, StoreError> {
        Ok(self.recent.has_rows() || self.keyspace.first_key()?.is_some_and(|key| key[..] < [META][..]))
    }

    /// Has the next [`apply`](StateStore::apply) take this bound.
    pub(crate) fn stage_bound(&mut self, bound: u64) {
        self.staged_bound = Some(bound);
    }

    /// Drops all rows.
    pub(crate) fn wipe(&mut self) -> Result<(), StoreError> {
        self.abandon();
        self.keyspace.clear()?;
        self.keyspace.write(&mut std::iter::once((LAYOUT_ROW.to_vec(), Some(self.layout.clone()))))
    }

    /// Forgets what is not on the disk, as a process does that dies.
    pub(crate) fn abandon(&mut self) {
        self.staged_bound = None;
        self.recent.drain();
    }

    /// Writes what was applied to the disk while there is nothing else to do, if it is worth a write.
    pub(crate) fn flush_at_leisure(&mut self) -> Result<(), StoreError> {
        if self.recent.is_worth_a_write() { self.flush() } else { Ok(()) }
    }

    /// Writes all that was applied to the disk.
    pub(crate) fn flush(&mut self) -> Result<(), StoreError> {
        if self.recent.is_empty() {
            return Ok(());
        }
        let now_ms = self.lease.stores.clock.now_ms();
        let (stores, bound) = self.recent.drain();
        let rows = |(store, rows): (usize, Vec<(Bytes, Option<Bytes>)>)| {
            rows.into_iter().map(move |(key, value)| (row(store, &key), value))
        };
        let bound = bound.map(|bound| {
            let row = |row: [u8; 2], bytes: [u8; 8]| (row.to_vec(), Some(Bytes::copy_from_slice(&bytes)));
            [row(BOUND_ROW, bound.to_be_bytes()), row(SAVED_ROW, now_ms.to_be_bytes())]
        });
        let rows = stores.into_iter().enumerate().flat_map(rows);
        self.keyspace.write(&mut rows.chain(bound.into_iter().flatten()))
    }

    /// Whether its bound is so old that it may miss a removal.
    fn is_stale(&self) -> Result<bool, StoreError> {
        let saved_ms =
            self.keyspace.get(&SAVED_ROW)?.and_then(|bytes| Some(i64::from_be_bytes(bytes[..].try_into().ok()?)));
        let now_ms = self.lease.stores.clock.now_ms();
        Ok(saved_ms.is_some_and(|saved_ms| now_ms.saturating_sub(saved_ms) > LONGEST_ABSENCE_MS))
    }
}

impl StateStore for LocalStore {
    fn get(&self, store: usize, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self.recent.get(store, key) {
            Some(value) => Ok(value.clone()),
            None => self.keyspace.get(&row(store, key)),
        }
    }

    fn scan_prefix(&self, store: usize, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let rows = self.keyspace.scan_prefix(&row(store, prefix))?;
        let entries = rows.into_iter().map(|(row, value)| (row.slice(1..), value)).collect();
        Ok(merged(entries, self.recent.with_prefix(store, prefix)))
    }

    fn apply(&mut self, overlays: &mut [Overlay]) -> Result<(), StoreError> {
        self.recent.take(overlays, self.staged_bound.take());
        if self.recent.is_full() { self.flush() } else { Ok(()) }
    }
}

impl Drop for LocalStore {
    fn drop(&mut self) {
        if let Err(error) = self.flush() {
            tracing::warn!(task = self.lease.name, %error, "local state was not written; the changelog has it");
        }
    }
}

fn row(store: usize, key: &[u8]) -> Vec<u8> {
    let mut row = Vec::with_capacity(1 + key.len());
    row.push(store as u8);
    row.extend_from_slice(key);
    row
}

#[cfg(test)]
mod tests;
