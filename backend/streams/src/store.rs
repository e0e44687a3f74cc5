//! Where a task keeps its state between units of work.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use bytes::Bytes;

/// What one unit of work changed in one store: the final value of each key, `None` where it was removed.
pub(crate) type Overlay = BTreeMap<Bytes, Option<Bytes>>;

/// The local state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("the local state: {0}")]
pub struct StoreError(pub(crate) String);

impl StoreError {
    /// For this problem.
    pub fn new(problem: impl Into<String>) -> Self {
        Self(problem.into())
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

/// State in memory: the test driver's. Its keys are hashed, for a backtest asks mostly for single ones; a store is ordered
/// from its first scan on.
#[derive(Debug, Default)]
pub(crate) struct MemoryStore(Vec<Rows>);

#[derive(Debug, Default)]
struct Rows {
    values: HashMap<Bytes, Bytes, foldhash::fast::RandomState>,
    ordered_keys: OnceCell<BTreeSet<Bytes>>,
}

impl MemoryStore {
    /// An empty one for so many stores.
    pub(crate) fn new(stores: usize) -> Self {
        Self(std::iter::repeat_with(Rows::default).take(stores).collect())
    }

    /// Sets or removes one key.
    pub(crate) fn set(&mut self, store: usize, key: Bytes, value: Option<Bytes>) {
        let rows = &mut self.0[store];
        if let Some(keys) = rows.ordered_keys.get_mut() {
            if value.is_some() {
                keys.insert(key.clone())
            } else {
                keys.remove(&key)
            };
        }
        match value {
            Some(value) => rows.values.insert(key, value),
            None => rows.values.remove(&key),
        };
    }
}

impl StateStore for MemoryStore {
    fn get(&self, store: usize, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.0[store].values.get(key).cloned())
    }

    fn scan_prefix(&self, store: usize, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let rows = &self.0[store];
        let keys = rows.ordered_keys.get_or_init(|| rows.values.keys().cloned().collect());
        let from = keys.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
        let found = from.take_while(|key| key.starts_with(prefix));
        Ok(found.map(|key| (key.clone(), rows.values[key].clone())).collect())
    }

    fn apply(&mut self, overlays: &mut [Overlay]) -> Result<(), StoreError> {
        for (store, overlay) in overlays.iter_mut().enumerate() {
            for (key, value) in std::mem::take(overlay) {
                self.set(store, key, value);
            }
        }
        Ok(())
    }
}

/// The part of an ordered map whose keys start with `prefix`.
pub(crate) fn from_prefix<'a, V>(
    map: &'a BTreeMap<Bytes, V>,
    prefix: &'a [u8],
) -> impl Iterator<Item = (&'a Bytes, &'a V)> {
    map.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded))
        .take_while(move |(key, _)| key.starts_with(prefix))
}
