//! Carries records from a consumer to the database. The offsets in the database are the truth: the consumer is put where
//! they say, whatever its group has committed.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gavel_log::{Consumer, GroupEvent, Log, Record, Start, TopicPartition};
use tokio::runtime::Handle;

use super::batch::{Batch, Move, Refused};
use super::pace::Pace;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::progress::ProjectedOffset;

/// The most records of one batch, hence of one database transaction.
const BATCH_RECORDS_MAX: usize = 1_000;

/// A consumer and the database it feeds.
pub(super) struct Reader<'a> {
    pub(super) database: &'a Database,
    pub(super) log: &'a dyn Log,
    pub(super) runtime: &'a Handle,
    pub(super) consumer: Box<dyn Consumer>,
    /// Of each assigned partition that is read from there, the offset in the database.
    pub(super) offsets: BTreeMap<TopicPartition, u64>,
    /// Assigned partitions that are still to be put where the database is. What is read of them until then is dropped.
    pub(super) unplaced: Vec<TopicPartition>,
    /// Told what was written; a replay is nobody's pace.
    pub(super) pace: Option<&'a Pace>,
}

/// What one step did.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Step {
    /// Records projected.
    pub(super) projected: u64,
    /// Of them, records that were not understood.
    pub(super) refused: u64,
}

impl Reader<'_> {
    /// What was read last may not be written: after a step that failed, all is read again from where the database is.
    pub(super) fn lose_place(&mut self) {
        self.unplaced.extend(std::mem::take(&mut self.offsets).into_keys());
    }

    fn place(&mut self) -> Result<()> {
        while let Some(partition) = self.unplaced.last() {
            let next = self.runtime.block_on(self.database.claim_offset(partition))?;
            let watermarks = self.log.watermarks(partition)?;
            if next > watermarks.end {
                return Err(Error::AheadOfLog { topic: partition.topic.to_string(), partition: partition.partition });
            }
            self.consumer.seek(partition, Start::Offset(next.max(watermarks.low)))?;
            self.database.progress.publish([(partition.clone(), next)]);
            self.offsets.extend(self.unplaced.pop().map(|partition| (partition, next)));
        }
        Ok(())
    }

    /// Waits up to `timeout` for records, and projects what came.
    pub(super) fn step(&mut self, timeout: Duration) -> Result<Step> {
        let began = Instant::now();
        let mut records = Vec::new();
        for event in self.consumer.poll(&mut records, BATCH_RECORDS_MAX, timeout)? {
            match event {
                GroupEvent::Revoked(partitions) => {
                    self.offsets.retain(|known, _| !partitions.contains(known));
                    self.unplaced.retain(|known| !partitions.contains(known));
                }
                GroupEvent::Assigned(partitions) => {
                    // Read from the group's offsets, which are not the truth: read again from the database's.
                    records.retain(|record| !partitions.contains(&partition_of(record)));
                    self.unplaced.extend(partitions);
                }
            }
        }
        records.retain(|record| !self.unplaced.contains(&partition_of(record)));
        self.place()?;
        // Whatever a consumer hands out: what the database has is not written again, and no offset goes back.
        records.retain(|record| self.offsets.get(&partition_of(record)).is_some_and(|from| record.offset >= *from));
        // Positions also pass transaction markers. Alone they are written only when nothing else is to be done.
        if records.is_empty() && began.elapsed() < timeout {
            return Ok(Step::default());
        }
        self.project(&records)
    }

    fn project(&mut self, records: &[Record]) -> Result<Step> {
        let mut batch = Batch::default();
        records.iter().for_each(|record| batch.add(record));
        for (partition, from) in &self.offsets {
            let to = self.consumer.position(partition)?;
            if to > *from {
                batch.moves.insert(partition.clone(), Move { from: *from, to });
            }
        }
        match self.write(&batch, records.len()) {
            Err(Error::Unstorable(_)) => self.project_one_by_one(records),
            written => written,
        }
    }

    /// Finds the record that the database cannot hold, and passes over it alone.
    fn project_one_by_one(&mut self, records: &[Record]) -> Result<Step> {
        let mut done = Step::default();
        for record in records {
            let partition = partition_of(record);
            let Some(from) = self.offsets.get(&partition).copied() else { continue };
            let moved = Move { from, to: record.offset + 1 };
            let mut batch = Batch { moves: BTreeMap::from([(partition.clone(), moved)]), ..Batch::default() };
            batch.add(record);
            let step = match self.write(&batch, 1) {
                Err(Error::Unstorable(reason)) => {
                    let refused = vec![Refused { partition, offset: record.offset, reason }];
                    self.write(&Batch { moves: batch.moves, refused, ..Batch::default() }, 1)?
                }
                written => written?,
            };
            done.projected += step.projected;
            done.refused += step.refused;
        }
        Ok(done)
    }

    /// Writes a batch and tells those who wait for it.
    fn write(&mut self, batch: &Batch, records: usize) -> Result<Step> {
        if batch.moves.is_empty() {
            return Ok(Step::default());
        }
        self.runtime.block_on(self.database.write(batch))?;
        self.pace.inspect(|pace| pace.written(&batch.history));
        let moved: Vec<_> = batch.moves.iter().map(|(partition, moved)| (partition.clone(), moved.to)).collect();
        self.offsets.extend(moved.clone());
        self.database.progress.publish(moved);
        batch.refused.iter().for_each(report);
        Ok(Step { projected: records as u64, refused: batch.refused.len() as u64 })
    }
}

fn partition_of(record: &Record) -> TopicPartition {
    TopicPartition::new(record.topic.clone(), record.partition)
}

fn report(refused: &Refused) {
    let Refused { partition, offset, reason } = refused;
    tracing::warn!(topic = %partition.topic, partition = partition.partition, offset, reason, "record not projected");
}

/// How far a projection is behind the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionLag {
    /// The partition.
    pub partition: TopicPartition,
    /// Offsets between what is projected and the end of what is committed.
    pub behind: u64,
}

/// How far the projections are behind the log. Blocks: it asks the log.
///
/// # Errors
/// As the log refuses.
pub fn lag(log: &dyn Log, offsets: &[ProjectedOffset]) -> Result<Vec<PartitionLag>> {
    let behind = |offset: &ProjectedOffset| {
        let end = log.watermarks(&offset.partition)?.stable_end;
        Ok(PartitionLag { partition: offset.partition.clone(), behind: end.saturating_sub(offset.next) })
    };
    offsets.iter().map(behind).collect()
}
