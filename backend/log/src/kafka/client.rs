//! What all connections share: settings, callbacks, and the translation of offsets and partitions.

use std::time::Duration;

use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::{Offset, TopicPartitionList};

use super::error::log_error;
use crate::port::{ConsumedOffset, LogError, Result, TopicPartition};

/// After how long without an answer a connection counts as lost.
pub(super) const SOCKET_TIMEOUT_MS: u128 = 10_000;

/// Writes librdkafka's own words to the log.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Callbacks;

/// Has a context write librdkafka's own words to the log.
macro_rules! tells_the_log {
    ($context:ty) => {
        impl rdkafka::ClientContext for $context {
            fn log(&self, level: rdkafka::config::RDKafkaLogLevel, facility: &str, message: &str) {
                $crate::kafka::client::write_log(level, facility, message);
            }

            fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
                tracing::debug!(%error, reason, "librdkafka");
            }
        }
    };
}
pub(super) use tells_the_log;

tells_the_log!(Callbacks);

impl ConsumerContext for Callbacks {}

/// A lost broker is told where the call that needed it fails; here it is a detail.
pub(super) fn write_log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            tracing::warn!(facility, message, "librdkafka");
        }
        _ => tracing::debug!(facility, message, "librdkafka"),
    }
}

/// Settings of every connection.
pub(super) fn base_config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("client.id", "gavel")
        .set("allow.auto.create.topics", "false")
        // A broker that comes back is used again soon.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        // A topic that was just created is known soon.
        .set("topic.metadata.refresh.fast.interval.ms", "50")
        // A topic that does not exist is told before a record for it times out.
        .set("topic.metadata.propagation.max.ms", "2000")
        // A broker that has vanished without a word is noticed.
        .set("socket.timeout.ms", SOCKET_TIMEOUT_MS.to_string())
        .set("socket.keepalive.enable", "true")
        .set("socket.nagle.disable", "true");
    config
}

/// Opens a connection.
pub(super) fn create<T: FromClientConfigAndContext<Callbacks>>(config: &ClientConfig) -> Result<T> {
    config.create_with_context(Callbacks).map_err(|error| log_error(&error, ""))
}

/// The partition as librdkafka counts it.
pub(super) fn number(partition: u32) -> Result<i32> {
    i32::try_from(partition).map_err(|_| LogError::Misuse(format!("there is no partition {partition}")))
}

/// An offset of librdkafka that is one; the logical ones, which are negative, count as the beginning.
pub(super) fn offset(raw: i64) -> u64 {
    u64::try_from(raw).unwrap_or(0)
}

/// An offset, unless it is a logical one.
pub(super) fn known_offset(offset: Offset) -> Option<u64> {
    match offset {
        Offset::Offset(raw) => u64::try_from(raw).ok(),
        _ => None,
    }
}

/// The offset as librdkafka counts it.
pub(super) fn raw_offset(offset: u64) -> Result<Offset> {
    let raw = i64::try_from(offset).map_err(|_| LogError::Misuse(format!("there is no offset {offset}")))?;
    Ok(Offset::Offset(raw))
}

/// The partitions as librdkafka takes them.
pub(super) fn partition_list(partitions: &[TopicPartition]) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition(&partition.topic, number(partition.partition)?);
    }
    Ok(list)
}

/// The consumed offsets as librdkafka takes them.
pub(super) fn consumed_list(offsets: &[ConsumedOffset]) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(offsets.len());
    for ConsumedOffset { partition, next } in offsets {
        list.add_partition_offset(&partition.topic, number(partition.partition)?, raw_offset(*next)?)
            .map_err(|error| log_error(&error, &partition.topic))?;
    }
    Ok(list)
}

/// The same, with a note of the transactional id of whose they are.
pub(super) fn owned_list(offsets: &[ConsumedOffset], owner: &str) -> Result<TopicPartitionList> {
    let list = consumed_list(offsets)?;
    for ConsumedOffset { partition, .. } in offsets {
        if let Some(mut element) = list.find_partition(&partition.topic, number(partition.partition)?) {
            element.set_metadata(owner);
        }
    }
    Ok(list)
}

/// What an answer about committed offsets says of a partition; `None` where nothing is committed.
pub(super) fn committed_of(answer: &TopicPartitionList, partition: &TopicPartition) -> Result<Option<u64>> {
    let Some(element) = answer.find_partition(&partition.topic, number(partition.partition)?) else {
        return Err(LogError::Unavailable(format!("no answer about {partition}")));
    };
    element.error().map_err(|error| log_error(&error, &partition.topic))?;
    Ok(known_offset(element.offset()))
}

/// Asks one question: where a partition begins or ends, as the asking reader's isolation sees it.
pub(super) fn ask_end<C: ConsumerContext>(
    reader: &BaseConsumer<C>,
    partition: &TopicPartition,
    end: Offset,
    timeout: Duration,
) -> Result<u64> {
    answer_of(&ask(reader, std::slice::from_ref(partition), end, timeout)?, partition)
}

/// The same of many partitions, in one question.
pub(super) fn ask_ends<C: ConsumerContext>(
    reader: &BaseConsumer<C>,
    partitions: &[TopicPartition],
    end: Offset,
    timeout: Duration,
) -> Vec<Result<u64>> {
    match ask(reader, partitions, end, timeout) {
        Ok(answer) => partitions.iter().map(|partition| answer_of(&answer, partition)).collect(),
        // Put one by one, each has a reason of its own.
        Err(error @ LogError::Unavailable(_)) => {
            partitions.iter().map(|_| Err(LogError::Unavailable(error.to_string()))).collect()
        }
        Err(_) => partitions.iter().map(|partition| ask_end(reader, partition, end, timeout)).collect(),
    }
}

fn ask<C: ConsumerContext>(
    reader: &BaseConsumer<C>,
    partitions: &[TopicPartition],
    end: Offset,
    timeout: Duration,
) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for partition in partitions {
        list.add_partition_offset(&partition.topic, number(partition.partition)?, end)
            .map_err(|error| log_error(&error, &partition.topic))?;
    }
    let topic = partitions.first().map_or("", |partition| &*partition.topic);
    reader.offsets_for_times(list, timeout).map_err(|error| log_error(&error, topic))
}

fn answer_of(answer: &TopicPartitionList, partition: &TopicPartition) -> Result<u64> {
    let element = answer.find_partition(&partition.topic, number(partition.partition)?);
    let element = element.ok_or_else(|| LogError::Unavailable(format!("no answer about {partition}")))?;
    element.error().map_err(|error| log_error(&error, &partition.topic))?;
    known_offset(element.offset()).ok_or_else(|| LogError::Unavailable(format!("{partition} has no end now")))
}
