//! What a group has committed, and what its former owners left open.
//!
//! A producer that dies in a transaction keeps the offsets of its partitions undecided until the broker gives it up, which it looks for
//! every ten seconds only. So each committed offset carries the transactional id of whom it is by, also the one by which an owner
//! claims a partition before its first transaction; and a new owner that has waited for a moment fences that one: then its
//! transaction is ended at once.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use super::KafkaLog;
use super::client::{Callbacks, base_config, committed_of, create, number, partition_list};
use super::error::log_error;
use super::reader_config::{RETRY_MS, RETRY_MS_MAX};
use super::transactional::KafkaTransactionalProducer;
use crate::port::{LogError, Result, TopicPartition};

/// A connection that asks for the offsets of one group, as one isolation sees them.
type Asker = Arc<BaseConsumer<Callbacks>>;

/// One of each, kept: to find a group's coordinator takes longer than to ask it.
#[derive(Default)]
pub(super) struct Askers(Mutex<HashMap<(String, &'static str), Asker>>);

impl Askers {
    fn of(&self, bootstrap: &str, group: &str, isolation: &'static str) -> Result<Asker> {
        let mut askers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (group.to_owned(), isolation);
        if let Some(asker) = askers.get(&place) {
            return Ok(Arc::clone(asker));
        }
        let mut config = base_config(bootstrap);
        config
            .set("group.id", group)
            .set("isolation.level", isolation)
            .set("enable.auto.commit", "false")
            .set("retry.backoff.ms", RETRY_MS)
            .set("retry.backoff.max.ms", RETRY_MS_MAX);
        let asker: Asker = Arc::new(create(&config)?);
        askers.insert(place, Arc::clone(&asker));
        Ok(asker)
    }
}

/// For how long a transaction may be under way while its partitions change hands. One that is alive ends in this time.
const GRACE: Duration = Duration::from_millis(500);
/// How long the broker may take to say what is decided.
const ANSWER: Duration = Duration::from_millis(100);

/// Only decided offsets: those of an open transaction are waited for.
pub(super) fn committed(log: &KafkaLog, group: &str, partitions: &[TopicPartition]) -> Result<Vec<Option<u64>>> {
    of_all(&ask(log, group, partitions, "read_committed", log.options.request_timeout)?, partitions)
}

/// The same; who keeps them undecided for long is fenced, but never the new owner: it fenced its older self when it began.
pub(super) fn take_over(
    log: &KafkaLog,
    group: &str,
    partitions: &[TopicPartition],
    new_owner: &str,
) -> Result<Vec<Option<u64>>> {
    let grace = GRACE.min(log.options.request_timeout);
    match ask(log, group, partitions, "read_committed", grace) {
        Ok(found) => of_all(&found, partitions),
        Err(LogError::Unavailable(_)) => {
            fence_vanished(log, group, partitions, new_owner)?;
            committed(log, group, partitions)
        }
        Err(error) => Err(error),
    }
}

/// Fences whose offsets are undecided; others may have given their partitions up, and live on.
fn fence_vanished(log: &KafkaLog, group: &str, partitions: &[TopicPartition], new_owner: &str) -> Result<()> {
    let last = ask(log, group, partitions, "read_uncommitted", log.options.request_timeout)?;
    let mut passed = BTreeSet::from([String::new(), new_owner.to_owned()]);
    for partition in partitions {
        let owner = last.find_partition(&partition.topic, number(partition.partition)?);
        let owner = owner.map(|element| element.metadata().to_owned()).unwrap_or_default();
        if passed.contains(&owner) || ask(log, group, std::slice::from_ref(partition), "read_committed", ANSWER).is_ok()
        {
            continue;
        }
        tracing::info!(group, owner, "ends the transaction that a former owner may have left open");
        drop(KafkaTransactionalProducer::connect(&log.bootstrap, &owner, &log.options)?);
        passed.insert(owner);
    }
    Ok(())
}

fn ask(
    log: &KafkaLog,
    group: &str,
    partitions: &[TopicPartition],
    isolation: &'static str,
    timeout: Duration,
) -> Result<TopicPartitionList> {
    let asker = log.askers.of(&log.bootstrap, group, isolation)?;
    asker.committed_offsets(partition_list(partitions)?, timeout).map_err(|error| log_error(&error, group))
}

fn of_all(found: &TopicPartitionList, partitions: &[TopicPartition]) -> Result<Vec<Option<u64>>> {
    partitions.iter().map(|partition| committed_of(found, partition)).collect()
}
