//! Empties the projections and replays the log up to its present end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gavel_log::{Log, LogError, Start, TopicPartition};
use tokio::runtime::Handle;

use super::projected_topics;
use super::reader::Reader;
use crate::database::Database;
use crate::error::{Error, Result};

/// How long one poll waits for records.
const POLL_TIMEOUT: Duration = Duration::from_millis(100);
/// How long without any record, short of the end, before the log counts as unreachable.
const STALLED_POLLS_MAX: u32 = 100;

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RebuildProgress {
    /// Records projected.
    pub projected: u64,
    /// Of them, records that were not understood and passed over.
    pub refused: u64,
    /// Offsets still to read.
    pub remaining: u64,
}

/// Empties the projections and replays every topic from its start to its present end, telling `on_progress` after each
/// batch. Accounts, sessions, images and watches stay. Projectors may run meanwhile: whoever comes first projects a
/// record, the other goes on behind it; but pages show the projections as they grow.
///
/// # Errors
/// `Unavailable`, or as the log refuses. What was replayed stays, and any projector completes it.
pub async fn rebuild(
    database: &Database,
    log: Arc<dyn Log>,
    on_progress: impl FnMut(RebuildProgress) + Send + 'static,
) -> Result<RebuildProgress> {
    database.clear_projections().await?;
    let (database, runtime) = (database.clone(), Handle::current());
    let replay = tokio::task::spawn_blocking(move || replay(&database, &*log, &runtime, on_progress));
    replay.await.map_err(|_| Error::Unexpected("the replay panicked".into()))?
}

fn replay(
    database: &Database,
    log: &dyn Log,
    runtime: &Handle,
    mut on_progress: impl FnMut(RebuildProgress),
) -> Result<RebuildProgress> {
    let ends = ends(log)?;
    let consumer = log.consumer(None)?;
    let unplaced = ends.keys().cloned().collect();
    let mut reader = Reader { database, log, runtime, consumer, offsets: BTreeMap::new(), unplaced, pace: None };
    let assignment: Vec<_> = ends.keys().map(|partition| (partition.clone(), Start::Earliest)).collect();
    reader.consumer.assign(&assignment)?;
    let mut progress = RebuildProgress::default();
    let mut stalled_polls = 0;
    loop {
        let missing = |(partition, end): (_, &u64)| end.saturating_sub(*reader.offsets.get(partition).unwrap_or(&0));
        progress.remaining = ends.iter().map(missing).sum();
        on_progress(progress);
        if progress.remaining == 0 {
            return Ok(progress);
        }
        match reader.step(POLL_TIMEOUT) {
            Ok(step) if step.projected > 0 => {
                progress.projected += step.projected;
                progress.refused += step.refused;
                stalled_polls = 0;
            }
            Ok(_) if stalled_polls < STALLED_POLLS_MAX => stalled_polls += 1,
            Ok(_) => return Err(LogError::Unavailable("it stopped answering before its end".into()).into()),
            // A running projector was first: go on from where it came.
            Err(Error::Overtaken { .. }) => reader.lose_place(),
            Err(error) => return Err(error),
        }
    }
}

/// The present end of every partition that is projected.
fn ends(log: &dyn Log) -> Result<BTreeMap<TopicPartition, u64>> {
    let mut ends = BTreeMap::new();
    for topic in projected_topics() {
        for partition in 0..log.describe_topic(&topic)?.partitions {
            let partition = TopicPartition::new(topic.as_str(), partition);
            let end = log.watermarks(&partition)?.stable_end;
            ends.insert(partition, end);
        }
    }
    Ok(ends)
}
