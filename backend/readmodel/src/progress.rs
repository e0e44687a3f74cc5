//! How far the projections have come, told to those who wait for their own write.

use std::collections::HashMap;
use std::time::Duration;

use gavel_log::TopicPartition;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::database::Database;
use crate::error::Result;
use crate::row::{FromRow, Row};
use crate::statement::sql;

/// First and longest pause between two looks at the offsets of a projector in another process.
const POLL_MIN: Duration = Duration::from_millis(4);
const POLL_MAX: Duration = Duration::from_millis(64);

/// The offsets a projector of this process has committed; empty where none runs.
#[derive(Debug)]
pub(crate) struct Progress(watch::Sender<HashMap<TopicPartition, u64>>);

impl Default for Progress {
    fn default() -> Self {
        Self(watch::Sender::new(HashMap::new()))
    }
}

impl Progress {
    pub(crate) fn publish(&self, offsets: impl IntoIterator<Item = (TopicPartition, u64)>) {
        self.0.send_modify(|known| known.extend(offsets));
    }
}

/// Up to where a partition is projected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectedOffset {
    /// The partition.
    pub partition: TopicPartition,
    /// The next offset to project: everything below it is in the database.
    pub next: u64,
}

impl FromRow for ProjectedOffset {
    fn from_row(row: &Row) -> Result<Self> {
        let topic: String = row.get("topic")?;
        Ok(Self { partition: TopicPartition::new(topic, row.get("log_partition")?), next: row.get("next_offset")? })
    }
}

impl Database {
    /// Up to where a partition is projected; 0 if not at all.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn projected_offset(&self, partition: &TopicPartition) -> Result<u64> {
        let found = sql("SELECT * FROM projection_offsets WHERE topic = $1 AND log_partition = $2")
            .bind(&*partition.topic)
            .bind(partition.partition)
            .fetch_optional::<ProjectedOffset>(&self.readers)
            .await?;
        Ok(found.map_or(0, |offset| offset.next))
    }

    /// Up to where every partition is projected, in order.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn projected_offsets(&self) -> Result<Vec<ProjectedOffset>> {
        sql("SELECT * FROM projection_offsets ORDER BY topic, log_partition").fetch_all(&self.readers).await
    }

    /// The offsets that a projector of this process has committed, as they move; empty where none runs.
    #[must_use]
    pub fn watch_progress(&self) -> watch::Receiver<HashMap<TopicPartition, u64>> {
        self.progress.0.subscribe()
    }

    /// Waits until the record at `offset` is projected, by a projector of this process or of another; answers false
    /// when it is not by the deadline.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn wait_until_projected(
        &self,
        partition: &TopicPartition,
        offset: u64,
        deadline: Instant,
    ) -> Result<bool> {
        let mut progress = self.progress.0.subscribe();
        let mut pause = POLL_MIN;
        loop {
            if progress.borrow_and_update().get(partition).is_some_and(|next| *next > offset)
                || self.projected_offset(partition).await? > offset
            {
                return Ok(true);
            }
            let next_look = (Instant::now() + pause).min(deadline);
            let reached = progress.wait_for(|known| known.get(partition).is_some_and(|next| *next > offset));
            match tokio::time::timeout_at(next_look, reached).await.map(drop) {
                Ok(()) => return Ok(true),
                Err(_) if next_look >= deadline => return Ok(self.projected_offset(partition).await? > offset),
                Err(_) => pause = (pause * 2).min(POLL_MAX),
            }
        }
    }
}
