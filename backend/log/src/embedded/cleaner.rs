//! Retention and compaction. They take a partition chunk by chunk, each change a small batch of its own, so that
//! appends never wait long.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::{SystemTime, UNIX_EPOCH};

use super::chunk::{Chunk, Entry};
use super::core::Core;
use super::key::Key;
use super::state::PartitionId;
use crate::port::{Cleanup, Result};

/// Rows removed in one batch.
const BATCH_ROWS: usize = 256;

impl Core {
    /// Cleans every topic as its cleanup says.
    pub(super) fn clean(&self) -> Result<()> {
        let _one_at_a_time = self.maintenance.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in self.topics() {
            for id in topic.partitions() {
                match topic.spec.cleanup {
                    Cleanup::Keep => {}
                    Cleanup::Delete { retention_ms } => self.expire(id, now_ms().saturating_sub(retention_ms))?,
                    Cleanup::Compact => self.compact(id)?,
                }
            }
        }
        Ok(())
    }

    /// Drops the records of a partition below `before`; at most all.
    pub(super) fn delete_below(&self, id: PartitionId, before: u64) -> Result<()> {
        let _one_at_a_time = self.maintenance.lock().unwrap_or_else(PoisonError::into_inner);
        self.raise_low(id, before)
    }

    /// Drops the leading chunks appended before `horizon_ms`.
    fn expire(&self, id: PartitionId, horizon_ms: i64) -> Result<()> {
        let end = self.end(id);
        let mut low = None;
        for chunk in self.store.chunks(id, 0)? {
            let chunk = chunk?;
            if chunk.append_ms >= horizon_ms || chunk.base >= end {
                break;
            }
            low = Some(chunk.end());
        }
        low.map_or(Ok(()), |low| self.raise_low(id, low))
    }

    fn raise_low(&self, id: PartitionId, before: u64) -> Result<()> {
        let before = {
            let mut state = self.state();
            let partition = state.partitions.entry(id).or_default();
            let before = before.min(partition.end);
            if before <= partition.low {
                return Ok(());
            }
            partition.low = before;
            before
        };
        let mut batch = self.store.batch();
        batch.put(Key::Low(id), before.to_be_bytes());
        batch.commit_durably()?;
        let mut gone = Vec::new();
        for chunk in self.store.chunks(id, 0)? {
            let chunk = chunk?;
            if chunk.end() > before {
                break;
            }
            gone.push(chunk.base);
        }
        for bases in gone.chunks(BATCH_ROWS) {
            let mut batch = self.store.batch();
            bases.iter().for_each(|base| batch.delete(Key::Chunk(id, *base)));
            batch.commit()?;
        }
        Ok(())
    }

    /// Keeps only the last record of each key, and no tombstone that has been there for longer than the grace.
    fn compact(&self, id: PartitionId) -> Result<()> {
        let end = self.end(id);
        let Some(last_base) = self.store.last_chunk(id)?.map(|chunk| chunk.base) else { return Ok(()) };
        let last = self.last_by_key(id, end)?;
        let grace_ms = i64::try_from(self.options.tombstone_grace.as_millis()).unwrap_or(i64::MAX);
        let horizon_ms = now_ms().saturating_sub(grace_ms);
        for chunk in self.known(id, end)? {
            let chunk = chunk?;
            let keep = |entry: &Entry| {
                let superseded = entry.key().and_then(|key| last.get(key)).is_some_and(|last| entry.offset < *last);
                let faded = entry.is_tombstone() && chunk.append_ms < horizon_ms;
                !superseded && !faded
            };
            if let Some(smaller) = chunk.compacted(keep)? {
                let mut batch = self.store.batch();
                // The last chunk stays even when empty: it tells where the partition ends.
                if smaller.count == 0 && smaller.base != last_base {
                    batch.delete(Key::Chunk(id, smaller.base));
                } else {
                    batch.put(Key::Chunk(id, smaller.base), &smaller.bytes);
                }
                batch.commit()?;
            }
        }
        self.state().forget_tail(id, end);
        Ok(())
    }

    fn last_by_key(&self, id: PartitionId, end: u64) -> Result<HashMap<Box<[u8]>, u64>> {
        let mut last = HashMap::new();
        for chunk in self.known(id, end)? {
            for entry in chunk?.entries() {
                let entry = entry?;
                if let Some(key) = entry.key() {
                    last.insert(key.into(), entry.offset);
                }
            }
        }
        Ok(last)
    }

    /// The chunks below `end`.
    fn known(&self, id: PartitionId, end: u64) -> Result<impl Iterator<Item = Result<Chunk>>> {
        Ok(self.store.chunks(id, 0)?.take_while(move |chunk| chunk.as_ref().map_or(true, |chunk| chunk.base < end)))
    }
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}
