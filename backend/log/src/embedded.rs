//! The embedded log: the port's promises kept by one process on one disk.
//!
//! ```text
//! producers ─ queue ─> writer ─ one atomic batch, one sync ─> store (fjall)
//!                        └─ publish ─> state ─ ring ─> consumers ─ hot tail from memory, the rest from the store
//! ```
//! `key` is the map of the rows, `chunk` the records in them, `store` the only file that names fjall, `state` what
//! is kept in memory, `writer` the one thread that appends, `group` and `range` the coordinator, `cleaner` retention
//! and compaction, `core` what they share.
//!
//! Invariants: acknowledged means durable (as [`Strictness`] says) and visible; a transaction reaches the store as one
//! batch at its commit, so there are no markers, no aborted records, and `stable_end` is always `end`; one clock gives
//! all append times and never goes back, not even over a restart; after a failed write nothing is acknowledged any more.

mod chunk;
mod cleaner;
mod clock;
mod consumer;
mod core;
mod folder;
mod group;
mod journal;
mod key;
mod producer;
mod range;
mod reading;
mod state;
mod store;
mod topic;
mod writer;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

pub use self::clock::Clock;
use self::consumer::EmbeddedConsumer;
use self::core::Core;
use self::producer::{EmbeddedProducer, EmbeddedTransactions};
use self::writer::{Job, Placed, Writer};
use crate::port::{
    Consumer, Created, GroupConfig, Log, LogError, Producer, Result, TopicPartition, TopicSpec, TransactionalProducer,
    Watermarks,
};

/// What an acknowledgement survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// A power cut: the disk is synced before an acknowledgement.
    #[default]
    Fsync,
    /// A crash of the process, but not of the machine: the operating system has the bytes.
    Os,
}

/// How an embedded log behaves.
#[derive(Debug, Clone)]
pub struct EmbeddedOptions {
    /// What an acknowledgement survives.
    pub strictness: Strictness,
    /// How much of the newest records is kept in memory for readers.
    pub cache_bytes: usize,
    /// How much may wait for the disk before sends are refused with `Unavailable`.
    pub queue_bytes: usize,
    /// How often retention and compaction run by themselves.
    pub clean_interval: Duration,
    /// How long compaction leaves a tombstone for readers to see.
    pub tombstone_grace: Duration,
    /// What append times and ages are taken from.
    pub clock: Clock,
}

impl Default for EmbeddedOptions {
    fn default() -> Self {
        Self {
            strictness: Strictness::Fsync,
            cache_bytes: 16 << 20,
            queue_bytes: 64 << 20,
            clean_interval: Duration::from_secs(300),
            tombstone_grace: Duration::from_secs(86_400),
            clock: Clock::default(),
        }
    }
}

/// The embedded log. It closes, and frees its folder, when it and all its producers and consumers are dropped.
pub struct EmbeddedLog {
    handle: Arc<Handle>,
}

impl EmbeddedLog {
    /// Opens the log in `folder`, or makes one there.
    ///
    /// # Errors
    /// `FolderInUse` while another log has it open, in this process or another; `Storage` when it cannot be written;
    /// `Corrupt`.
    pub fn open(folder: impl AsRef<Path>, options: EmbeddedOptions) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { handle: Arc::new(Handle::open(folder.as_ref(), options)?) }))
    }
}

impl Log for EmbeddedLog {
    fn id(&self) -> Result<String> {
        Ok(self.handle.core.id.clone())
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Created> {
        self.handle.core.create_topic(spec)
    }

    fn describe_topic(&self, topic: &str) -> Result<TopicSpec> {
        Ok(self.handle.core.topic(topic)?.spec.clone())
    }

    fn topics(&self) -> Result<Vec<String>> {
        Ok(self.handle.core.topics().iter().map(|topic| topic.spec.name.to_string()).collect())
    }

    fn watermarks(&self, partition: &TopicPartition) -> Result<Watermarks> {
        self.handle.core.watermarks(partition)
    }

    fn committed(&self, group: &str, partitions: &[TopicPartition]) -> Result<Vec<Option<u64>>> {
        let found: Result<Vec<_>> = partitions.iter().map(|name| self.handle.core.partition(name)).collect();
        let found = found?;
        let state = self.handle.core.state();
        Ok(found.into_iter().map(|id| state.committed(group, id)).collect())
    }

    fn delete_records(&self, partition: &TopicPartition, before: u64) -> Result<()> {
        self.handle.core.delete_below(self.handle.core.partition(partition)?, before)
    }

    fn clean(&self) -> Result<()> {
        self.handle.core.clean()
    }

    fn producer(&self) -> Result<Arc<dyn Producer>> {
        Ok(Arc::new(EmbeddedProducer { handle: Arc::clone(&self.handle) }))
    }

    fn transactional_producer(&self, transactional_id: &str) -> Result<Box<dyn TransactionalProducer>> {
        Ok(Box::new(EmbeddedTransactions::new(Arc::clone(&self.handle), transactional_id)?))
    }

    fn consumer(&self, group: Option<&GroupConfig>) -> Result<Box<dyn Consumer>> {
        Ok(Box::new(EmbeddedConsumer::new(Arc::clone(&self.handle), group)))
    }
}

/// A log's core together with its threads, which end when the last handle is dropped.
struct Handle {
    core: Arc<Core>,
    queue: Mutex<Option<Sender<Job>>>,
    stop: Option<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Handle {
    fn open(folder: &Path, options: EmbeddedOptions) -> Result<Self> {
        let (core, last_ms) = Core::open(folder, options)?;
        let core = Arc::new(core);
        let (queue, jobs) = channel();
        let (stop, stopped) = channel();
        let writer = Writer::new(Arc::clone(&core), last_ms);
        let cleaned = Arc::clone(&core);
        let threads = vec![
            spawn("log-writer", move || writer.run(&jobs))?,
            spawn("log-cleaner", move || clean_now_and_then(&cleaned, &stopped))?,
        ];
        Ok(Self { core, queue: Mutex::new(Some(queue)), stop: Some(stop), threads })
    }

    /// Takes up a record if the queue has room for it.
    fn room_for(&self, placed: Placed) -> Result<Placed> {
        if self.core.queued_bytes.load(Ordering::Relaxed) > self.core.options.queue_bytes {
            return Err(LogError::Unavailable("the disk cannot keep up".into()));
        }
        Ok(placed)
    }

    /// Hands a job to the writer. If there is none any more, whoever waits for the job learns it from its channel.
    fn enqueue(&self, job: Job) {
        if let Job::Append(append) = &job {
            self.core.queued_bytes.fetch_add(append.size_bytes(), Ordering::Relaxed);
        }
        if let Some(queue) = &*self.queue.lock().unwrap_or_else(PoisonError::into_inner) {
            drop(queue.send(job));
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.stop.take();
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the log has panicked");
            }
        }
    }
}

fn clean_now_and_then(core: &Core, stopped: &Receiver<()>) {
    while stopped.recv_timeout(core.options.clean_interval) == Err(RecvTimeoutError::Timeout) {
        if let Err(error) = core.clean_worn() {
            tracing::warn!(%error, "old records could not be dropped; trying again later");
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name(name.into()).spawn(work);
    thread.map_err(|error| LogError::Unavailable(format!("no thread for the log: {error}")))
}
