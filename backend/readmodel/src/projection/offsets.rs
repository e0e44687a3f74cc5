//! Offsets of the projections: claimed by whoever reads a partition, moved only from where they were read.

use gavel_log::TopicPartition;

use super::batch::Move;
use crate::database::Database;
use crate::error::{Error, Result};
use crate::statement::{Transaction, sql};

impl Database {
    /// Up to where a partition is projected; from now on it has a row to move.
    pub(super) async fn claim_offset(&self, partition: &TopicPartition) -> Result<u64> {
        sql("INSERT INTO projection_offsets (topic, log_partition, next_offset) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING")
            .bind(&*partition.topic)
            .bind(partition.partition)
            .execute(&self.writer)
            .await?;
        self.projected_offset(partition).await
    }
}

/// Moves an offset from where this projector knows it to be. Whoever else does the same waits here until the first has
/// committed, and then finds it moved.
pub(super) async fn move_offset(transaction: &mut Transaction, partition: &TopicPartition, moved: Move) -> Result<()> {
    let count = sql("UPDATE projection_offsets SET next_offset = $1 \
         WHERE topic = $2 AND log_partition = $3 AND next_offset = $4")
    .bind(moved.to)
    .bind(&*partition.topic)
    .bind(partition.partition)
    .bind(moved.from)
    .execute(transaction)
    .await?;
    if count == 1 {
        return Ok(());
    }
    Err(Error::Overtaken { topic: partition.topic.to_string(), partition: partition.partition })
}
