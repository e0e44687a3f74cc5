//! Topics: created with LogAppendTime, compared where they exist, never created by accident.

use std::time::{Duration, Instant};

use futures_executor::block_on;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::metadata::MetadataTopic;
use rdkafka::types::RDKafkaErrorCode;

use super::KafkaLog;
use super::client::{number, raw_offset};
use super::error::log_error;
use crate::port::{Cleanup, Created, LogError, Result, TopicPartition, TopicSpec};

/// How often metadata is asked while a new topic spreads.
const LOOK_EVERY: Duration = Duration::from_millis(20);

fn options(log: &KafkaLog) -> AdminOptions {
    let timeout = Some(log.options.request_timeout);
    AdminOptions::new().request_timeout(timeout).operation_timeout(timeout)
}

pub(super) fn create_topic(log: &KafkaLog, spec: &TopicSpec) -> Result<Created> {
    let retention;
    let partitions = number(spec.partitions)?;
    let replicas = TopicReplication::Fixed(log.options.replication_factor);
    let topic = NewTopic::new(&spec.name, partitions, replicas).set("message.timestamp.type", "LogAppendTime");
    let topic = match spec.cleanup {
        Cleanup::Keep => topic.set("cleanup.policy", "delete").set("retention.ms", "-1").set("retention.bytes", "-1"),
        Cleanup::Delete { retention_ms } => {
            retention = retention_ms.to_string();
            topic.set("cleanup.policy", "delete").set("retention.ms", &retention)
        }
        Cleanup::Compact => topic.set("cleanup.policy", "compact"),
    };
    let answers = block_on(log.admin.create_topics([&topic], &options(log)));
    let answer = answers.map_err(|error| log_error(&error, &spec.name))?.into_iter().next();
    match answer {
        Some(Ok(_)) => {
            wait_until_known(log, spec)?;
            Ok(Created::New)
        }
        Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => {
            compare(spec, &describe_topic(log, &spec.name)?)?;
            Ok(Created::Existing)
        }
        Some(Err((_, code))) => Err(LogError::Unavailable(format!("cannot create {}: {code}", spec.name))),
        None => Err(LogError::Unavailable(format!("no answer about {}", spec.name))),
    }
}

fn compare(wanted: &TopicSpec, found: &TopicSpec) -> Result<()> {
    let difference = if wanted.partitions != found.partitions {
        format!("it has {} partitions instead of {}", found.partitions, wanted.partitions)
    } else if wanted.cleanup != found.cleanup {
        format!("its cleanup is {:?} instead of {:?}", found.cleanup, wanted.cleanup)
    } else {
        return Ok(());
    };
    Err(LogError::TopicDiffers { topic: wanted.name.to_string(), difference })
}

/// A new topic is known to the controller first; producers and consumers ask other brokers.
fn wait_until_known(log: &KafkaLog, spec: &TopicSpec) -> Result<()> {
    let deadline = Instant::now() + log.options.request_timeout;
    while partitions_of(log, &spec.name)?.is_none_or(|count| count < spec.partitions) {
        if Instant::now() > deadline {
            return Err(LogError::Unavailable(format!("{} was created, but is not known yet", spec.name)));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// How many partitions with a leader the topic has; `None` if it does not exist. Asks for all topics, for to name one
/// might create it.
fn partitions_of(log: &KafkaLog, topic: &str) -> Result<Option<u32>> {
    let metadata = log.committed_reader.fetch_metadata(None, log.options.request_timeout);
    let metadata = metadata.map_err(|error| log_error(&error, topic))?;
    let count = |found: &MetadataTopic| found.partitions().iter().filter(|partition| partition.leader() >= 0).count();
    let found = metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none());
    Ok(found.map(|found| u32::try_from(count(found)).unwrap_or(u32::MAX)))
}

pub(super) fn describe_topic(log: &KafkaLog, topic: &str) -> Result<TopicSpec> {
    let partitions = partitions_of(log, topic)?.ok_or_else(|| LogError::UnknownTopic(topic.to_owned()))?;
    let resources = [ResourceSpecifier::Topic(topic)];
    let answers = block_on(log.admin.describe_configs(&resources, &options(log)));
    let answer = answers.map_err(|error| log_error(&error, topic))?.into_iter().next();
    let config = match answer {
        Some(Ok(config)) => config,
        Some(Err(code)) => return Err(LogError::Unavailable(format!("cannot describe {topic}: {code}"))),
        None => return Err(LogError::Unavailable(format!("no answer about {topic}"))),
    };
    let value = |name: &str| config.get(name).and_then(|entry| entry.value.clone()).unwrap_or_default();
    let retention_ms = value("retention.ms").parse().unwrap_or(-1);
    let cleanup = match value("cleanup.policy").as_str() {
        "compact" => Cleanup::Compact,
        _ if retention_ms < 0 => Cleanup::Keep,
        _ => Cleanup::Delete { retention_ms },
    };
    Ok(TopicSpec { name: topic.into(), partitions, cleanup })
}

pub(super) fn topics(log: &KafkaLog) -> Result<Vec<String>> {
    let metadata = log.committed_reader.fetch_metadata(None, log.options.request_timeout);
    let metadata = metadata.map_err(|error| log_error(&error, ""))?;
    let names = metadata.topics().iter().map(MetadataTopic::name);
    let mut names: Vec<String> = names.filter(|name| !name.starts_with("__")).map(str::to_owned).collect();
    names.sort_unstable();
    Ok(names)
}

pub(super) fn delete_records(log: &KafkaLog, partition: &TopicPartition, before: u64) -> Result<()> {
    let failed = |error| log_error(&error, &partition.topic);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&partition.topic, number(partition.partition)?, raw_offset(before)?).map_err(failed)?;
    let answer = block_on(log.admin.delete_records(&list, &options(log))).map_err(failed)?;
    answer.elements().iter().try_for_each(|element| element.error().map_err(failed))
}
