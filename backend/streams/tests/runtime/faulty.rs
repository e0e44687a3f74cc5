//! A log that fails: at random, or as a test says.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gavel_log::{
    ConsumedOffset, Consumer, Created, Delivery, GroupConfig, GroupEvent, GroupMetadata, Log, LogError, NewRecord,
    Producer, Record, Result, Start, TopicPartition, TopicSpec, TransactionalProducer, Watermarks,
};

/// Decides which calls fail, and counts commits.
pub(crate) struct Faults {
    /// Of a fixed sequence; `None` fails nothing by chance.
    state: Option<AtomicU64>,
    pub(crate) failed: AtomicU64,
    pub(crate) commits: AtomicU64,
    /// Whether the group has forgotten its offsets.
    pub(crate) is_forgetful: AtomicBool,
    /// A partition of which nobody answers, and how often it was asked.
    silent: Mutex<Option<TopicPartition>>,
    /// The group whose consumers fail for good, and how often they still do.
    broken: Mutex<(String, u64)>,
    pub(crate) asked_in_vain: AtomicU64,
}

impl Faults {
    fn new(state: Option<AtomicU64>) -> Arc<Self> {
        Arc::new(Self {
            state,
            failed: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            is_forgetful: AtomicBool::new(false),
            silent: Mutex::new(None),
            broken: Mutex::default(),
            asked_in_vain: AtomicU64::new(0),
        })
    }

    pub(crate) fn set_silent(&self, partition: Option<TopicPartition>) {
        *self.silent.lock().unwrap() = partition;
    }

    /// Has the consumers of a group fail for good, so often.
    pub(crate) fn break_down(&self, group: &str, times: u64) {
        *self.broken.lock().unwrap() = (group.into(), times);
    }

    pub(crate) fn breakdowns_left(&self) -> u64 {
        self.broken.lock().unwrap().1
    }

    fn broken(&self, group: Option<&str>) -> Result<()> {
        let mut broken = self.broken.lock().unwrap();
        if broken.1 == 0 || group != Some(&*broken.0) {
            return Ok(());
        }
        broken.1 -= 1;
        Err(LogError::Storage("the disk is gone".into()))
    }

    /// A number below `bound`, from Knuth's generator.
    fn draw(&self, bound: u64) -> u64 {
        let step =
            |state: u64| Some(state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
        let Some(state) = &self.state else { return 1 };
        (state.fetch_update(Ordering::SeqCst, Ordering::SeqCst, step).unwrap() >> 33) % bound
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

/// A log that fails as told.
pub(crate) struct FaultyLog {
    inner: Arc<dyn Log>,
    faults: Arc<Faults>,
}

/// Puts it around a log; `seed` makes it fail by chance.
pub(crate) fn faulty(inner: &Arc<dyn Log>, seed: Option<u64>) -> (Arc<dyn Log>, Arc<Faults>) {
    let faults = Faults::new(seed.map(AtomicU64::new));
    (Arc::new(FaultyLog { inner: Arc::clone(inner), faults: Arc::clone(&faults) }), faults)
}

impl Log for FaultyLog {
    fn id(&self) -> Result<String> {
        self.inner.id()
    }

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
        if self.faults.silent.lock().unwrap().as_ref() == Some(partition) {
            self.faults.asked_in_vain.fetch_add(1, Ordering::SeqCst);
            return Err(LogError::Unavailable(format!("{partition} is silent")));
        }
        self.inner.watermarks(partition)
    }

    fn committed(&self, group: &str, partitions: &[TopicPartition]) -> Result<Vec<Option<u64>>> {
        self.faults.silent(2)?;
        if self.faults.is_forgetful.load(Ordering::SeqCst) {
            return Ok(vec![None; partitions.len()]);
        }
        self.inner.committed(group, partitions)
    }

    fn delete_records(&self, partition: &TopicPartition, before: u64) -> Result<()> {
        self.inner.delete_records(partition, before)
    }

    fn clean(&self) -> Result<()> {
        self.inner.clean()
    }

    fn producer(&self) -> Result<Arc<dyn Producer>> {
        self.faults.silent(3)?;
        Ok(Arc::new(FaultyProducer { inner: self.inner.producer()?, faults: Arc::clone(&self.faults) }))
    }

    fn transactional_producer(&self, transactional_id: &str) -> Result<Box<dyn TransactionalProducer>> {
        self.faults.silent(3)?;
        let inner = self.inner.transactional_producer(transactional_id)?;
        Ok(Box::new(FaultyTransactions { inner, faults: Arc::clone(&self.faults), unanswered: false }))
    }

    fn consumer(&self, group: Option<&GroupConfig>) -> Result<Box<dyn Consumer>> {
        self.faults.silent(3)?;
        let name = group.map(|group| group.group.clone());
        self.faults.broken(name.as_deref())?;
        Ok(Box::new(FaultyConsumer {
            inner: self.inner.consumer(group)?,
            group: name,
            faults: Arc::clone(&self.faults),
        }))
    }
}

struct FaultyProducer {
    inner: Arc<dyn Producer>,
    faults: Arc<Faults>,
}

impl Producer for FaultyProducer {
    fn send(&self, mut record: NewRecord) -> Delivery {
        if self.faults.silent(3).is_err() {
            record.topic = "nowhere".into();
        }
        self.inner.send(record)
    }

    fn flush(&self, timeout: Duration) -> Result<()> {
        self.inner.flush(timeout)
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
            self.faults.commits.fetch_add(1, Ordering::SeqCst);
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
    group: Option<String>,
    faults: Arc<Faults>,
}

impl Consumer for FaultyConsumer {
    fn leave(self: Box<Self>) {
        self.inner.leave();
    }

    fn subscribe(&mut self, topics: &[&str]) -> Result<()> {
        self.inner.subscribe(topics)
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<()> {
        self.inner.assign(partitions)
    }

    fn poll(&mut self, records: &mut Vec<Record>, max_records: usize, timeout: Duration) -> Result<Vec<GroupEvent>> {
        self.faults.silent(20)?;
        self.faults.broken(self.group.as_deref())?;
        self.inner.poll(records, max_records, timeout)
    }

    fn position(&self, partition: &TopicPartition) -> Result<u64> {
        self.faults.silent(50)?;
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

    fn claim(&mut self, offsets: &[ConsumedOffset], owner: &str) -> Result<()> {
        self.inner.claim(offsets, owner)
    }
}
