//! All topics of the house: the product's, and those that the topologies keep for themselves.

use std::collections::BTreeSet;
use std::sync::Arc;

use gavel_auctions::wire::topics;
use gavel_auctions::{analytics, bidding, notices};
use gavel_log::{Created, Log, LogError, TopicSpec};
use gavel_streams::{Topology, TopologyError};

use super::StartError;
use super::log::off_thread;

/// What the workers run.
pub(crate) fn topologies() -> Result<Vec<Topology>, TopologyError> {
    Ok(vec![bidding::topology()?, notices::topology()?, analytics::topology()?])
}

fn specs(partitions: u32) -> Result<Vec<TopicSpec>, TopologyError> {
    let mut specs = topics::specs(partitions);
    let mut known: BTreeSet<_> = specs.iter().map(|spec| Arc::clone(&spec.name)).collect();
    for topology in topologies()? {
        // Several read the same source, so they share its dead letters.
        specs.extend(topology.topics(partitions).into_iter().filter(|spec| known.insert(Arc::clone(&spec.name))));
    }
    Ok(specs)
}

/// Creates the topics that are missing; answers how many were.
///
/// # Errors
/// `Log(TopicDiffers)` where one is there otherwise; as the log refuses.
pub async fn create(log: Arc<dyn Log>, partitions: u32) -> Result<usize, StartError> {
    let specs = specs(partitions)?;
    let create = move || {
        let mut created = 0;
        for spec in &specs {
            created += usize::from(log.create_topic(spec)? == Created::New);
        }
        Ok(created)
    };
    Ok(off_thread(create).await?)
}

/// Sees whether all topics are there as they must be.
///
/// # Errors
/// `TopicsMissing`; `Log(TopicDiffers)`; as the log refuses.
pub async fn check(log: Arc<dyn Log>, partitions: u32) -> Result<(), StartError> {
    let specs = specs(partitions)?;
    let missing = off_thread(move || {
        let mut missing = Vec::new();
        for spec in &specs {
            match log.describe_topic(&spec.name) {
                Ok(found) => compare(spec, &found)?,
                Err(LogError::UnknownTopic(name)) => missing.push(name),
                Err(error) => return Err(error),
            }
        }
        Ok(missing)
    })
    .await?;
    if missing.is_empty() { Ok(()) } else { Err(StartError::TopicsMissing(missing)) }
}

fn compare(wanted: &TopicSpec, found: &TopicSpec) -> gavel_log::Result<()> {
    if wanted == found {
        return Ok(());
    }
    let difference = match wanted.partitions == found.partitions {
        false => format!("it has {} partitions, not {}; say --partitions {0}", found.partitions, wanted.partitions),
        true => format!("it is kept as {:?}, not as {:?}", found.cleanup, wanted.cleanup),
    };
    Err(LogError::TopicDiffers { topic: wanted.name.to_string(), difference })
}
