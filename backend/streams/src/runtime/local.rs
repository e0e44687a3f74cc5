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
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gavel_log::Log;

use super::clock::Clock;
use super::disk::{Disk, FolderDisk, Keyspace};
use super::live_task::WorkError;
use super::options::{LocalState, RuntimeOptions};
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
/// What all tasks of a process together keep in memory that is not on the disk yet.
const RECENT_BYTES_MAX: usize = 16 << 20;
/// After this long a store is too old to be read on from: half of what a changelog keeps tombstones for.
const LONGEST_ABSENCE_MS: i64 = 12 * 60 * 60 * 1000;
/// For so long after the disk was begun anew, it is not begun anew again.
const RENEWED_LATELY: Duration = Duration::from_secs(10 * 60);
/// Raised when the rows are laid out differently: stores of another layout are dropped, and come back from the changelog.
const LAYOUT_VERSION: u32 = 2;

/// The local stores of this process.
pub(crate) struct LocalStores {
    disk: Arc<dyn Disk>,
    clock: Arc<dyn Clock>,
    unwritten_rows_max: usize,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    /// The tasks open now. A task that moves from thread to thread within the process is first closed by the old one.
    open: BTreeSet<String>,
    /// Those of them that another asked for.
    wanted: BTreeSet<String>,
    /// What is wrong with the disk. Every store is closed for it, for they share it.
    trouble: Option<StoreError>,
    /// Whether the disk is known to be of our log.
    is_identified: bool,
    /// When it was last begun anew.
    renewed: Option<Duration>,
}

impl LocalStores {
    pub(crate) fn open(options: &RuntimeOptions) -> Result<Arc<Self>, StoreError> {
        let disk = match &options.local_state {
            LocalState::Folder(folder) => Arc::new(FolderDisk::open(folder)?),
            LocalState::Disk(disk) => Arc::clone(disk),
        };
        let (clock, unwritten_rows_max) = (Arc::clone(&options.clock), options.unwritten_rows_max);
        Ok(Arc::new(Self { disk, clock, unwritten_rows_max, held: Mutex::default() }))
    }

    /// What each of the open tasks may keep in memory.
    fn share_bytes(&self) -> usize {
        RECENT_BYTES_MAX / self.held().open.len().max(1)
    }

    /// Opens the store of a task; `None` while another thread still holds it, or others hold theirs on a disk that is not to be
    /// used any more.
    pub(crate) fn task_store(
        self: &Arc<Self>,
        topology: &Topology,
        partition: u32,
    ) -> Result<Option<LocalStore>, StoreError> {
        let name = name(topology.name(), partition);
        {
            let mut held = self.held();
            if !self.renew(&mut held)? {
                return Ok(None);
            }
            if !held.open.insert(name.clone()) {
                held.wanted.insert(name);
                return Ok(None);
            }
        }
        let lease = Lease { stores: Arc::clone(self), name };
        let keyspace = self.noticed(self.disk.keyspace(&lease.name))?;
        let recent = Recent::new(topology.0.stores.len(), self.unwritten_rows_max);
        let mut store = LocalStore { keyspace, recent, layout: layout(topology), staged_bound: None, lease };
        let layout = store.noticed(store.keyspace.get(&LAYOUT_ROW))?;
        if layout.is_none_or(|found| found[..] != store.layout[..]) || store.is_stale()? {
            store.wipe()?;
        }
        Ok(Some(store))
    }

    /// Sees to it that what is on the disk was read from this log. Called before the first store is opened.
    pub(crate) fn identify(&self, log: &dyn Log) -> Result<(), WorkError> {
        let mut held = self.held();
        if !held.is_identified && self.renew(&mut held)? {
            let id = log.id()?;
            if self.disk.is_foreign(&id)? {
                self.disk.renew(Some("it is of another log, or of another version"))?;
                self.disk.is_foreign(&id)?;
            }
            held.is_identified = true;
        }
        Ok(())
    }

    /// Whether somebody asked in vain for a store that is open.
    pub(crate) fn is_wanted(&self, topology: &str, partition: u32) -> bool {
        self.held().wanted.contains(&name(topology, partition))
    }

    /// Whether all who hold a store are to let it go.
    pub(crate) fn is_in_trouble(&self) -> bool {
        self.held().trouble.is_some()
    }

    /// Takes note of an error. What comes back soon after the disk was begun anew is not the disk's fault.
    pub(crate) fn report(&self, error: &StoreError) {
        let mut held = self.held();
        let is_recent = held.renewed.is_some_and(|at| self.clock.monotonic().saturating_sub(at) < RENEWED_LATELY);
        if !is_recent && held.trouble.is_none() {
            held.trouble = Some(error.clone());
        }
    }

    fn noticed<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        outcome.inspect_err(|error| self.report(error))
    }

    /// Begins anew where it must and nobody holds a store. False if somebody does.
    fn renew(&self, held: &mut Held) -> Result<bool, StoreError> {
        let Some(trouble) = &held.trouble else { return Ok(true) };
        if !held.open.is_empty() {
            return Ok(false);
        }
        self.disk.renew(trouble.is_damage.then_some(trouble.problem.as_str()))?;
        *held = Held { renewed: Some(self.clock.monotonic()), ..Held::default() };
        Ok(true)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Of the store of a task.
fn name(topology: &str, partition: u32) -> String {
    format!("{topology}.{partition}")
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
        let mut held = self.stores.held();
        held.open.remove(&self.name);
        held.wanted.remove(&self.name);
    }
}

/// The local store of one task.
pub(crate) struct LocalStore {
    keyspace: Box<dyn Keyspace>,
    recent: Recent,
    layout: Bytes,
    /// Taken with the next unit of work.
    staged_bound: Option<u64>,
    /// Given up last.
    lease: Lease,
}

impl LocalStore {
    /// Up to where it certainly reflects its changelog; `None` if it reflects nothing.
    pub(crate) fn bound(&self) -> Result<Option<u64>, StoreError> {
        if let Some(bound) = self.recent.bound() {
            return Ok(Some(bound));
        }
        let Some(bytes) = self.noticed(self.keyspace.get(&BOUND_ROW))? else { return Ok(None) };
        let bytes = bytes[..].try_into().map_err(|_| StoreError::damage("a bound cannot be read"));
        Ok(Some(u64::from_be_bytes(self.noticed(bytes)?)))
    }

    /// Whether there is anything in any store.
    pub(crate) fn has_rows(&self) -> Result<bool, StoreError> {
        Ok(self.recent.has_rows() || self.noticed(self.keyspace.first_key())?.is_some_and(|key| key[..] < [META][..]))
    }

    /// Has the next [`apply`](StateStore::apply) take this bound.
    pub(crate) fn stage_bound(&mut self, bound: u64) {
        self.staged_bound = Some(bound);
    }

    /// Drops all rows.
    pub(crate) fn wipe(&mut self) -> Result<(), StoreError> {
        self.abandon();
        let mut layout = std::iter::once((LAYOUT_ROW.to_vec(), Some(self.layout.clone())));
        let wiped = self.keyspace.clear().and_then(|()| self.keyspace.write(&mut layout));
        self.noticed(wiped)
    }

    fn noticed<T>(&self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        self.lease.stores.noticed(outcome)
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
        let written = self.keyspace.write(&mut rows.chain(bound.into_iter().flatten()));
        self.noticed(written)
    }

    /// Whether its bound is so old that it may miss a removal.
    fn is_stale(&self) -> Result<bool, StoreError> {
        let saved_ms = self
            .noticed(self.keyspace.get(&SAVED_ROW))?
            .and_then(|bytes| Some(i64::from_be_bytes(bytes[..].try_into().ok()?)));
        let now_ms = self.lease.stores.clock.now_ms();
        Ok(saved_ms.is_some_and(|saved_ms| now_ms.saturating_sub(saved_ms) > LONGEST_ABSENCE_MS))
    }
}

impl StateStore for LocalStore {
    fn get(&self, store: usize, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self.recent.get(store, key) {
            Some(value) => Ok(value.clone()),
            None => self.noticed(self.keyspace.get(&row(store, key))),
        }
    }

    fn scan_prefix(&self, store: usize, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let rows = self.noticed(self.keyspace.scan_prefix(&row(store, prefix)))?;
        let entries = rows.into_iter().map(|(row, value)| (row.slice(1..), value)).collect();
        Ok(merged(entries, self.recent.with_prefix(store, prefix)))
    }

    fn apply(&mut self, overlays: &mut [Overlay]) -> Result<(), StoreError> {
        self.recent.take(overlays, self.staged_bound.take());
        if self.recent.is_full(self.lease.stores.share_bytes()) { self.flush() } else { Ok(()) }
    }
}

impl Drop for LocalStore {
    fn drop(&mut self) {
        if self.lease.stores.is_in_trouble() {
            self.abandon();
        }
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
