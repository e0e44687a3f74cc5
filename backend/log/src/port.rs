//! The port: what Gavel asks of a log.
//!
//! All calls may block and belong on an OS thread, save [`Producer::send`], which never waits for the log: it returns a
//! [`Delivery`] to await. Offsets count from 0 in each partition and only grow; they may have holes (Kafka's
//! transaction markers). Times are the broker's append time (LogAppendTime), epoch milliseconds.

mod error;
mod record;
mod topic;

use std::sync::Arc;
use std::time::Duration;

pub use self::error::{ErrorClass, LogError, Result};
pub use self::record::{Appended, Delivery, Header, NewRecord, RECORD_BYTES_MAX, Record};
pub use self::topic::{Cleanup, Created, TopicPartition, TopicSpec, Watermarks};

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
pub struct GroupMetadata(Arc<dyn std::any::Any + Send + Sync>);

impl GroupMetadata {
    /// What an adapter proves membership by.
    pub fn new(proof: impl std::any::Any + Send + Sync) -> Self {
        Self(Arc::new(proof))
    }

    /// The proof, if it is of the adapter's own kind.
    #[must_use]
    pub fn proof<T: 'static>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

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
    /// A name that only this log has, the same as long as it lives: whoever keeps what he read of it knows it again.
    ///
    /// # Errors
    /// `Unavailable`.
    fn id(&self) -> Result<String>;

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

    /// The [`stable_end`](Self::stable_end) of each of many partitions, which may cost less than one after the other.
    fn stable_ends(&self, partitions: &[TopicPartition]) -> Vec<Result<u64>> {
        partitions.iter().map(|partition| self.stable_end(partition)).collect()
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

    /// The same for the group's new owner of these partitions, by its transactional id. If a transaction of a former owner that
    /// has vanished keeps it waiting, that owner is fenced, and its transaction ended.
    ///
    /// # Errors
    /// `Unavailable`.
    fn take_over(&self, group: &str, partitions: &[TopicPartition], _owner: &str) -> Result<Vec<Option<u64>>> {
        self.committed(group, partitions)
    }

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

    /// Adds the offsets up to which the group's records are consumed by this transaction. Of a partition the last that was added
    /// counts.
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

    /// The offset after the last record that this producer's last commit appended to a partition, where the log tells it, and
    /// the record named its partition.
    fn committed_end(&self, partition: &TopicPartition) -> Option<u64> {
        let _ = partition;
        None
    }

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

    /// Leaves the group at once: what was this member's goes to the others. A reader that is merely dropped may be restarting;
    /// its place, if it has a name, is kept for the session timeout. Where the log cannot be told, it is as if it was dropped.
    fn leave(self: Box<Self>) {}

    /// Commits consumed offsets outside any transaction: for readers that own no outputs.
    ///
    /// # Errors
    /// `Fenced`, `Unavailable`.
    fn commit(&mut self, offsets: &[ConsumedOffset]) -> Result<()>;

    /// Says before the first transaction whose these partitions are, by its transactional id, at the offsets where it goes on:
    /// so that [`Log::take_over`] knows it, should it vanish in that very transaction.
    ///
    /// # Errors
    /// As [`commit`](Self::commit).
    fn claim(&mut self, _offsets: &[ConsumedOffset], _owner: &str) -> Result<()> {
        Ok(())
    }
}
