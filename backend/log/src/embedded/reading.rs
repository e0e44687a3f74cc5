//! One partition being read: where, and the proof that nothing on the way is left out.

use super::chunk::Chunk;
use super::core::Core;
use super::state::PartitionId;
use crate::port::{Cleanup, LogError, Record, Result, TopicPartition};

/// One partition being read.
pub(super) struct Reading {
    /// Its name.
    pub(super) name: TopicPartition,
    /// Its id.
    pub(super) id: PartitionId,
    /// The next offset to read.
    pub(super) position: u64,
    /// Whether it is silent.
    pub(super) paused: bool,
    /// Whether every offset from the first kept on holds a record: so it is unless the topic is compacted.
    dense: bool,
}

impl Reading {
    /// A partition at its very beginning.
    pub(super) fn new(core: &Core, name: &TopicPartition) -> Result<Self> {
        let topic = core.topic(&name.topic)?;
        let dense = topic.spec.cleanup != Cleanup::Compact;
        Ok(Self { name: name.clone(), id: topic.partition(name.partition)?, position: 0, paused: false, dense })
    }

    /// Takes records out of chunks until `records` has `limit`. `low` tells the first offset kept now.
    pub(super) fn take(
        &mut self,
        chunks: impl Iterator<Item = Result<Chunk>>,
        low: impl Fn() -> u64,
        records: &mut Vec<Record>,
        limit: usize,
    ) -> Result<()> {
        for chunk in chunks {
            if records.len() >= limit {
                break;
            }
            let chunk = chunk?;
            self.pass_to(chunk.base, &low)?;
            self.position = chunk.read(&self.name.topic, self.name.partition, self.position, records, limit)?;
        }
        Ok(())
    }

    /// Passes offsets of which the store has no record. Retention may have dropped them, or compaction; else they are
    /// lost.
    pub(super) fn pass_to(&mut self, offset: u64, low: impl Fn() -> u64) -> Result<()> {
        if self.position >= offset {
            return Ok(());
        }
        if self.dense && low() < offset {
            let Self { name, position, .. } = self;
            return Err(LogError::Corrupt(format!("{name} has lost records from {position} to {}", offset - 1)));
        }
        self.position = offset;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::chunk::{ChunkBuilder, encode_record};
    use super::*;
    use crate::port::NewRecord;

    fn chunk(base: u64) -> Chunk {
        let mut builder = ChunkBuilder::new(base, 0);
        builder.push(&encode_record(&NewRecord::default()).unwrap());
        builder.build()
    }

    fn read(dense: bool, bases: &[u64], low: u64) -> Result<Vec<u64>> {
        let (name, id) = (TopicPartition::new("t", 0), PartitionId { topic: 0, partition: 0 });
        let mut reading = Reading { name, id, position: 0, paused: false, dense };
        let mut records = Vec::new();
        reading.take(bases.iter().map(|base| Ok(chunk(*base))), || low, &mut records, 10)?;
        reading.pass_to(4, || low)?;
        Ok(records.iter().map(|record| record.offset).collect())
    }

    #[test]
    fn a_hole_is_damage_unless_retention_or_compaction_made_it() {
        assert_eq!(read(true, &[0, 1, 2, 3], 0).unwrap(), [0, 1, 2, 3]);
        assert_eq!(read(true, &[2, 3], 2).unwrap(), [2, 3], "retention overtook the reader");
        assert_eq!(read(true, &[], 4).unwrap(), [0_u64; 0]);
        assert_eq!(read(false, &[1, 3], 0).unwrap(), [1, 3], "compaction");
        for (bases, low) in [(&[0, 2, 3][..], 0), (&[1, 2, 3], 0), (&[0, 1, 2], 0), (&[3], 2), (&[], 3)] {
            let error = read(true, bases, low).unwrap_err();
            assert!(matches!(error, LogError::Corrupt(_)), "{error}");
        }
    }
}
