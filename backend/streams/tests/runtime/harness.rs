//! A log with the topics of a small topology, a way to run it, and to look at what came out.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{Appended, Cleanup, Log, NewRecord, Producer, Record, Start, TopicPartition, TopicSpec};
use gavel_streams::control::Order;
use gavel_streams::runtime::{Clock, Failpoint, ManualClock, RuntimeOptions, RuntimeStatus, Steering, SystemClock};
use gavel_streams::{Context, Processor, ProcessorError, Runtime, SourceRecord, Timer, Topology, TopologyBuilder};
use tempfile::TempDir;

/// How long nothing new may happen before the test fails. A busy machine is slow, but goes on.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
pub(crate) const PARTITIONS: u32 = 2;

/// Counts stream records by key and forwards each as `value#count`. `at N` schedules a timer N milliseconds after the
/// record's append time; `bad` is rejected; `panic` panics; `rot` cannot read its state; `twice X` forwards X twice; `sum`
/// forwards the sum of the table's values that were appended before this record.
struct Counter;

impl Processor for Counter {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        let value = record.value.clone().unwrap_or_default();
        if record.source == 0 {
            let row = format!("{:020}/{:020}", record.append_ms, record.offset);
            context.put(1, row.into(), value);
            return Ok(());
        }
        let Some(key) = record.key.clone() else { return Ok(()) };
        let text = String::from_utf8(value.to_vec()).unwrap();
        if text == "bad" {
            return Err(ProcessorError::Rejected { cause: "malformed", detail: "it says bad".into() });
        }
        if text == "rot" {
            return Err(ProcessorError::State("it says rot".into()));
        }
        let count = context.get(0, &key)?.map_or(0, |bytes| number(&bytes)) + 1;
        context.put(0, key.clone(), count.to_string().into());
        if let Some(after_ms) = text.strip_prefix("at ") {
            context.schedule(record.append_ms + number(after_ms.as_bytes()), key.clone());
        }
        let output = if text == "sum" {
            let before = |(row, _): &(Bytes, Bytes)| number(&row[..20]) < record.append_ms;
            let rows = context.scan_prefix(1, b"")?;
            rows.iter().filter(|row| before(row)).map(|(_, value)| number(value)).sum::<i64>().to_string()
        } else if let Some(half) = text.strip_prefix("twice ") {
            [half, half].concat()
        } else {
            format!("{text}#{count}")
        };
        context.forward(0, key, output.into());
        assert!(text != "panic", "it says panic");
        Ok(())
    }

    fn punctuate(&mut self, context: &mut dyn Context, timer: &Timer) -> Result<(), ProcessorError> {
        context.forward(0, timer.key.clone(), "fired".into());
        Ok(())
    }
}

fn number(bytes: &[u8]) -> i64 {
    std::str::from_utf8(bytes).unwrap().parse().unwrap()
}

/// The machine's wall clock, on which pauses pass a hundred times as fast: for tests of what is tried again.
pub(crate) struct HurriedClock;

const HURRY: u32 = 100;

impl Clock for HurriedClock {
    fn now_ms(&self) -> i64 {
        SystemClock.now_ms()
    }

    fn monotonic(&self) -> Duration {
        SystemClock.monotonic() * HURRY
    }

    fn sleep_for(&self, pause: Duration) -> Duration {
        pause / HURRY
    }
}

/// A log, a topology with names of its own on it, and folders for as many processes as a test needs.
pub(crate) struct House {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) topology: Topology,
    pub(crate) clock: Arc<ManualClock>,
    name: String,
    producer: OnceLock<Arc<dyn Producer>>,
    state: TempDir,
    _log_folder: Option<TempDir>,
}

impl House {
    /// On the embedded log.
    pub(crate) fn embedded() -> Self {
        let house = Self::embedded_without_topics();
        house.create_topics();
        house
    }

    /// The same, before the topics are there.
    pub(crate) fn embedded_without_topics() -> Self {
        let folder = TempDir::new().unwrap();
        let log = EmbeddedLog::open(folder.path(), EmbeddedOptions::default()).unwrap();
        Self::on(log, Some(folder))
    }

    /// On the Kafka that the environment names, if it does.
    pub(crate) fn kafka() -> Option<Self> {
        static LOG: OnceLock<Option<Arc<KafkaLog>>> = OnceLock::new();
        let connect = || {
            let address = std::env::var("GAVEL_TEST_KAFKA").ok()?;
            Some(KafkaLog::connect(&address, KafkaOptions::default()).unwrap())
        };
        let house = Self::on(LOG.get_or_init(connect).clone()?, None);
        house.create_topics();
        Some(house)
    }

    fn on(log: Arc<dyn Log>, log_folder: Option<TempDir>) -> Self {
        static HOUSES: AtomicU64 = AtomicU64::new(0);
        let now_ms = SystemClock.now_ms();
        let name = format!("house-{now_ms}-{}-{}", std::process::id(), HOUSES.fetch_add(1, Ordering::Relaxed));
        let topology = declared(&name).build().unwrap();
        let clock = Arc::new(ManualClock::at(now_ms));
        Self {
            log,
            topology,
            clock,
            name,
            producer: OnceLock::new(),
            state: TempDir::new().unwrap(),
            _log_folder: log_folder,
        }
    }

    /// Has units of work begin no closer to each other than this.
    pub(crate) fn pace(&mut self, unit_interval: Duration) {
        self.topology = declared(&self.name).unit_interval(unit_interval).build().unwrap();
    }

    pub(crate) fn create_topics(&self) {
        let external = self.topology.source_topics().chain(self.topology.sink_topics());
        let external =
            external.map(|topic| TopicSpec { name: topic.into(), partitions: PARTITIONS, cleanup: Cleanup::Keep });
        let steering = [("control", Cleanup::Compact), ("status", Cleanup::Delete { retention_ms: 3_600_000 })];
        let steering =
            steering.map(|(part, cleanup)| TopicSpec { name: self.topic(part).into(), partitions: 1, cleanup });
        for spec in external.chain(self.topology.topics(PARTITIONS)).chain(steering) {
            self.log.create_topic(&spec).unwrap();
        }
    }

    /// Another embedded log, with the same topics, takes the place of the first.
    pub(crate) fn replace_log(&mut self) {
        let folder = TempDir::new().unwrap();
        self.log = EmbeddedLog::open(folder.path(), EmbeddedOptions::default()).unwrap();
        self.producer = OnceLock::new();
        self._log_folder = Some(folder);
        self.create_topics();
    }

    pub(crate) fn topic(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }

    /// Options of a process, quick to notice that the clock was set.
    pub(crate) fn options(&self, instance: &str) -> RuntimeOptions {
        RuntimeOptions {
            max_batch_records: 7,
            max_unit_records: 16,
            max_wait: Duration::from_millis(2),
            session_timeout: Duration::from_secs(6),
            clock: self.clock.clone(),
            ..RuntimeOptions::new(self.state.path().join(instance), instance)
        }
    }

    /// The same for one that follows orders, and says what it runs.
    pub(crate) fn steered(&self, instance: &str) -> RuntimeOptions {
        let steering = Steering {
            control_topic: self.topic("control"),
            status_topic: self.topic("status"),
            version: "0".into(),
            address: format!("{instance}.example"),
        };
        RuntimeOptions { steering: Some(steering), ..self.options(instance) }
    }

    /// Gives an order; returns where it is in the log.
    pub(crate) fn order(&self, scope: &str, order: Order) -> Appended {
        self.producer().send(order.record(&self.topic("control"), scope)).wait().unwrap()
    }

    pub(crate) fn start(&self) -> Runtime {
        self.start_with(&self.options("one"))
    }

    pub(crate) fn start_with(&self, options: &RuntimeOptions) -> Runtime {
        Runtime::start(&self.log, std::slice::from_ref(&self.topology), options).unwrap()
    }

    pub(crate) fn start_failing(&self, failpoint: Failpoint) -> Runtime {
        self.start_with(&RuntimeOptions { failpoint: Some(failpoint), ..self.options("one") })
    }

    /// Where a process keeps its local state.
    pub(crate) fn state_folder(&self, instance: &str) -> PathBuf {
        self.state.path().join(instance)
    }

    /// Loses all local state of a process.
    pub(crate) fn wipe(&self, instance: &str) {
        std::fs::remove_dir_all(self.state.path().join(instance)).unwrap();
    }

    /// Appends to a source and waits until it is durable.
    pub(crate) fn append(&self, part: &str, partition: u32, key: &str, value: &str) -> Appended {
        self.try_append(part, partition, key, value).unwrap()
    }

    pub(crate) fn try_append(&self, part: &str, partition: u32, key: &str, value: &str) -> gavel_log::Result<Appended> {
        let record = NewRecord {
            topic: self.topic(part).into(),
            partition: Some(partition),
            key: Some(Bytes::copy_from_slice(key.as_bytes())),
            value: Some(Bytes::copy_from_slice(value.as_bytes())),
            headers: Vec::new(),
        };
        self.producer().send(record).wait()
    }

    fn producer(&self) -> &dyn Producer {
        &**self.producer.get_or_init(|| self.log.producer().unwrap())
    }

    /// All committed records of a topic, partition by partition.
    pub(crate) fn read(&self, part: &str) -> Vec<Record> {
        let partitions = (0..PARTITIONS).map(|partition| TopicPartition::new(self.topic(part), partition));
        let partitions: Vec<_> = partitions.collect();
        let mut consumer = self.log.consumer(None).unwrap();
        let starts: Vec<_> = partitions.iter().map(|partition| (partition.clone(), Start::Earliest)).collect();
        let ends: Vec<u64> =
            partitions.iter().map(|partition| self.log.watermarks(partition).unwrap().stable_end).collect();
        consumer.assign(&starts).unwrap();
        let mut records = Vec::new();
        eventually("the topic is read", || {
            consumer.poll(&mut records, 1000, Duration::from_millis(10)).unwrap();
            partitions.iter().zip(&ends).all(|(partition, &end)| consumer.position(partition).unwrap() >= end)
        });
        records.sort_by_key(|record: &Record| (record.partition, record.offset));
        records
    }

    /// The outputs as `key=value`, each partition's in order.
    pub(crate) fn outputs(&self) -> Vec<String> {
        self.read("out").iter().map(line).collect()
    }

    /// Waits until there are so many outputs, as long as there are ever more, and returns them.
    pub(crate) fn wait_for_outputs(&self, count: usize) -> Vec<String> {
        let mut outputs = self.outputs();
        while outputs.len() < count {
            let before = outputs.len();
            eventually(&format!("{count} outputs, more than {before}"), || {
                outputs = self.outputs();
                outputs.len() > before
            });
        }
        assert_eq!(outputs.len(), count, "{outputs:?}");
        outputs
    }
}

fn declared(name: &str) -> TopologyBuilder {
    Topology::builder(name)
        .source("table", &format!("{name}.table"))
        .source("stream", &format!("{name}.stream"))
        .clock("stream", "tick")
        .processor("counter", || Counter, &["table", "stream"])
        .store("counts", &["counter"])
        .store("rows", &["counter"])
        .sink("out", &format!("{name}.out"), &["counter"])
}

pub(crate) fn line(record: &Record) -> String {
    let text = |bytes: &Option<Bytes>| String::from_utf8_lossy(bytes.as_deref().unwrap_or(b"-")).into_owned();
    format!("{}={}", text(&record.key), text(&record.value))
}

/// Asks until the answer is yes.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Waits until the status of a runtime is as said.
pub(crate) fn wait_for_status(runtime: &Runtime, what: &str, holds: impl Fn(&RuntimeStatus) -> bool) {
    let mut last = RuntimeStatus::default();
    let deadline = Instant::now() + PATIENCE;
    while !holds(&last) {
        assert!(Instant::now() < deadline, "not in time: {what}; {last:#?}");
        std::thread::park_timeout(Duration::from_millis(1));
        last = runtime.status();
    }
}

/// All partitions run here.
pub(crate) fn wait_until_running(runtime: &Runtime) {
    wait_for_status(runtime, "all tasks run", |status| {
        status.is_ready() && status.tasks().count() == PARTITIONS as usize
    });
}

/// Makes a test of a scenario for each adapter. On Kafka it runs where the environment names one.
#[macro_export]
macro_rules! on_each_log {
    ($($scenario:ident),* $(,)?) => {
        mod embedded {
            $(#[test] fn $scenario() { super::$scenario(&$crate::harness::House::embedded()); })*
        }
        mod kafka {
            $(#[test] fn $scenario() {
                if let Some(house) = $crate::harness::House::kafka() {
                    super::$scenario(&house);
                }
            })*
        }
    };
}
