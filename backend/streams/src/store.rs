//! Where a task keeps its state between units of work.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use bytes::Bytes;
use indexmap::IndexMap;

/// What one unit of work changed in one store: the final value of each key, `None` where it was removed.
pub(crate) type Overlay = Rows<Option<Bytes>>;

/// The local state cannot be read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the local state: {problem}")]
pub struct StoreError {
    pub(crate) problem: String,
    /// What another attempt may mend, and what only the changelog can.
    pub(crate) is_damage: bool,
}

impl StoreError {
    /// For this problem, which may pass.
    pub fn new(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), is_damage: false }
    }

    /// What is on the disk is not what was written.
    pub fn damage(problem: impl Into<String>) -> Self {
        Self { problem: problem.into(), is_damage: true }
    }
}

/// The committed state of one task: one ordered map for each store of the topology, by the store's index.
pub(crate) trait StateStore: Send {
    /// The value of a key.
    fn get(&self, store: usize, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// All entries whose key starts with `prefix`, in key order.
    fn scan_prefix(&self, store: usize, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StoreError>;

    /// Writes all changes of a unit of work, together or not at all, and leaves the overlays empty.
    fn apply(&mut self, overlays: &mut [Overlay]) -> Result<(), StoreError>;
}

/// Rows in memory, in the order in which their keys first came. Keys are hashed, for mostly single ones are asked for; they are
/// sorted too from the first scan on.
#[derive(Debug, Clone)]
pub(crate) struct Rows<V> {
    values: IndexMap<Bytes, V, foldhash::fast::RandomState>,
    sorted_keys: OnceCell<BTreeSet<Bytes>>,
}

impl<V> Default for Rows<V> {
    fn default() -> Self {
        Self { values: IndexMap::default(), sorted_keys: OnceCell::new() }
    }
}

impl<V> Rows<V> {
    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        self.values.get(key)
    }

    /// Sets a key; answers what it was.
    pub(crate) fn insert(&mut self, key: Bytes, value: V) -> Option<V> {
        if let Some(keys) = self.sorted_keys.get_mut() {
            keys.insert(key.clone());
        }
        self.values.insert(key, value)
    }

    /// Removes a key; the last one takes its place.
    fn remove(&mut self, key: &Bytes) {
        if let Some(keys) = self.sorted_keys.get_mut() {
            keys.remove(key);
        }
        self.values.swap_remove(key);
    }

    /// The rows, in the order in which their keys first came.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Bytes, &V)> {
        self.values.iter()
    }

    /// The rows whose keys start with `prefix`, sorted.
    pub(crate) fn with_prefix<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = (&'a Bytes, &'a V)> {
        let keys = self.sorted_keys.get_or_init(|| self.values.keys().cloned().collect());
        let from = keys.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
        from.take_while(move |key| key.starts_with(prefix)).map(|key| (key, &self.values[key]))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.sorted_keys.take();
        self.values.clear();
    }

    /// Takes all rows out, and keeps the room they had.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = (Bytes, V)> {
        self.sorted_keys.take();
        self.values.drain(..)
    }

    /// Takes all rows out, sorted.
    pub(crate) fn take_sorted(&mut self) -> Vec<(Bytes, V)> {
        self.sorted_keys.take();
        let mut rows: Vec<_> = self.values.drain(..).collect();
        rows.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        rows
    }
}

/// State in memory: the test driver's.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore(Vec<Rows<Bytes>>);

impl MemoryStore {
    /// An empty one for so many stores.
    pub(crate) fn new(stores: usize) -> Self {
        Self(std::iter::repeat_with(Rows::default).take(stores).collect())
    }

    /// Sets or removes one key.
    pub(crate) fn set(&mut self, store: usize, key: Bytes, value: Option<Bytes>) {
        match value {
            Some(value) => drop(self.0[store].insert(key, value)),
            None => self.0[store].remove(&key),
        }
    }
}

impl StateStore for MemoryStore {
    fn get(&self, store: usize, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0[store].get(key).cloned())
    }

    fn scan_prefix(&self, store: usize, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        Ok(self.0[store].with_prefix(prefix).map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn apply(&mut self, overlays: &mut [Overlay]) -> Result<(), StoreError> {
        for (store, overlay) in overlays.iter_mut().enumerate() {
            for (key, value) in overlay.drain() {
                self.set(store, key, value);
            }
        }
        Ok(())
    }
}

/// Entries as they are once some changes, of which the last of each key counts, are made to them.
pub(crate) fn merged<'a>(
    entries: Vec<(Bytes, Bytes)>,
    changes: impl Iterator<Item = (&'a Bytes, &'a Option<Bytes>)>,
) -> Vec<(Bytes, Bytes)> {
    let mut changes = changes.peekable();
    if changes.peek().is_none() {
        return entries;
    }
    let mut merged: BTreeMap<Bytes, Option<Bytes>> =
        entries.into_iter().map(|(key, value)| (key, Some(value))).collect();
    merged.extend(changes.map(|(key, value)| (key.clone(), value.clone())));
    merged.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}
