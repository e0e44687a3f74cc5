//! Topics as the embedded log knows them, and their row.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::state::PartitionId;
use crate::partitioner;
use crate::port::{Cleanup, LogError, NewRecord, Result, TopicPartition, TopicSpec};

/// A topic: what was asked for, and the number its keys carry.
#[derive(Debug)]
pub(super) struct Topic {
    /// As created.
    pub(super) spec: TopicSpec,
    /// Its number, never used again.
    pub(super) number: u32,
}

impl Topic {
    /// The id of one of its partitions.
    pub(super) fn partition(&self, partition: u32) -> Result<PartitionId> {
        if partition < self.spec.partitions {
            Ok(PartitionId { topic: self.number, partition })
        } else {
            let name = TopicPartition::new(Arc::clone(&self.spec.name), partition);
            Err(LogError::UnknownTopic(name.to_string()))
        }
    }

    /// All its partitions.
    pub(super) fn partitions(&self) -> impl Iterator<Item = PartitionId> {
        let topic = self.number;
        (0..self.spec.partitions).map(move |partition| PartitionId { topic, partition })
    }

    /// Where a record goes: to its own partition, or its key's; `any` serves those that have neither.
    pub(super) fn place(&self, record: &NewRecord, any: impl FnOnce() -> u32) -> Result<PartitionId> {
        if record.key.is_none() && self.spec.cleanup == Cleanup::Compact {
            return Err(LogError::Misuse(format!("a record of the compacted topic {} needs a key", self.spec.name)));
        }
        match (record.partition, &record.key) {
            (Some(partition), _) => self.partition(partition),
            (None, Some(key)) => self.partition(partitioner::partition_of(key, self.spec.partitions)),
            (None, None) => self.partition(any() % self.spec.partitions),
        }
    }

    /// Checks that it is what is asked for.
    pub(super) fn check(&self, asked: &TopicSpec) -> Result<()> {
        let differs = |difference| Err(LogError::TopicDiffers { topic: asked.name.to_string(), difference });
        if self.spec.partitions != asked.partitions {
            return differs(format!("it has {} partitions, not {}", self.spec.partitions, asked.partitions));
        }
        if self.spec.cleanup != asked.cleanup {
            return differs(format!("its cleanup is {:?}, not {:?}", self.spec.cleanup, asked.cleanup));
        }
        Ok(())
    }
}

/// Checks what Kafka would refuse too, so that no topic is bound to this log.
pub(super) fn check_possible(spec: &TopicSpec) -> Result<()> {
    let TopicSpec { name, partitions, .. } = spec;
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    if !(1..=249).contains(&name.len()) || !name.chars().all(is_plain) || matches!(&**name, "." | "..") {
        return Err(LogError::Misuse(format!("{name:?} cannot be a topic's name")));
    }
    if *partitions == 0 {
        return Err(LogError::Misuse(format!("topic {name} needs at least one partition")));
    }
    Ok(())
}

/// A topic's row, as JSON. Fields are only ever added.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TopicRow {
    number: u32,
    partitions: u32,
    cleanup: CleanupRow,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CleanupRow {
    Keep,
    Delete { retention_ms: i64 },
    Compact,
}

impl TopicRow {
    /// The row of a topic.
    pub(super) fn encode(topic: &Topic) -> Vec<u8> {
        let cleanup = match topic.spec.cleanup {
            Cleanup::Keep => CleanupRow::Keep,
            Cleanup::Delete { retention_ms } => CleanupRow::Delete { retention_ms },
            Cleanup::Compact => CleanupRow::Compact,
        };
        let row = Self { number: topic.number, partitions: topic.spec.partitions, cleanup };
        serde_json::to_vec(&row).expect("a row of numbers is always JSON")
    }

    /// The topic of a row.
    pub(super) fn decode(name: &str, row: &[u8]) -> Result<Topic> {
        let row: Self = serde_json::from_slice(row)
            .map_err(|_| LogError::Corrupt(format!("the row of topic {name} cannot be read")))?;
        let cleanup = match row.cleanup {
            CleanupRow::Keep => Cleanup::Keep,
            CleanupRow::Delete { retention_ms } => Cleanup::Delete { retention_ms },
            CleanupRow::Compact => Cleanup::Compact,
        };
        Ok(Topic { spec: TopicSpec { name: name.into(), partitions: row.partitions, cleanup }, number: row.number })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_golden() {
        for (cleanup, golden) in [
            (Cleanup::Keep, r#"{"number":7,"partitions":12,"cleanup":"keep"}"#),
            (Cleanup::Compact, r#"{"number":7,"partitions":12,"cleanup":"compact"}"#),
            (
                Cleanup::Delete { retention_ms: 5 },
                r#"{"number":7,"partitions":12,"cleanup":{"delete":{"retention_ms":5}}}"#,
            ),
        ] {
            let topic = Topic { spec: TopicSpec { name: "t".into(), partitions: 12, cleanup }, number: 7 };
            assert_eq!(TopicRow::encode(&topic), golden.as_bytes());
            let decoded = TopicRow::decode("t", golden.as_bytes()).unwrap();
            assert_eq!((decoded.spec, decoded.number), (topic.spec, 7));
        }
    }
}
