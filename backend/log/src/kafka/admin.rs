//! Topics: created with LogAppendTime, compared where they exist, never created by accident.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_executor::block_on;
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::consumer::Consumer as _;
use rdkafka::metadata::MetadataTopic;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::KafkaLog;
use super::client::{number, raw_offset};
use super::error::log_error;
use super::record::client_time;
use crate::port::{Cleanup, Created, Log as _, LogError, Result, TopicPartition, TopicSpec};

/// How often metadata is asked while a new topic spreads.
const LOOK_EVERY: Duration = Duration::from_millis(20);

const POLICY: &str = "cleanup.policy";
const RETENTION_MS: &str = "retention.ms";
const RETENTION_BYTES: &str = "retention.bytes";
const TIME_TYPE: &str = "message.timestamp.type";
const BROKERS_TIME: &str = "LogAppendTime";

fn options(log: &KafkaLog) -> AdminOptions {
    let timeout = Some(log.options.request_timeout);
    AdminOptions::new().request_timeout(timeout).operation_timeout(timeout)
}

pub(super) fn create_topic(log: &KafkaLog, spec: &TopicSpec) -> Result<Created> {
    let settings = settings(spec.cleanup);
    let replicas = TopicReplication::Fixed(log.options.replication_factor);
    let topic = NewTopic::new(&spec.name, number(spec.partitions)?, replicas);
    let topic = settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
    let answers = block_on(log.admin.create_topics([&topic], &options(log)));
    let answer = answers.map_err(|error| log_error(&error, &spec.name))?.into_iter().next();
    match answer {
        Some(Ok(_)) => {
            wait_until_known(log, spec)?;
            Ok(Created::New)
        }
        Some(Err((_, Code::TopicAlreadyExists))) => {
            compare(spec, &describe_topic(log, &spec.name)?)?;
            Ok(Created::Existing)
        }
        Some(Err((_, code))) => Err(refusal(&spec.name, code)),
        None => Err(LogError::Unavailable(format!("no answer about {}", spec.name))),
    }
}

/// What is set on a new topic. A compacted one closes its segments early and is compacted soon, for only closed segments
/// are compacted, and a store's restoration reads all that is not.
fn settings(cleanup: Cleanup) -> Vec<(&'static str, String)> {
    let of_cleanup: &[(&str, &str)] = match cleanup {
        Cleanup::Keep | Cleanup::Delete { .. } => &[(POLICY, "delete"), (RETENTION_BYTES, "-1")],
        Cleanup::Compact => &[
            (POLICY, "compact"),
            ("segment.ms", "600000"),
            ("segment.bytes", "16777216"),
            ("min.cleanable.dirty.ratio", "0.1"),
        ],
    };
    let retention_ms = match cleanup {
        Cleanup::Keep => Some(-1),
        Cleanup::Delete { retention_ms } => Some(retention_ms),
        Cleanup::Compact => None,
    };
    let fixed = [(TIME_TYPE, BROKERS_TIME)].iter().chain(of_cleanup).map(|(name, value)| (*name, (*value).to_owned()));
    fixed.chain(retention_ms.map(|retention_ms| (RETENTION_MS, retention_ms.to_string()))).collect()
}

/// Why a topic is not made. What no repetition mends is the caller's.
fn refusal(topic: &str, code: Code) -> LogError {
    let reason = format!("cannot create {topic}: {code}");
    match code {
        Code::InvalidTopic
        | Code::InvalidPartitions
        | Code::InvalidConfig
        | Code::PolicyViolation
        | Code::TopicAuthorizationFailed
        | Code::ClusterAuthorizationFailed => LogError::Misuse(reason),
        _ => LogError::Unavailable(reason),
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

/// A new topic is known to the controller first; producers and consumers ask other brokers, and its leaders last.
fn wait_until_known(log: &KafkaLog, spec: &TopicSpec) -> Result<()> {
    let deadline = Instant::now() + log.options.request_timeout;
    let is_led = || matches!(find(log, &spec.name), Ok(Some(found)) if found.led >= spec.partitions);
    let answers = |partition| log.end(&TopicPartition::new(Arc::clone(&spec.name), partition)).is_ok();
    while !(is_led() && (0..spec.partitions).all(answers)) {
        if Instant::now() > deadline {
            return Err(LogError::Unavailable(format!("{} was created, but is not known yet", spec.name)));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    Ok(())
}

/// A topic as the brokers know it.
struct Found {
    partitions: u32,
    /// Those of them that have a leader.
    led: u32,
}

/// `None` if the topic does not exist. Asks for all topics, for to name one might create it.
fn find(log: &KafkaLog, topic: &str) -> Result<Option<Found>> {
    let metadata = log.committed_reader.fetch_metadata(None, log.options.request_timeout);
    let metadata = metadata.map_err(|error| log_error(&error, topic))?;
    let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(None) };
    let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    match found.error().map(Code::from) {
        Some(Code::UnknownTopicOrPartition | Code::UnknownTopic) => Ok(None),
        Some(code) if found.partitions().is_empty() => Err(LogError::Unavailable(format!("{topic}: {code}"))),
        // Any other word is of some partition without a leader now.
        _ => Ok(Some(Found {
            partitions: count(found.partitions().len()),
            led: count(found.partitions().iter().filter(|partition| partition.leader() >= 0).count()),
        })),
    }
}

pub(super) fn describe_topic(log: &KafkaLog, topic: &str) -> Result<TopicSpec> {
    let found = find(log, topic)?.ok_or_else(|| LogError::UnknownTopic(topic.to_owned()))?;
    let resources = [ResourceSpecifier::Topic(topic)];
    let answers = block_on(log.admin.describe_configs(&resources, &options(log)));
    let answer = answers.map_err(|error| log_error(&error, topic))?.into_iter().next();
    let config = match answer {
        Some(Ok(config)) => config,
        Some(Err(code)) => return Err(LogError::Unavailable(format!("cannot describe {topic}: {code}"))),
        None => return Err(LogError::Unavailable(format!("no answer about {topic}"))),
    };
    let value = |name: &str| config.get(name).and_then(|entry| entry.value.as_deref()).unwrap_or_default();
    let differs = |name: &str| LogError::TopicDiffers {
        topic: topic.to_owned(),
        difference: format!("its {name} is {:?}", value(name)),
    };
    if value(TIME_TYPE) != BROKERS_TIME {
        return Err(client_time(topic));
    }
    let cleanup = match (value(POLICY), value(RETENTION_MS).parse(), value(RETENTION_BYTES)) {
        ("compact", ..) => Cleanup::Compact,
        ("delete", Ok(..0), "-1") => Cleanup::Keep,
        ("delete", Ok(retention_ms), "-1") => Cleanup::Delete { retention_ms },
        ("delete", Ok(_), _) => return Err(differs(RETENTION_BYTES)),
        ("delete", Err(_), _) => return Err(differs(RETENTION_MS)),
        _ => return Err(differs(POLICY)),
    };
    Ok(TopicSpec { name: topic.into(), partitions: found.partitions, cleanup })
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
