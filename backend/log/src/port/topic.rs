//! Topics and their partitions.

use std::sync::Arc;

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
