//! A log that fails at random: it does not answer, aborts, or answers too late. Each record still counts once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gavel_log::{
    ConsumedOffset, Consumer, Created, GroupConfig, GroupEvent, GroupMetadata, Log, LogError, NewRecord, Producer,
    Record, Result, Start, TopicPartition, TopicSpec, TransactionalProducer, Watermarks,
};

use crate::harness::House;

const RECORDS: usize = 60;

/// Decides which calls fail: every nth or so, by a fixed sequence.
struct Faults {
    state: AtomicU64,
    failed: AtomicU64,
}

impl Faults {
    fn new(seed: u64) -> Arc<Self> {
        Arc::new(Self { state: AtomicU64::new(seed), failed: AtomicU64::new(0) })
    }

    /// A number below `bound`, from Knuth's generator.
    fn draw(&self, bound: u64) -> u64 {
        let step =
            |state: u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        let state = self.state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step).unwrap();
        (state >> 33) % bound
    }

    /// Fails once in `odds` calls.
    fn maybe(&self, odds: u64, error: fn(String) -> LogError) -> Result<()> {
        if self.draw(odds) > 0 {
            return Ok(());
        }
        self.failed.fetch_add(1, Ordering::SeqCst);
        Err(error("a fault of the test".into()))
    }

    fn silent(&self, odds: u64) -> Result<()> {
        self.maybe(odds, LogError::Unavailable)
    }

    fn aborted(&self, odds: u64) -> Result<()> {
        self.maybe(odds, LogError::TransactionAborted)
    }
}

struct FaultyLog {
    inner: Arc<dyn Log>,
    faults: Arc<Faults>,
}

impl Log for FaultyLog {
    fn create_topic(&self, spec: &TopicSpec) -> Result<Created> {
        self.inner.create_topic(spec)
    }

    fn describe_topic(&self, topic: &str) -> Result<TopicSpec> {
        self.faults.silent(40)?;
        self.inner.describe_topic(topic)
    }

    fn topics(&self) -> Result<Vec<String>> {
        self.inner.topics()
    }

    fn watermarks(&self, partition: &TopicPartition) -> Result<Watermarks> {
        self.faults.silent(10)?;
        self.inner.watermarks(partition)
    }

    fn committed(&self, group: &str, partitions: &[TopicPartition]) -> Result<Vec<Option<u64>>> {
        self.faults.silent(2)?;
        self.inner.committed(group, partitions)
    }

    fn delete_records(&self, partition: &TopicPartition, before: u64) -> Result<()> {
        self.inner.delete_records(partition, before)
    }

    fn clean(&self) -> Result<()> {
        self.inner.clean()
    }

    fn producer(&self) -> Result<Arc<dyn Producer>> {
        self.inner.producer()
    }

    fn transactional_producer(&self, transactional_id: &str) -> Result<Box<dyn TransactionalProducer>> {
        self.faults.silent(3)?;
        let inner = self.inner.transactional_producer(transactional_id)?;
        Ok(Box::new(FaultyTransactions { inner, faults: Arc::clone(&self.faults), unanswered: false }))
    }

    fn consumer(&self, group: Option<&GroupConfig>) -> Result<Box<dyn Consumer>> {
        self.faults.silent(3)?;
        Ok(Box::new(FaultyConsumer { inner: self.inner.consumer(group)?, faults: Arc::clone(&self.faults) }))
    }
}

struct FaultyTransactions {
    inner: Box<dyn TransactionalProducer>,
    faults: Arc<Faults>,
    /// The transaction is committed, and its owner has not been told.
    unanswered: bool,
}

impl TransactionalProducer for FaultyTransactions {
    fn begin(&mut self) -> Result<()> {
        self.faults.silent(8)?;
        self.inner.begin()
    }

    fn send(&mut self, record: NewRecord) -> Result<()> {
        self.faults.silent(300)?;
        self.faults.aborted(300)?;
        self.inner.send(record)
    }

    fn send_offsets(&mut self, offsets: &[ConsumedOffset], group: &GroupMetadata) -> Result<()> {
        self.faults.silent(8)?;
        self.inner.send_offsets(offsets, group)
    }

    fn commit(&mut self) -> Result<()> {
        if !self.unanswered {
            self.faults.silent(8)?;
            self.faults.aborted(8)?;
            self.inner.commit()?;
            self.unanswered = true;
        }
        self.faults.silent(4)?;
        self.unanswered = false;
        Ok(())
    }

    fn abort(&mut self) -> Result<()> {
        self.faults.silent(20)?;
        self.inner.abort()
    }
}

struct FaultyConsumer {
    inner: Box<dyn Consumer>,
    faults: Arc<Faults>,
}

impl Consumer for FaultyConsumer {
    fn subscribe(&mut self, topics: &[&str]) -> Result<()> {
        self.inner.subscribe(topics)
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<()> {
        self.inner.assign(partitions)
    }

    fn poll(&mut self, records: &mut Vec<Record>, max_records: usize, timeout: Duration) -> Result<Vec<GroupEvent>> {
        self.faults.silent(20)?;
        self.inner.poll(records, max_records, timeout)
    }

    fn position(&self, partition: &TopicPartition) -> Result<u64> {
        self.inner.position(partition)
    }

    fn seek(&mut self, partition: &TopicPartition, start: Start) -> Result<()> {
        self.inner.seek(partition, start)
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.inner.pause(partitions)
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        self.inner.resume(partitions)
    }

    fn group_metadata(&self) -> Result<GroupMetadata> {
        self.inner.group_metadata()
    }

    fn commit(&mut self, offsets: &[ConsumedOffset]) -> Result<()> {
        self.inner.commit(offsets)
    }
}

fn survives(seed: u64) {
    let mut house = House::embedded();
    let honest = Arc::clone(&house.log);
    let faults = Faults::new(seed);
    house.log = Arc::new(FaultyLog { inner: Arc::clone(&honest), faults: Arc::clone(&faults) });
    let runtime = house.start();
    house.log = honest;
    for _ in 0..RECORDS {
        house.append("table", 0, "t", "1");
        house.append("stream", 0, "a", "go");
        house.append("stream", 1, "b", "go");
    }
    let mut outputs = house.wait_for_outputs(2 * RECORDS);
    outputs.sort();
    let of = |key: &'static str| (1..=RECORDS).map(move |count| format!("{key}=go#{count}"));
    let mut expected: Vec<String> = of("a").chain(of("b")).collect();
    expected.sort();
    assert_eq!(outputs, expected, "seed {seed}");
    assert!(faults.failed.load(Ordering::SeqCst) > 10, "seed {seed}: the log hardly failed");
    runtime.stop();
}

#[test]
fn a_failing_log_loses_and_doubles_nothing() {
    std::thread::scope(|scope| {
        for seed in 0..6 {
            scope.spawn(move || survives(seed));
        }
    });
}
