//! How far each processor is behind the log, by the offsets it has committed: the same wherever it runs.

use gavel_auctions::{analytics, bidding, notices};
use gavel_log::{Log, TopicPartition};
use gavel_readmodel::{ProjectedOffset, projected_topics};
use gavel_streams::Topology;

/// One topic's share of a processor's lag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceLag {
    /// The topic it reads.
    pub topic: String,
    /// Offsets between what it has committed and the end of what is committed, over all partitions.
    pub behind: u64,
}

/// How far a processor is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessorLag {
    /// Its consumer group.
    pub group: String,
    /// What it reads.
    pub sources: Vec<SourceLag>,
}

impl ProcessorLag {
    /// Over all that it reads.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.sources.iter().map(|source| source.behind).sum()
    }
}

/// The lag of every processor, the projections last. Blocks: it asks the log.
///
/// # Errors
/// As the log refuses.
pub fn processor_lags(log: &dyn Log, projected: &[ProjectedOffset]) -> gavel_log::Result<Vec<ProcessorLag>> {
    let topologies = [bidding::topology(), notices::topology(), analytics::topology()];
    let mut lags = Vec::new();
    for topology in topologies.into_iter().flatten() {
        lags.push(topology_lag(log, &topology)?);
    }
    lags.push(projection_lag(log, projected)?);
    Ok(lags)
}

fn topology_lag(log: &dyn Log, topology: &Topology) -> gavel_log::Result<ProcessorLag> {
    let group = topology.group();
    let mut sources = Vec::new();
    for topic in topology.source_topics() {
        let partitions = partitions(log, topic)?;
        let committed = log.committed(&group, &partitions)?;
        let behind = behind(log, &partitions, &committed)?;
        sources.push(SourceLag { topic: topic.to_owned(), behind });
    }
    Ok(ProcessorLag { group, sources })
}

fn projection_lag(log: &dyn Log, projected: &[ProjectedOffset]) -> gavel_log::Result<ProcessorLag> {
    let mut sources = Vec::new();
    for topic in projected_topics() {
        let partitions = partitions(log, &topic)?;
        let next = |partition| projected.iter().find(|offset| &offset.partition == partition).map(|offset| offset.next);
        let committed: Vec<_> = partitions.iter().map(next).collect();
        let behind = behind(log, &partitions, &committed)?;
        sources.push(SourceLag { topic, behind });
    }
    Ok(ProcessorLag { group: "gavel.readmodel".into(), sources })
}

fn partitions(log: &dyn Log, topic: &str) -> gavel_log::Result<Vec<TopicPartition>> {
    let spec = log.describe_topic(topic)?;
    Ok((0..spec.partitions).map(|partition| TopicPartition::new(spec.name.clone(), partition)).collect())
}

/// Whoever has committed nothing starts at the first record kept.
fn behind(log: &dyn Log, partitions: &[TopicPartition], committed: &[Option<u64>]) -> gavel_log::Result<u64> {
    partitions.iter().zip(committed).try_fold(0, |sum, (partition, committed)| {
        let watermarks = log.watermarks(partition)?;
        Ok(sum + watermarks.stable_end.saturating_sub(committed.unwrap_or(watermarks.low)))
    })
}
