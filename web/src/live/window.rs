//! The recent window: events that are perhaps not in the database yet.
//!
//! An event leaves once its offset is projected. Past [`CAPACITY`] the oldest of its partition leaves before. What is not
//! held is below the partition's [`Horizon`]: whoever needs it asks the database until that is past it, and nothing is lost.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use gavel_auctions::wire::Decision;
use gavel_domain::ItemId;
use gavel_log::TopicPartition;

use super::event::{DecisionKey, LiveEvent};
use super::horizon::Horizon;

/// The most events held, two or three kilobytes each.
const CAPACITY: usize = 20_000;

/// What the tail has read of one partition and the database may not have.
#[derive(Debug, Default)]
struct Lane {
    /// Everything below it is in the database. A rebuild takes it back.
    projected: u64,
    /// Every event from it on is held; what is below is perhaps in the database alone. Never goes back.
    held_from: u64,
    events: VecDeque<Arc<LiveEvent>>,
}

/// The window.
#[derive(Debug)]
pub(super) struct Window {
    capacity: usize,
    count: usize,
    lanes: HashMap<TopicPartition, Lane>,
    /// Public events by item and sequence.
    items: HashMap<ItemId, BTreeMap<u64, Arc<LiveEvent>>>,
    receipts: HashMap<DecisionKey, Arc<LiveEvent>>,
}

impl Default for Window {
    fn default() -> Self {
        Self::with_capacity(CAPACITY)
    }
}

impl Window {
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self { capacity, count: 0, lanes: HashMap::new(), items: HashMap::new(), receipts: HashMap::new() }
    }

    /// Takes an event in, unless the database has it already.
    pub(super) fn insert(&mut self, event: &Arc<LiveEvent>) {
        let lane = self.lanes.entry(event.partition.clone()).or_default();
        if event.offset < lane.projected {
            return;
        }
        lane.events.push_back(Arc::clone(event));
        let oldest = if self.count == self.capacity { lane.events.pop_front() } else { None };
        if let Some(oldest) = &oldest {
            lane.held_from = lane.held_from.max(oldest.offset + 1);
        }
        self.count += 1;
        if let Some(sequence) = event.sequence() {
            self.items.entry(event.item_id()).or_default().insert(sequence, Arc::clone(event));
        }
        if let Some(key) = event.key() {
            let is_copy = event.receipt().is_some_and(|receipt| receipt.record.decision == Decision::Duplicate);
            if !is_copy || !self.receipts.contains_key(&key) {
                self.receipts.insert(key, Arc::clone(event));
            }
        }
        if let Some(oldest) = oldest {
            self.forget(&oldest);
        }
    }

    /// The database now has everything of a partition below `next`: less than before, if it is being rebuilt.
    pub(super) fn projected(&mut self, partition: &TopicPartition, next: u64) {
        let lane = match self.lanes.get_mut(partition) {
            Some(lane) => lane,
            None => self.lanes.entry(partition.clone()).or_default(),
        };
        lane.projected = next;
        lane.held_from = lane.held_from.max(next);
        let leaving = lane.events.partition_point(|event| event.offset < next);
        let leaving: Vec<_> = lane.events.drain(..leaving).collect();
        leaving.iter().for_each(|event| self.forget(event));
    }

    /// The partitions that are known.
    pub(super) fn partitions(&self) -> Vec<TopicPartition> {
        self.lanes.keys().cloned().collect()
    }

    /// Below what nothing of these topics is held.
    pub(super) fn horizon(&self, topics: &[&str]) -> Horizon {
        let lanes =
            self.lanes.iter().filter(|(partition, lane)| lane.held_from > 0 && topics.contains(&&*partition.topic));
        lanes.map(|(partition, lane)| (partition.clone(), lane.held_from)).collect()
    }

    fn forget(&mut self, event: &Arc<LiveEvent>) {
        self.count -= 1;
        if let Some(events) = self.items.get_mut(&event.item_id()) {
            if let Some(sequence) = event.sequence() {
                events.remove(&sequence);
            }
            if events.is_empty() {
                self.items.remove(&event.item_id());
            }
        }
        if let Some(key) = event.key()
            && self.receipts.get(&key).is_some_and(|kept| Arc::ptr_eq(kept, event))
        {
            self.receipts.remove(&key);
        }
    }

    /// The public events of an item after a sequence, in order.
    pub(super) fn after(&self, item_id: ItemId, after: u64) -> Vec<Arc<LiveEvent>> {
        let events = self.items.get(&item_id).into_iter();
        events.flat_map(|events| events.range(after.saturating_add(1)..)).map(|(_, event)| Arc::clone(event)).collect()
    }

    /// The decision on a command.
    pub(super) fn receipt(&self, key: DecisionKey) -> Option<Arc<LiveEvent>> {
        self.receipts.get(&key).cloned()
    }

    /// How many events are held.
    pub(super) fn len(&self) -> usize {
        self.count
    }
}
