//! The port: what Gavel asks of a log.
//!
//! All calls may block and belong on an OS thread, save [`Producer::send`], which never waits for the log: it returns a
//! [`Delivery`] to await. Offsets count from 0 in each partition and only grow; they may have holes (Kafka's
//! transaction markers). Times are the broker's append time (LogAppendTime), epoch milliseconds.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

/// What the caller can do about a [`LogError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorClass {
    /// The same call may succeed later: back off and retry.
    Retry,
    /// The open transaction must be aborted; the unit of work can then be tried again.
    Abort,
    /// This record or request can never succeed; others can.
    Reject,
    /// This client is unusable: it was fenced, its disk failed or its data is damaged. Close it, and rebuild what
    /// depended on it.
    Fatal,
}

/// Why the log refused.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// No answer from the log in time, or no connection.
    #[error("the log is unreachable: {0}")]
    Unavailable(String),
    /// The topic does not exist.
    #[error("topic {0} does not exist")]
    UnknownTopic(String),
    /// The topic or partition exists differently from what was asked.
    #[error("topic {topic} differs: {difference}")]
    TopicDiffers {
        /// The topic's name.
        topic: String,
        /// What differs, in words.
        difference: String,
    },
    /// The record is larger than the topic takes.
    #[error("a record of {size_bytes} bytes is larger than the log takes ({limit_bytes})")]
    RecordTooLarge {
        /// Size of the refused record.
        size_bytes: usize,
        /// The limit.
        limit_bytes: usize,
    },
    /// The transaction cannot be committed any more; abort it.
    #[error("the transaction must be aborted: {0}")]
    TransactionAborted(String),
    /// A newer owner took over this transactional id or this group membership.
    #[error("fenced by a newer owner: {0}")]
    Fenced(String),
    /// Another process holds the data folder.
    #[error("{} is in use by another gavel process; stop it, or choose another folder with --data", .0.display())]
    FolderInUse(PathBuf),
    /// The disk is full or not writable. Nobody knows what the failed write left: nothing more is taken until the log is
    /// opened again.
    #[error("cannot write to the log: {0}")]
    Storage(String),
    /// Bytes on disk fail their checksum.
    #[error("the log is damaged: {0}")]
    Corrupt(String),
    /// The caller broke the contract (a send outside a transaction, an unassigned partition).
    #[error("misuse of the log: {0}")]
    Misuse(String),
}

impl LogError {
    /// What the caller can do about it.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Unavailable(_) => ErrorClass::Retry,
            Self::TransactionAborted(_) => ErrorClass::Abort,
            Self::UnknownTopic(_) | Self::TopicDiffers { .. } | Self::RecordTooLarge { .. } | Self::Misuse(_) => {
                ErrorClass::Reject
            }
            Self::Fenced(_) | Self::FolderInUse(_) | Self::Storage(_) | Self::Corrupt(_) => ErrorClass::Fatal,
        }
    }
}

/// A result of the log.
pub type Result<T> = std::result::Result<T, LogError>;

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partition, from 0.
    pub partition: u32,
}

impl TopicPartition {
    /// Names a partition.
    pub fn new(topic: impl Into<Arc<str>>, partition: u32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl std::fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// A header of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The header's name.
    pub name: Cow<'static, str>,
    /// Its bytes.
    pub value: Bytes,
}

/// A record as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The topic it is in.
    pub topic: Arc<str>,
    /// The partition it is in.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// When the broker appended it.
    pub append_ms: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers, in order.
    pub headers: Vec<Header>,
}

impl Record {
    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().find(|header| header.name == name).map(|header| &header.value)
    }
}

/// A record to append.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// The topic to append to.
    pub topic: Arc<str>,
    /// The partition; `None` lets the key choose ([`crate::partitioner`]).
    pub partition: Option<u32>,
    /// The key.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// The headers.
    pub headers: Vec<Header>,
}

/// The largest record a log takes, as [`NewRecord::size_bytes`] counts.
pub const RECORD_BYTES_MAX: usize = 1_000_000;

impl NewRecord {
    /// What the record counts against [`RECORD_BYTES_MAX`]: its key, value and headers.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let header = |header: &Header| Self::header_size_bytes(header.name.len(), header.value.len());
        let headers: usize = self.headers.iter().map(header).sum();
        self.key.as_ref().map_or(0, Bytes::len) + self.value.as_ref().map_or(0, Bytes::len) + headers
    }

    /// What a header counts: its name, its value and their lengths.
    pub(crate) fn header_size_bytes(name: usize, value: usize) -> usize {
        name + value + 6
    }

    pub(crate) fn check_size(&self) -> Result<()> {
        match self.size_bytes() {
            size_bytes if size_bytes > RECORD_BYTES_MAX => {
                Err(LogError::RecordTooLarge { size_bytes, limit_bytes: RECORD_BYTES_MAX })
            }
            _ => Ok(()),
        }
    }
}

/// Where and when a record was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: u64,
    /// The append time.
    pub append_ms: i64,
}

/// The acknowledgement to come of one [`Producer::send`]: await it, or block on it with [`Delivery::wait`].
#[derive(Debug)]
pub struct Delivery(pub(crate) tokio::sync::oneshot::Receiver<Result<Appended>>);

impl Delivery {
    /// Blocks until the log has acknowledged or refused. Not for async tasks.
    ///
    /// # Errors
    /// As the log refused; `Unavailable` when the producer closed first.
    pub fn wait(self) -> Result<Appended> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(LogError::Unavailable("the producer was closed".into())))
    }
}

impl Future for Delivery {
    type Output = Result<Appended>;

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or_else(|_| Err(LogError::Unavailable("the producer was closed".into()))))
    }
}

/// What becomes of old records of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleanup {
    /// Every record is kept for ever.
    Keep,
    /// Records older than this many milliseconds may be dropped.
    Delete {
        /// Age from which a record may go.
        retention_ms: i64,
    },
    /// Of each key, only the last record is sure to stay.
    Compact,
}

/// A topic to create, or to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions it has.
    pub partitions: u32,
    /// What becomes of old records.
    pub cleanup: Cleanup,
}

/// What [`Log::create_topic`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It was made.
    New,
    /// It was there, as specified.
    Existing,
}

/// The ends of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Watermarks {
    /// The first offset still kept.
    pub low: u64,
    /// The end for a reader of committed records: everything below it is decided (Kafka's last stable offset).
    pub stable_end: u64,
    /// The offset that the next append gets, whether or not its transaction is decided (the high watermark).
    pub end: u64,
}

/// Where a reader without a stored position begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the first record kept.
    Earliest,
    /// At this offset.
    Offset(u64),
    /// At the end as it is now.
    Latest,
}

/// Membership of a consumer group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// The group's id.
    pub group: String,
    /// Static membership: the same id after a restart gets its partitions back without a rebalance.
    pub instance: Option<String>,
    /// After how long without a sign of life a member is given up.
    pub session_timeout: Duration,
}

/// What a group did, seen while polling. Assignment follows `range`, so equal partitions of co-partitioned topics go
/// to the same member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupEvent {
    /// These partitions are now this consumer's. Reading starts at the group's committed offset, or the earliest.
    Assigned(Vec<TopicPartition>),
    /// These are no more. Whatever was not committed is somebody else's to do again.
    Revoked(Vec<TopicPartition>),
}

/// Opaque proof of group membership, which fences a zombie's transactions (KIP-447).
#[derive(Debug, Clone)]
pub struct GroupMetadata(pub(crate) Arc<dyn std::any::Any + Send + Sync>);

/// The offset up to which a group has consumed a partition: the next to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumedOffset {
    /// The partition.
    pub partition: TopicPartition,
    /// The next offset to read.
    pub next: u64,
}

/// A log: where topics live. Shared by all threads.
pub trait Log: Send + Sync + 'static {
    /// Creates a topic, or checks that the one there has these partitions and this cleanup.
    ///
    /// # Errors
    /// `TopicDiffers` if it exists otherwise.
    fn create_topic(&self, spec: &TopicSpec) -> Result<Created>;

    /// The topic as it exists.
    ///
    /// # Errors
    /// `UnknownTopic`.
    fn describe_topic(&self, topic: &str) -> Result<TopicSpec>;

    /// The names of all topics, sorted; the log's own left out.
    ///
    /// # Errors
    /// `Unavailable`.
    fn topics(&self) -> Result<Vec<String>>;

    /// The present ends of a partition, asked of the log itself, never cached.
    ///
    /// # Errors
    /// `UnknownTopic`, `Unavailable`.
    fn watermarks(&self, partition: &TopicPartition) -> Result<Watermarks>;

    /// [`Watermarks::stable_end`] alone, which may cost less to ask.
    ///
    /// # Errors
    /// As [`watermarks`](Self::watermarks).
    fn stable_end(&self, partition: &TopicPartition) -> Result<u64> {
        Ok(self.watermarks(partition)?.stable_end)
    }

    /// [`Watermarks::end`] alone, which may cost less to ask.
    ///
    /// # Errors
    /// As [`watermarks`](Self::watermarks).
    fn end(&self, partition: &TopicPartition) -> Result<u64> {
        Ok(self.watermarks(partition)?.end)
    }

    /// What a group has committed, partition by partition; `None` where nothing.
    ///
    /// # Errors
    /// `Unavailable`.
    fn committed(&self, group: &str, partitions: &[TopicPartition]) -> Result<Vec<Option<u64>>>;

    /// Drops all records below `before`. For tests and operators.
    ///
    /// # Errors
    /// `UnknownTopic`, `Unavailable`.
    fn delete_records(&self, partition: &TopicPartition, before: u64) -> Result<()>;

    /// Runs compaction and retention now where the adapter does them itself (embedded); elsewhere does nothing.
    ///
    /// # Errors
    /// `Storage`.
    fn clean(&self) -> Result<()>;

    /// An idempotent producer without transactions; cheap to share.
    ///
    /// # Errors
    /// `Unavailable`.
    fn producer(&self) -> Result<Arc<dyn Producer>>;

    /// A transactional producer. Creating one fences every older one of the same id and aborts what it left open.
    ///
    /// # Errors
    /// `Unavailable`.
    fn transactional_producer(&self, transactional_id: &str) -> Result<Box<dyn TransactionalProducer>>;

    /// A reader of committed records, in `group` or assigned by hand.
    ///
    /// # Errors
    /// `Unavailable`.
    fn consumer(&self, group: Option<&GroupConfig>) -> Result<Box<dyn Consumer>>;
}

/// Appends single records.
pub trait Producer: Send + Sync {
    /// Hands a record over; never waits for the log. Records of one producer to one partition keep their order. The
    /// [`Delivery`] resolves once the record is durable, or with the reason why it never will be; after `Unavailable`
    /// it may or may not have been appended.
    fn send(&self, record: NewRecord) -> Delivery;

    /// Blocks until all handed over is acknowledged or refused.
    ///
    /// # Errors
    /// `Unavailable` when that does not happen in time.
    fn flush(&self, timeout: Duration) -> Result<()>;
}

/// Appends units of work: records and consumed offsets, visible together or not at all.
pub trait TransactionalProducer: Send {
    /// Opens a transaction.
    ///
    /// # Errors
    /// `Fenced`, `Misuse` when one is open.
    fn begin(&mut self) -> Result<()>;

    /// Adds a record.
    ///
    /// # Errors
    /// `Misuse` outside a transaction, `RecordTooLarge`, `UnknownTopic`.
    fn send(&mut self, record: NewRecord) -> Result<()>;

    /// Adds the offsets up to which the group's records are consumed by this transaction.
    ///
    /// # Errors
    /// `Fenced` when the group has moved on without this member.
    fn send_offsets(&mut self, offsets: &[ConsumedOffset], group: &GroupMetadata) -> Result<()>;

    /// Commits. On return it is decided and durable; readers see it then or soon after (Kafka marks the partitions behind
    /// its answer): who needs to see it waits for [`Watermarks::stable_end`].
    ///
    /// # Errors
    /// `TransactionAborted` (abort, do it again), `Fenced` (close), `Unavailable` (call `commit` again).
    fn commit(&mut self) -> Result<()>;

    /// Drops the open transaction; nobody ever sees its records.
    ///
    /// # Errors
    /// `Fenced`, `Unavailable`.
    fn abort(&mut self) -> Result<()>;
}

/// Reads committed records, in order within a partition.
pub trait Consumer: Send {
    /// Joins the group for these topics. Assignment shows up as [`GroupEvent`]s from `poll`.
    ///
    /// # Errors
    /// `Misuse` without a group, `UnknownTopic`.
    fn subscribe(&mut self, topics: &[&str]) -> Result<()>;

    /// Takes exactly these partitions, outside any group, replacing what was assigned before.
    ///
    /// # Errors
    /// `Misuse` in a group that is subscribed, `UnknownTopic`.
    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<()>;

    /// Waits up to `timeout` for records or a group event, appends at most `max_records` records to `records` and
    /// returns the events in order. Returns as soon as anything is there; also, early and empty, when a reader's
    /// [`position`](Self::position) moved without records. A group consumer must poll within the session timeout's
    /// order of time. Records of partitions revoked in this very call are not among `records`.
    ///
    /// # Errors
    /// `Unavailable` (poll again), `Fenced` (close).
    fn poll(&mut self, records: &mut Vec<Record>, max_records: usize, timeout: Duration) -> Result<Vec<GroupEvent>>;

    /// Up to where this reader has read: everything committed below was returned or is known not to exist
    /// (transaction markers, aborted records, compaction). Reaches [`Watermarks::stable_end`] at the end.
    ///
    /// # Errors
    /// `Misuse` when not assigned.
    fn position(&self, partition: &TopicPartition) -> Result<u64>;

    /// Reads on from there.
    ///
    /// # Errors
    /// `Misuse` when not assigned.
    fn seek(&mut self, partition: &TopicPartition, start: Start) -> Result<()>;

    /// Stops returning records of these partitions until resumed.
    ///
    /// # Errors
    /// `Misuse` when not assigned.
    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<()>;

    /// Returns records of these partitions again, from where they stopped.
    ///
    /// # Errors
    /// `Misuse` when not assigned.
    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<()>;

    /// Proof of membership for [`TransactionalProducer::send_offsets`].
    ///
    /// # Errors
    /// `Misuse` without a group.
    fn group_metadata(&self) -> Result<GroupMetadata>;

    /// Commits consumed offsets outside any transaction: for readers that own no outputs.
    ///
    /// # Errors
    /// `Fenced`, `Unavailable`.
    fn commit(&mut self, offsets: &[ConsumedOffset]) -> Result<()>;
}
