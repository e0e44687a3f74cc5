//! The tail: one thread that reads every public record as soon as it is committed, and hands it to the house.
//!
//! The history and the completions are read from where the database is, so that what it does not have is in memory; the
//! rest is news, and read from now on. Whatever goes wrong has one remedy: wait, connect again, go on where it stopped.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use gavel_auctions::wire::topics;
use gavel_log::{Log, Record, Start, TopicPartition};
use gavel_readmodel::{Database, ProjectedOffset};
use tokio::runtime::Handle;

/// How long one poll waits for records; also how long a stop may take. Records end it at once.
const POLL_TIMEOUT: Duration = Duration::from_millis(200);
/// The most records taken at a time.
const RECORDS_MAX: usize = 1_000;
/// First and longest wait after a failure.
const BACKOFF_MIN: Duration = Duration::from_millis(50);
const BACKOFF_MAX: Duration = Duration::from_secs(2);

/// What is read from the database's offsets on.
const REMEMBERED: [&str; 2] = [topics::HISTORY, topics::COMPLETE];
/// What is read from now on.
const NEWS: [&str; 3] = [topics::NOTICES, topics::ANALYTICS, topics::METRICS];

/// Takes what the tail reads.
pub(super) trait Reader: Send + 'static {
    /// How far the database was when reading began: the history and the completions are read from there.
    fn begin(&mut self, projected: &[ProjectedOffset]);
    /// Records in the order of each partition, each once.
    fn read(&mut self, records: &[Record]);
}

#[derive(Debug, Default)]
struct Shared {
    is_stopping: AtomicBool,
    is_reading: AtomicBool,
}

/// The running tail. Dropped, it stops soon after; [`stop`](Self::stop) waits for it.
#[derive(Debug)]
pub(super) struct Tail {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Tail {
    /// Starts reading. `runtime` serves its calls of the database.
    pub(super) fn start(
        database: Database,
        log: Arc<dyn Log>,
        reader: impl Reader,
        runtime: Handle,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut work = Work { database, log, reader, runtime, shared: Arc::clone(&shared), positions: HashMap::new() };
        let thread = std::thread::Builder::new().name("tail".into()).spawn(move || work.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Whether it reads: false before it has found the log, and while it has lost it.
    pub(super) fn is_reading(&self) -> bool {
        self.shared.is_reading.load(Ordering::Relaxed)
    }

    /// Stops, and returns once it has.
    pub(super) async fn stop(mut self) {
        self.signal();
        let Some(thread) = self.thread.take() else { return };
        if let Ok(Err(_)) = tokio::task::spawn_blocking(move || thread.join()).await {
            tracing::error!("the tail panicked");
        }
    }

    fn signal(&self) {
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.signal();
    }
}

struct Work<R> {
    database: Database,
    log: Arc<dyn Log>,
    reader: R,
    runtime: Handle,
    shared: Arc<Shared>,
    /// The next offset to read of each partition; empty until the first session has begun.
    positions: HashMap<TopicPartition, u64>,
}

impl<R: Reader> Work<R> {
    fn run(&mut self) {
        let mut backoff = BACKOFF_MIN;
        let mut told = String::new();
        while !self.is_stopping() {
            let Err(error) = self.session() else { return };
            if self.shared.is_reading.swap(false, Ordering::Relaxed) {
                backoff = BACKOFF_MIN;
                told.clear();
            }
            // The same failure again and again is one line.
            if told != error.to_string() {
                told = error.to_string();
                tracing::warn!(error = told, "live events wait; they go on by themselves");
            }
            std::thread::park_timeout(backoff);
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
    }

    fn is_stopping(&self) -> bool {
        self.shared.is_stopping.load(Ordering::Relaxed)
    }

    /// Reads until told to stop, or until something fails.
    fn session(&mut self) -> gavel_readmodel::Result<()> {
        if self.positions.is_empty() {
            self.positions = self.first_positions()?;
        }
        let mut consumer = self.log.consumer(None)?;
        let start = |(partition, next): (&TopicPartition, &u64)| (partition.clone(), Start::Offset(*next));
        consumer.assign(&self.positions.iter().map(start).collect::<Vec<_>>())?;
        let mut records = Vec::new();
        while !self.is_stopping() {
            records.clear();
            consumer.poll(&mut records, RECORDS_MAX, POLL_TIMEOUT)?;
            self.shared.is_reading.store(true, Ordering::Relaxed);
            self.reader.read(&records);
            for record in &records {
                self.positions.insert(TopicPartition::new(record.topic.clone(), record.partition), record.offset + 1);
            }
        }
        Ok(())
    }

    fn first_positions(&mut self) -> gavel_readmodel::Result<HashMap<TopicPartition, u64>> {
        let projected = self.runtime.block_on(self.database.projected_offsets())?;
        let mut positions = HashMap::new();
        for topic in REMEMBERED {
            for partition in self.partitions(topic)? {
                let low = self.log.watermarks(&partition)?.low;
                let next =
                    projected.iter().find(|offset| offset.partition == partition).map_or(0, |offset| offset.next);
                positions.insert(partition, next.max(low));
            }
        }
        for topic in NEWS {
            for partition in self.partitions(topic)? {
                let end = self.log.watermarks(&partition)?.stable_end;
                positions.insert(partition, end);
            }
        }
        self.reader.begin(&projected);
        Ok(positions)
    }

    fn partitions(&self, topic: &str) -> gavel_readmodel::Result<Vec<TopicPartition>> {
        let spec = self.log.describe_topic(topic)?;
        Ok((0..spec.partitions).map(|partition| TopicPartition::new(spec.name.clone(), partition)).collect())
    }
}
