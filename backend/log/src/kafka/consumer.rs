//! The consumer: librdkafka's callbacks and single messages turned into batches and events in order.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::{BorrowedMessage, Headers as _};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, Message, TopicPartitionList};

use super::KafkaOptions;
use super::client::{base_config, known_offset, number, offset, partition_list, raw_offset, write_error, write_log};
use super::error::log_error;
use crate::port::{
    ConsumedOffset, Consumer, GroupConfig, GroupEvent, GroupMetadata, Header, LogError, Record, Result, Start,
    TopicPartition,
};

/// What librdkafka may hold for one consumer ahead of its reader.
const PREFETCH_KIB: &str = "16384";

/// Notes rebalances, which happen inside a poll.
#[derive(Default)]
struct Rebalances(Mutex<VecDeque<GroupEvent>>);

impl Rebalances {
    fn take(&self) -> Vec<GroupEvent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl ClientContext for Rebalances {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        write_log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        write_error(&error, reason);
    }
}

impl ConsumerContext for Rebalances {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let event = match rebalance {
            Rebalance::Assign(list) => GroupEvent::Assigned(partitions_of(list)),
            Rebalance::Revoke(list) => GroupEvent::Revoked(partitions_of(list)),
            Rebalance::Error(_) => return,
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(event);
    }
}

fn partitions_of(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let named = |topic: &str, partition: i32| TopicPartition::new(topic, u32::try_from(partition).unwrap_or(0));
    list.elements().iter().map(|element| named(element.topic(), element.partition())).collect()
}

/// See [`Consumer`].
pub(super) struct KafkaConsumer {
    consumer: BaseConsumer<Rebalances>,
    has_group: bool,
    is_subscribed: bool,
    timeout: Duration,
    /// Where each partition of this reader was begun; until something is read, that is its position.
    begun: HashMap<TopicPartition, u64>,
    /// One name of each topic, shared by its records.
    topics: HashMap<String, Arc<str>>,
}

impl KafkaConsumer {
    pub(super) fn connect(bootstrap: &str, group: Option<&GroupConfig>, options: &KafkaOptions) -> Result<Self> {
        let mut config = base_config(bootstrap);
        config
            .set("isolation.level", "read_committed")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            // An end that is reached wakes the reader, whose position may have passed transaction markers.
            .set("enable.partition.eof", "true")
            .set("fetch.wait.max.ms", "500")
            .set("fetch.min.bytes", "1")
            .set("fetch.error.backoff.ms", "50")
            .set("fetch.queue.backoff.ms", "10")
            .set("queued.max.messages.kbytes", PREFETCH_KIB)
            .set("group.id", group.map_or("gavel.unassigned", |group| &group.group));
        if let Some(group) = group {
            let session_ms = group.session_timeout.as_millis();
            config
                .set("group.protocol", "classic")
                .set("partition.assignment.strategy", "range")
                .set("session.timeout.ms", session_ms.to_string())
                .set("heartbeat.interval.ms", (session_ms / 3).clamp(1, 3000).to_string())
                .set("max.poll.interval.ms", session_ms.max(300_000).to_string());
            if let Some(instance) = &group.instance {
                config.set("group.instance.id", instance);
            }
        }
        let consumer = config.create_with_context(Rebalances::default()).map_err(|error| log_error(&error, ""))?;
        Ok(Self {
            consumer,
            has_group: group.is_some(),
            is_subscribed: false,
            timeout: options.request_timeout,
            begun: HashMap::new(),
            topics: HashMap::new(),
        })
    }

    /// The offset that a start means now.
    fn resolve(&self, partition: &TopicPartition, start: Start) -> Result<u64> {
        let ends = || {
            self.consumer
                .fetch_watermarks(&partition.topic, number(partition.partition)?, self.timeout)
                .map_err(|error| log_error(&error, &partition.topic))
        };
        match start {
            Start::Offset(offset) => Ok(offset),
            Start::Earliest => Ok(offset(ends()?.0)),
            Start::Latest => Ok(offset(ends()?.1)),
        }
    }

    /// Where reading of newly assigned partitions begins: what the group has committed, else the first record.
    fn note_begin(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        let list = partition_list(partitions)?;
        let committed = self.consumer.committed_offsets(list, self.timeout).map_err(|error| log_error(&error, ""))?;
        for partition in partitions {
            let element = committed.find_partition(&partition.topic, number(partition.partition)?);
            let begun = match element.and_then(|element| known_offset(element.offset())) {
                Some(offset) => offset,
                None => self.resolve(partition, Start::Earliest)?,
            };
            self.begun.insert(partition.clone(), begun);
        }
        Ok(())
    }

    fn forget(&mut self, records: &mut Vec<Record>, from: usize, partitions: &[TopicPartition]) {
        for partition in partitions {
            self.begun.remove(partition);
        }
        let is_gone = |record: &Record| {
            partitions.iter().any(|gone| gone.partition == record.partition && gone.topic == record.topic)
        };
        let kept: Vec<Record> = records.drain(from..).filter(|record| !is_gone(record)).collect();
        records.extend(kept);
    }

    fn require_assigned(&self, partition: &TopicPartition) -> Result<()> {
        match self.begun.contains_key(partition) {
            true => Ok(()),
            false => Err(LogError::Misuse(format!("{partition} is not assigned"))),
        }
    }
}

impl Consumer for KafkaConsumer {
    fn subscribe(&mut self, topics: &[&str]) -> Result<()> {
        if !self.has_group {
            return Err(LogError::Misuse("to subscribe takes a group".into()));
        }
        let metadata = self.consumer.fetch_metadata(None, self.timeout).map_err(|error| log_error(&error, ""))?;
        let missing = topics.iter().find(|topic| !metadata.topics().iter().any(|found| found.name() == **topic));
        if let Some(topic) = missing {
            return Err(LogError::UnknownTopic((*topic).to_owned()));
        }
        self.is_subscribed = true;
        self.consumer.subscribe(topics).map_err(|error| log_error(&error, ""))
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<()> {
        if self.is_subscribed {
            return Err(LogError::Misuse("a subscribed reader is not assigned by hand".into()));
        }
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        let mut begun = HashMap::with_capacity(partitions.len());
        for (partition, start) in partitions {
            // Asks for each, also where the start is known: so an unknown topic is told.
            let low = self.resolve(partition, Start::Earliest)?;
            let offset = if *start == Start::Earliest { low } else { self.resolve(partition, *start)? };
            list.add_partition_offset(&partition.topic, number(partition.partition)?, raw_offset(offset)?)
                .map_err(|error| log_error(&error, &partition.topic))?;
            begun.insert(partition.clone(), offset);
        }
        self.consumer.assign(&list).map_err(|error| log_error(&error, ""))?;
        self.begun = begun;
        Ok(())
    }

    fn poll(&mut self, records: &mut Vec<Record>, max_records: usize, timeout: Duration) -> Result<Vec<GroupEvent>> {
        let from = records.len();
        let deadline = Instant::now() + timeout;
        let mut wait = timeout;
        let mut failure = None;
        while records.len() - from < max_records {
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    records.push(read(&mut self.topics, &message));
                    wait = Duration::ZERO;
                }
                // An end was reached: whoever waits for a position looks again.
                Some(Err(KafkaError::PartitionEOF(_))) => wait = Duration::ZERO,
                Some(Err(error)) => {
                    failure = Some(error);
                    break;
                }
                None if wait.is_zero() || !self.consumer.context().is_empty() => break,
                None => {
                    wait = deadline.saturating_duration_since(Instant::now());
                    if wait.is_zero() {
                        break;
                    }
                }
            }
        }
        let events = self.consumer.context().take();
        for event in &events {
            match event {
                GroupEvent::Assigned(partitions) => self.note_begin(partitions)?,
                GroupEvent::Revoked(partitions) => self.forget(records, from, partitions),
            }
        }
        match failure {
            Some(error) if records.len() == from && events.is_empty() => Err(consumption_error(&error)),
            _ => Ok(events),
        }
    }

    fn position(&self, partition: &TopicPartition) -> Result<u64> {
        let begun = self.begun.get(partition);
        let begun = *begun.ok_or_else(|| LogError::Misuse(format!("{partition} is not assigned")))?;
        let positions = self.consumer.position().map_err(|error| log_error(&error, &partition.topic))?;
        let position = positions.find_partition(&partition.topic, number(partition.partition)?);
        Ok(position.and_then(|element| known_offset(element.offset())).map_or(begun, |position| position.max(begun)))
    }

    fn seek(&mut self, partition: &TopicPartition, start: Start) -> Result<()> {
        self.require_assigned(partition)?;
        let offset = self.resolve(partition, start)?;
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&partition.topic, number(partition.partition)?, raw_offset(offset)?)
            .map_err(|error| log_error(&error, &partition.topic))?;
        let sought: KafkaResult<TopicPartitionList> = self.consumer.seek_partitions(list, self.timeout);
        let sought = sought.map_err(|error| log_error(&error, &partition.topic))?;
        for element in sought.elements() {
            element.error().map_err(|error| log_error(&error, &partition.topic))?;
        }
        self.begun.insert(partition.clone(), offset);
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        partitions.iter().try_for_each(|partition| self.require_assigned(partition))?;
        self.consumer.pause(&partition_list(partitions)?).map_err(|error| log_error(&error, ""))
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        partitions.iter().try_for_each(|partition| self.require_assigned(partition))?;
        self.consumer.resume(&partition_list(partitions)?).map_err(|error| log_error(&error, ""))
    }

    fn group_metadata(&self) -> Result<GroupMetadata> {
        let metadata = self.consumer.group_metadata().filter(|_| self.has_group);
        let metadata = metadata.ok_or_else(|| LogError::Misuse("this reader is in no group".into()))?;
        Ok(GroupMetadata(Arc::new(metadata)))
    }

    fn commit(&mut self, offsets: &[ConsumedOffset]) -> Result<()> {
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for ConsumedOffset { partition, next } in offsets {
            list.add_partition_offset(&partition.topic, number(partition.partition)?, raw_offset(*next)?)
                .map_err(|error| log_error(&error, &partition.topic))?;
        }
        self.consumer.commit(&list, CommitMode::Sync).map_err(|error| log_error(&error, ""))
    }
}

fn consumption_error(error: &KafkaError) -> LogError {
    match error {
        KafkaError::MessageConsumptionFatal(code) => LogError::Fenced(code.to_string()),
        KafkaError::MessageConsumption(RDKafkaErrorCode::FencedInstanceId) => LogError::Fenced(error.to_string()),
        _ => log_error(error, ""),
    }
}

fn read(topics: &mut HashMap<String, Arc<str>>, message: &BorrowedMessage<'_>) -> Record {
    let topic = match topics.get(message.topic()) {
        Some(topic) => Arc::clone(topic),
        None => {
            let topic: Arc<str> = message.topic().into();
            topics.insert(message.topic().to_owned(), Arc::clone(&topic));
            topic
        }
    };
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        let header = |header: rdkafka::message::Header<'_, &[u8]>| Header {
            name: header.key.to_owned().into(),
            value: Bytes::copy_from_slice(header.value.unwrap_or_default()),
        };
        headers.iter().map(header).collect()
    });
    Record {
        topic,
        partition: u32::try_from(message.partition()).unwrap_or(0),
        offset: offset(message.offset()),
        append_ms: message.timestamp().to_millis().unwrap_or(0),
        key: message.key().map(Bytes::copy_from_slice),
        value: message.payload().map(Bytes::copy_from_slice),
        headers,
    }
}
