//! Changes that are committed in the log and are not on the disk yet.
//!
//! The changelog has them already, so to lose them costs reading them again, and nothing else. They are written together, many
//! units of work at once: a row that changes in each of them is written once.

use bytes::Bytes;

use crate::store::{Overlay, Rows};

/// What a row takes in memory besides its key and its value.
const ROW_BYTES: usize = 128;
/// The part of the rows that may wait from which on they are written when there is nothing else to do.
const LEISURE: usize = 50;

/// Changes of one store, in the order of their keys.
type Changes = Vec<(Bytes, Option<Bytes>)>;

/// The changes of one task.
pub(super) struct Recent {
    /// By the store's index; `None` where a key was removed.
    stores: Vec<Rows<Option<Bytes>>>,
    rows: usize,
    bytes: usize,
    /// Rows at most, before they are written.
    rows_max: usize,
    /// Up to where the changelog is reflected by these changes and the disk together, if that is known better than there.
    bound: Option<u64>,
}

impl Recent {
    pub(super) fn new(stores: usize, rows_max: usize) -> Self {
        let stores = std::iter::repeat_with(Rows::default).take(stores).collect();
        Self { stores, rows: 0, bytes: 0, rows_max, bound: None }
    }

    pub(super) fn bound(&self) -> Option<u64> {
        self.bound
    }

    /// What a key was changed to; `None` if it was not.
    pub(super) fn get(&self, store: usize, key: &[u8]) -> Option<&Option<Bytes>> {
        self.stores.get(store)?.get(key)
    }

    /// The changes of a store whose keys start with `prefix`, in order.
    pub(super) fn with_prefix<'a>(
        &'a self,
        store: usize,
        prefix: &'a [u8],
    ) -> impl Iterator<Item = (&'a Bytes, &'a Option<Bytes>)> {
        let rows = self.stores.get(store).filter(|rows| !rows.is_empty());
        rows.into_iter().flat_map(move |rows| rows.with_prefix(prefix))
    }

    /// Whether any row was changed.
    pub(super) fn has_rows(&self) -> bool {
        self.rows > 0
    }

    /// Whether there is anything to write.
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0 && self.bound.is_none()
    }

    /// Whether it is time to write, if so many bytes may be kept.
    pub(super) fn is_full(&self, bytes_max: usize) -> bool {
        self.rows >= self.rows_max || self.bytes >= bytes_max
    }

    /// Whether to write it is worth its while.
    pub(super) fn is_worth_a_write(&self) -> bool {
        self.rows > self.rows_max / LEISURE
    }

    /// Takes the changes of a unit of work, and leaves its overlays empty.
    pub(super) fn take(&mut self, overlays: &mut [Overlay], bound: Option<u64>) {
        for (store, overlay) in overlays.iter_mut().enumerate() {
            for (key, value) in overlay.drain() {
                let size = |value: &Option<Bytes>| value.as_ref().map_or(0, Bytes::len);
                let (key_bytes, value_bytes) = (key.len(), size(&value));
                match self.stores[store].insert(key, value) {
                    Some(earlier) => self.bytes = self.bytes.saturating_sub(size(&earlier)) + value_bytes,
                    None => {
                        self.rows += 1;
                        self.bytes += ROW_BYTES + key_bytes + value_bytes;
                    }
                }
            }
        }
        self.bound = bound.or(self.bound);
    }

    /// All changes by store and in the order of their keys, and the bound; nothing is left.
    pub(super) fn drain(&mut self) -> (Vec<Changes>, Option<u64>) {
        (self.rows, self.bytes) = (0, 0);
        (self.stores.iter_mut().map(Rows::take_sorted).collect(), self.bound.take())
    }
}
