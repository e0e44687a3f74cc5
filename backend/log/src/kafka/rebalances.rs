//! What librdkafka calls back with: a group's rebalances, noted for the poll inside which they happen.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, ConsumerContext, Rebalance};

use super::client::tells_the_log;
use crate::port::{GroupEvent, TopicPartition};

/// The rebalances that a poll has yet to tell of.
#[derive(Default)]
pub(super) struct Rebalances(Mutex<VecDeque<GroupEvent>>);

impl Rebalances {
    /// All of them, in order.
    pub(super) fn take(&self) -> Vec<GroupEvent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

tells_the_log!(Rebalances);

impl ConsumerContext for Rebalances {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        let event = match rebalance {
            Rebalance::Assign(list) => GroupEvent::Assigned(partitions_of(list)),
            Rebalance::Revoke(list) => GroupEvent::Revoked(partitions_of(list)),
            Rebalance::Error(_) => return,
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(event);
    }
}

fn partitions_of(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let named = |topic: &str, partition: i32| TopicPartition::new(topic, u32::try_from(partition).unwrap_or(0));
    list.elements().iter().map(|element| named(element.topic(), element.partition())).collect()
}
