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
use super::client::{Callbacks, base_config, committed_of, create, partition_list};
use super::error::log_error;
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
        config.set("group.id", group).set("isolation.level", isolation).set("enable.auto.commit", "false");
        let asker: Asker = Arc::new(create(&config)?);
        askers.insert(place, Arc::clone(&asker));
        Ok(asker)
    }
}

/// For how long a transaction may be under way while its partitions change hands. One that is alive ends in this time.
const GRACE: Duration = Duration::from_secs(1);

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
            for owner in owners(log, group, partitions)?.into_iter().filter(|owner| owner != new_owner) {
                tracing::info!(group, owner, "ends the transaction that a former owner may have left open");
                drop(KafkaTransactionalProducer::connect(&log.bootstrap, &owner, &log.options)?);
            }
            committed(log, group, partitions)
        }
        Err(error) => Err(error),
    }
}

/// Who committed last, by their transactional ids.
fn owners(log: &KafkaLog, group: &str, partitions: &[TopicPartition]) -> Result<BTreeSet<String>> {
    let found = ask(log, group, partitions, "read_uncommitted", log.options.request_timeout)?;
    let named = found.elements().into_iter().map(|element| element.metadata().to_owned());
    Ok(named.filter(|owner| !owner.is_empty()).collect())
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
