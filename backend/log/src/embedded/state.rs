//! What the log keeps in memory: the ends and hot tail of each partition, groups, committed offsets, owners.
//!
//! Invariants: only the writer thread moves `end`. A partition's tail is without gaps and reaches to `end`. Whatever is
//! below `end` is durable. All partitions of one group commit move under one lock, so no reader sees a part of it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar};

use super::chunk::Chunk;
use super::group::Group;
use crate::port::{LogError, Result, Start};

/// A partition of a topic, as the keys name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct PartitionId {
    /// The topic's number.
    pub(super) topic: u32,
    /// The partition.
    pub(super) partition: u32,
}

/// The state, behind one lock that is held briefly and never across the disk.
#[derive(Debug, Default)]
pub(super) struct State {
    /// By id; present for every partition of every topic.
    pub(super) partitions: HashMap<PartitionId, Partition>,
    /// Groups by name.
    pub(super) groups: HashMap<Arc<str>, Group>,
    /// The next offset to read, by group and partition.
    pub(super) committed: HashMap<Arc<str>, HashMap<PartitionId, u64>>,
    /// The newest epoch of each transactional id.
    pub(super) epochs: HashMap<Arc<str>, u64>,
    /// Why nothing is written any more.
    pub(super) failed: Option<LogError>,
    /// Bytes of all tails, and the partitions in the order of their chunks.
    tail_bytes: usize,
    tail_order: VecDeque<PartitionId>,
}

impl State {
    /// Makes a committed chunk readable and wakes those who wait for it.
    pub(super) fn publish(&mut self, id: PartitionId, chunk: Chunk) {
        let partition = self.partitions.entry(id).or_default();
        self.tail_bytes += chunk.bytes.len();
        self.tail_order.push_back(id);
        partition.end = chunk.end();
        partition.tail.push_back(chunk);
        for watcher in &partition.watchers {
            watcher.notify_one();
        }
    }

    /// Lets go of the oldest tails beyond `limit_bytes`.
    pub(super) fn evict(&mut self, limit_bytes: usize) {
        while self.tail_bytes > limit_bytes
            && let Some(id) = self.tail_order.pop_front()
        {
            if let Some(chunk) = self.partitions.get_mut(&id).and_then(|partition| partition.tail.pop_front()) {
                self.tail_bytes -= chunk.bytes.len();
            }
        }
    }

    /// Lets go of a partition's tail below `end`, which was rewritten on disk.
    pub(super) fn forget_tail(&mut self, id: PartitionId, end: u64) {
        let partition = self.partitions.entry(id).or_default();
        while partition.tail.front().is_some_and(|chunk| chunk.base < end) {
            let chunk = partition.tail.pop_front().expect("the front was just seen");
            self.tail_bytes -= chunk.bytes.len();
        }
    }

    /// Checks that no newer owner of a transactional id has come.
    pub(super) fn check_owner(&self, id: &str, epoch: u64) -> Result<()> {
        if self.epochs.get(id) == Some(&epoch) {
            Ok(())
        } else {
            Err(LogError::Fenced(format!("transactional id {id} has a newer owner")))
        }
    }

    /// Where a reader begins.
    pub(super) fn resolve(&self, id: PartitionId, start: Start) -> u64 {
        let partition = self.partitions.get(&id);
        match start {
            Start::Earliest => partition.map_or(0, |partition| partition.low),
            Start::Offset(offset) => offset,
            Start::Latest => partition.map_or(0, |partition| partition.end),
        }
    }

    /// What a group has committed of a partition.
    pub(super) fn committed(&self, group: &str, id: PartitionId) -> Option<u64> {
        self.committed.get(group)?.get(&id).copied()
    }
}

/// One partition.
#[derive(Debug, Default)]
pub(super) struct Partition {
    /// The first offset kept.
    pub(super) low: u64,
    /// The offset the next record gets.
    pub(super) end: u64,
    /// The newest chunks.
    tail: VecDeque<Chunk>,
    /// Who waits for records here.
    pub(super) watchers: Vec<Arc<Condvar>>,
}

impl Partition {
    /// A partition as found on disk.
    pub(super) fn recovered(low: u64, end: u64) -> Self {
        Self { low, end, ..Self::default() }
    }

    /// The chunks from `from` on that hold up to `wanted` records, if the tail reaches back so far.
    pub(super) fn hot(&self, from: u64, wanted: usize) -> Option<Vec<Chunk>> {
        if self.tail.front().is_none_or(|chunk| chunk.base > from) {
            return None;
        }
        let first = self.tail.partition_point(|chunk| chunk.end() <= from);
        let mut found = Vec::new();
        let mut count = 0;
        for chunk in self.tail.range(first..) {
            if count >= wanted {
                break;
            }
            count += if chunk.base >= from { chunk.count as usize } else { 1 };
            found.push(chunk.clone());
        }
        Some(found)
    }
}
