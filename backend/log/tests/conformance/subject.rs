//! The log under test, and the few steps most tests take.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions, Strictness};
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{
    Appended, Cleanup, ConsumedOffset, Consumer, GroupConfig, GroupEvent, Log, NewRecord, Record, Start,
    TopicPartition, TopicSpec, Watermarks,
};
use tempfile::TempDir;

/// How long a promise may take to show; generous, for it is waited for, not slept.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A log to test.
pub(crate) struct Subject {
    kind: Kind,
}

enum Kind {
    Embedded(TempDir, Strictness),
    Kafka(String),
}

impl Subject {
    /// An embedded log in a folder of its own.
    pub(crate) fn embedded() -> Self {
        Self::embedded_and(Strictness::Os)
    }

    /// An embedded log whose acknowledgements survive this much.
    pub(crate) fn embedded_and(strictness: Strictness) -> Self {
        Self { kind: Kind::Embedded(tempfile::tempdir().unwrap(), strictness) }
    }

    /// Opens the log. The embedded one can be opened again once all of it was dropped.
    pub(crate) fn open(&self) -> Arc<dyn Log> {
        match &self.kind {
            Kind::Embedded(folder, strictness) => {
                EmbeddedLog::open(folder.path(), EmbeddedOptions { strictness: *strictness, ..options() }).unwrap()
            }
            Kind::Kafka(bootstrap) => connect(bootstrap),
        }
    }

    /// Whether [`Log::clean`] cleans at once; elsewhere the broker does, when it likes.
    pub(crate) fn cleans_at_once(&self) -> bool {
        matches!(self.kind, Kind::Embedded(..))
    }

    /// How a child process opens the same log: see [`open_as_child`].
    pub(crate) fn address(&self) -> String {
        match &self.kind {
            Kind::Embedded(folder, strictness) => format!("{strictness:?}:{}", folder.path().display()),
            Kind::Kafka(bootstrap) => format!("Kafka:{bootstrap}"),
        }
    }
}

/// Tests the Kafka that `GAVEL_TEST_KAFKA` names. One broker serves all tests: each must use names of its own.
#[allow(clippy::print_stdout, reason = "whoever runs the tests sees what was left out")]
pub(crate) fn with_kafka(promise: fn(&Subject)) {
    match std::env::var("GAVEL_TEST_KAFKA") {
        Ok(bootstrap) => promise(&Subject { kind: Kind::Kafka(bootstrap) }),
        Err(_) => println!("skipped: GAVEL_TEST_KAFKA names no broker"),
    }
}

fn connect(bootstrap: &str) -> Arc<dyn Log> {
    KafkaLog::connect(bootstrap, KafkaOptions { replication_factor: 1, ..KafkaOptions::default() }).unwrap()
}

/// The log of [`Subject::address`].
pub(crate) fn open_as_child(address: &str) -> Arc<dyn Log> {
    let embedded = |folder, strictness| EmbeddedLog::open(folder, EmbeddedOptions { strictness, ..options() }).unwrap();
    match address.split_once(':').unwrap() {
        ("Kafka", bootstrap) => connect(bootstrap),
        ("Fsync", folder) => embedded(folder, Strictness::Fsync),
        (_, folder) => embedded(folder, Strictness::Os),
    }
}

/// Retention and tombstones go at once.
pub(crate) fn options() -> EmbeddedOptions {
    EmbeddedOptions { strictness: Strictness::Os, tombstone_grace: Duration::ZERO, ..EmbeddedOptions::default() }
}

/// A name no other test has.
pub(crate) fn unique(name: &str) -> String {
    format!("{name}-{}", uuid::Uuid::new_v4().simple())
}

/// Creates a topic of a name of its own.
pub(crate) fn topic(log: &dyn Log, partitions: u32, cleanup: Cleanup) -> Arc<str> {
    let name: Arc<str> = unique("topic").into();
    log.create_topic(&TopicSpec { name: name.clone(), partitions, cleanup }).unwrap();
    name
}

/// A partition of a topic.
pub(crate) fn partition(topic: &Arc<str>, partition: u32) -> TopicPartition {
    TopicPartition::new(topic.clone(), partition)
}

/// A record with a key and a value.
pub(crate) fn record(topic: &Arc<str>, partition: u32, key: &str, value: &str) -> NewRecord {
    NewRecord {
        topic: topic.clone(),
        partition: Some(partition),
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Vec::new(),
    }
}

/// Appends one record and waits for its acknowledgement.
pub(crate) fn append(log: &dyn Log, record: NewRecord) -> Appended {
    log.producer().unwrap().send(record).wait().unwrap()
}

/// Appends the values "0", "1", … one by one.
pub(crate) fn append_numbers(log: &dyn Log, topic: &Arc<str>, partition: u32, count: u32) {
    let producer = log.producer().unwrap();
    for number in 0..count {
        producer.send(record(topic, partition, "k", &number.to_string())).wait().unwrap();
    }
}

/// Commits records as one transaction of a transactional id of its own.
pub(crate) fn commit(log: &dyn Log, records: Vec<NewRecord>) {
    let mut producer = log.transactional_producer(&unique("tx")).unwrap();
    producer.begin().unwrap();
    records.into_iter().for_each(|record| producer.send(record).unwrap());
    producer.commit().unwrap();
}

/// Everything committed in a partition, once all in it is decided.
pub(crate) fn read_all(log: &dyn Log, partition: &TopicPartition) -> Vec<Record> {
    wait_until_decided(log, partition);
    read_stable(log, partition)
}

/// Waits until no transaction is open in a partition: a commit may be seen a little after its acknowledgement.
pub(crate) fn wait_until_decided(log: &dyn Log, partition: &TopicPartition) {
    let deadline = Instant::now() + PATIENCE;
    let is_decided = |marks: Watermarks| marks.stable_end == marks.end;
    while !is_decided(log.watermarks(partition).unwrap()) {
        assert!(Instant::now() < deadline, "{partition} stays undecided");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a reader of committed records finds in a partition now.
pub(crate) fn read_stable(log: &dyn Log, partition: &TopicPartition) -> Vec<Record> {
    let mut consumer = log.consumer(None).unwrap();
    consumer.assign(&[(partition.clone(), Start::Earliest)]).unwrap();
    read_to_end(log, &mut *consumer, partition)
}

/// What a consumer has still to read of a partition.
pub(crate) fn read_to_end(log: &dyn Log, consumer: &mut dyn Consumer, partition: &TopicPartition) -> Vec<Record> {
    let end = log.watermarks(partition).unwrap().stable_end;
    let mut records = Vec::new();
    poll_until(consumer, &mut records, |consumer, _| consumer.position(partition).unwrap() >= end);
    records
}

/// Polls until the condition holds; returns the group's events meanwhile.
pub(crate) fn poll_until(
    consumer: &mut dyn Consumer,
    records: &mut Vec<Record>,
    done: impl Fn(&dyn Consumer, &[Record]) -> bool,
) -> Vec<GroupEvent> {
    let mut events = Vec::new();
    let (mut seen, mut since) = (0, Instant::now());
    while !done(consumer, records) {
        assert!(since.elapsed() < PATIENCE, "nothing new for long; read {records:?}");
        events.extend(consumer.poll(records, 1000, Duration::from_millis(200)).unwrap());
        if seen < records.len() + events.len() {
            (seen, since) = (records.len() + events.len(), Instant::now());
        }
    }
    events
}

/// The values of records, as text.
pub(crate) fn values(records: &[Record]) -> Vec<String> {
    let text = |record: &Record| String::from_utf8(record.value.clone().unwrap_or_default().to_vec()).unwrap();
    records.iter().map(text).collect()
}

/// A group with a usual time-out.
pub(crate) fn group(group: &str) -> GroupConfig {
    GroupConfig { group: group.into(), instance: None, session_timeout: Duration::from_secs(10) }
}

/// A consumed offset.
pub(crate) fn consumed(partition: &TopicPartition, next: u64) -> ConsumedOffset {
    ConsumedOffset { partition: partition.clone(), next }
}
