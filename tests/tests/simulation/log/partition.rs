//! A partition: what was appended, and what became of it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use gavel_log::Record;

/// The number of a transaction.
pub(super) type TransactionId = u64;

/// For how long compaction keeps a tombstone.
const TOMBSTONE_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Debug)]
struct Entry {
    record: Record,
    /// The transaction it is of, while that is not ended.
    open: Option<TransactionId>,
}

/// What is at each offset; `None` where a marker is, or what was aborted or compacted away.
#[derive(Debug)]
pub(crate) struct Partition {
    entries: Vec<Option<Entry>>,
    /// Where each transaction that has not ended began.
    open: BTreeMap<TransactionId, u64>,
    last_ms: i64,
}

impl Default for Partition {
    fn default() -> Self {
        Self { entries: Vec::new(), open: BTreeMap::new(), last_ms: i64::MIN }
    }
}

impl Partition {
    pub(crate) fn end(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Up to where all is decided.
    pub(crate) fn stable_end(&self) -> u64 {
        self.open.values().min().copied().unwrap_or(self.end())
    }

    /// Appends; the time within a partition does not go back. Returns offset and append time.
    pub(super) fn append(&mut self, mut record: Record, now_ms: i64, open: Option<TransactionId>) -> (u64, i64) {
        let offset = self.end();
        self.last_ms = self.last_ms.max(now_ms);
        (record.offset, record.append_ms) = (offset, self.last_ms);
        if let Some(transaction) = open {
            self.open.entry(transaction).or_insert(offset);
        }
        self.entries.push(Some(Entry { record, open }));
        (offset, self.last_ms)
    }

    /// Ends a transaction here. Its marker takes an offset.
    pub(super) fn end_transaction(&mut self, transaction: TransactionId, is_committed: bool) {
        let Some(first) = self.open.remove(&transaction) else { return };
        for slot in &mut self.entries[first as usize..] {
            if let Some(entry) = slot.as_mut().filter(|entry| entry.open == Some(transaction)) {
                entry.open = None;
                if !is_committed {
                    *slot = None;
                }
            }
        }
        self.entries.push(None);
    }

    /// The next committed record from `position` on, or where reading ends.
    pub(crate) fn next(&self, position: u64) -> Result<&Record, u64> {
        let end = self.stable_end();
        let from = self.entries.get(position as usize..end as usize).unwrap_or_default();
        from.iter().flatten().map(|entry| &entry.record).next().ok_or(end.max(position))
    }

    /// All committed records from `position` on.
    pub(crate) fn committed(&self, position: u64) -> impl Iterator<Item = &Record> {
        let from = self.entries.get(position as usize..self.stable_end() as usize).unwrap_or_default();
        from.iter().flatten().map(|entry| &entry.record)
    }

    /// Leaves the last record of each key, and no tombstone that is old.
    pub(super) fn compact(&mut self, now_ms: i64) {
        let end = self.stable_end() as usize;
        let mut seen: BTreeSet<Bytes> = BTreeSet::new();
        for slot in self.entries[..end].iter_mut().rev() {
            let Some(Entry { record, .. }) = slot else { continue };
            let is_latest = seen.insert(record.key.clone().unwrap_or_default());
            let is_old_tombstone = record.value.is_none() && now_ms - record.append_ms > TOMBSTONE_MS;
            if !is_latest || is_old_tombstone {
                *slot = None;
            }
        }
    }
}
