//! Retention and compaction. They take a partition chunk by chunk, each change a small batch of its own, so that
//! appends never wait long.

use std::collections::HashMap;
use std::sync::PoisonError;

use super::chunk::{Chunk, Entry};
use super::core::Core;
use super::key::Key;
use super::state::PartitionId;
use crate::port::{Cleanup, Result};

/// Rows removed in one batch.
const BATCH_ROWS: usize = 256;
/// A partition is worth compacting by itself when what is new is this part of what compaction left.
const WORN_SHARE: u64 = 10;

/// What the last compaction of a partition left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cleaning {
    end: u64,
    kept: u64,
    /// When its oldest tombstone was appended.
    tombstone_ms: Option<i64>,
}

impl Cleaning {
    /// Whether a partition that now ends there, and loses tombstones of before the horizon, has more than
    /// `kept / share` of new records.
    fn is_worn(&self, end: u64, horizon_ms: i64, share: u64) -> bool {
        let new = end - self.end;
        self.tombstone_ms.is_some_and(|tombstone_ms| tombstone_ms < horizon_ms) || new.saturating_mul(share) > self.kept
    }

    fn keep(&mut self, entry: &Entry, append_ms: i64) {
        self.kept += 1;
        if entry.is_tombstone() {
            self.tombstone_ms = Some(self.tombstone_ms.map_or(append_ms, |oldest_ms| oldest_ms.min(append_ms)));
        }
    }
}

impl Core {
    /// Cleans every topic as its cleanup says.
    pub(super) fn clean(&self) -> Result<()> {
        self.clean_if_worn(u64::MAX)
    }

    /// Cleans where there is enough to gain.
    pub(super) fn clean_worn(&self) -> Result<()> {
        self.clean_if_worn(WORN_SHARE)
    }

    fn clean_if_worn(&self, share: u64) -> Result<()> {
        let mut cleanings = self.maintenance.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in self.topics() {
            for id in topic.partitions() {
                match topic.spec.cleanup {
                    Cleanup::Keep => {}
                    Cleanup::Delete { retention_ms } => self.expire(id, self.ago_ms(retention_ms))?,
                    Cleanup::Compact => {
                        let last = cleanings.entry(id).or_default();
                        *last = self.compact(id, *last, share)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn ago_ms(&self, age_ms: i64) -> i64 {
        self.options.clock.now_ms().saturating_sub(age_ms)
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
    fn compact(&self, id: PartitionId, last: Cleaning, share: u64) -> Result<Cleaning> {
        let end = self.end(id);
        let grace_ms = i64::try_from(self.options.tombstone_grace.as_millis()).unwrap_or(i64::MAX);
        let horizon_ms = self.ago_ms(grace_ms);
        if !last.is_worn(end, horizon_ms, share) {
            return Ok(last);
        }
        let Some(last_base) = self.store.last_chunk(id)?.map(|chunk| chunk.base) else { return Ok(last) };
        let last = self.last_by_key(id, end)?;
        let mut cleaning = Cleaning { end, ..Cleaning::default() };
        let mut rewritten = None;
        for chunk in self.known(id, end)? {
            let chunk = chunk?;
            let keep = |entry: &Entry| {
                let superseded = entry.key().and_then(|key| last.get(key)).is_some_and(|last| entry.offset < *last);
                let faded = entry.is_tombstone() && chunk.append_ms < horizon_ms;
                let keep = !superseded && !faded;
                if keep {
                    cleaning.keep(entry, chunk.append_ms);
                }
                keep
            };
            if let Some(smaller) = chunk.compacted(keep)? {
                // The last chunk stays even when empty: it tells where the partition ends.
                self.rewrite(id, &smaller, smaller.count == 0 && smaller.base != last_base)?;
                rewritten = Some(smaller.end());
            }
        }
        if let Some(end) = rewritten {
            self.state().forget_tail(id, end);
        }
        Ok(cleaning)
    }

    fn rewrite(&self, id: PartitionId, chunk: &Chunk, is_gone: bool) -> Result<()> {
        let mut batch = self.store.batch();
        if is_gone {
            batch.delete(Key::Chunk(id, chunk.base));
        } else {
            batch.put(Key::Chunk(id, chunk.base), &chunk.bytes);
        }
        batch.commit()
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{EmbeddedLog, EmbeddedOptions};
    use super::*;
    use crate::port::{Log as _, NewRecord, TopicPartition, TopicSpec};

    #[test]
    fn little_news_is_not_worth_it_and_none_never() {
        let last = Cleaning { end: 100, kept: 50, tombstone_ms: Some(7) };
        let worn = |end, horizon_ms, share| last.is_worn(end, horizon_ms, share);
        assert_eq!([worn(105, 0, WORN_SHARE), worn(106, 0, WORN_SHARE)], [false, true]);
        assert_eq!([worn(100, 0, u64::MAX), worn(101, 0, u64::MAX)], [false, true]);
        assert_eq!([worn(100, 7, WORN_SHARE), worn(100, 8, WORN_SHARE)], [false, true], "a tombstone fades");
    }

    #[test]
    fn what_was_not_rewritten_stays_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let options = EmbeddedOptions { tombstone_grace: Duration::ZERO, ..EmbeddedOptions::default() };
        let log = EmbeddedLog::open(folder.path(), options).unwrap();
        log.create_topic(&TopicSpec { name: "t".into(), partitions: 1, cleanup: Cleanup::Compact }).unwrap();
        let producer = log.producer().unwrap();
        let append = |key: &'static [u8]| {
            producer
                .send(NewRecord {
                    topic: "t".into(),
                    key: Some(key.into()),
                    value: Some("v".into()),
                    ..NewRecord::default()
                })
                .wait()
                .unwrap()
        };
        let (core, id) = (&log.handle.core, log.handle.core.partition(&TopicPartition::new("t", 0)).unwrap());
        let hot_from = |from| core.state().partitions[&id].hot(from, 10).is_some();
        append(b"a");
        append(b"b");
        log.clean().unwrap();
        assert!(hot_from(0), "nothing was rewritten");
        append(b"a");
        log.clean().unwrap();
        assert!(!hot_from(0), "the first was");
        assert!(hot_from(1), "the others were not");
    }
}
