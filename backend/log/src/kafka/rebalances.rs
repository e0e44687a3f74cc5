//! What librdkafka calls back with: a group's rebalances, noted for the poll inside which they happen.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::types::RDKafkaRespErr;

use super::client::tells_the_log;
use crate::port::{GroupEvent, TopicPartition};

/// The rebalances that a poll has yet to tell of.
#[derive(Default)]
pub(super) struct Rebalances {
    events: Mutex<VecDeque<GroupEvent>>,
    is_closing: AtomicBool,
}

impl Rebalances {
    /// All of them, in order.
    pub(super) fn take(&self) -> Vec<GroupEvent> {
        self.events().drain(..).collect()
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.events().is_empty()
    }

    /// From now on nothing is assigned: see [`super::closing`].
    pub(super) fn close(&self) {
        self.is_closing.store(true, Ordering::Relaxed);
    }

    fn events(&self) -> MutexGuard<'_, VecDeque<GroupEvent>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

tells_the_log!(Rebalances);

impl ConsumerContext for Rebalances {
    /// All partitions are given back before any are assigned: that is how the `range` assignor goes. What goes wrong here, the
    /// consumer tells.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, what: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let partitions = partitions_of(list);
        let event = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            if self.is_closing.load(Ordering::Relaxed) {
                return;
            }
            drop(consumer.assign(list));
            GroupEvent::Assigned(partitions)
        } else {
            drop(consumer.unassign());
            GroupEvent::Revoked(partitions)
        };
        self.events().push_back(event);
    }
}

fn partitions_of(list: &TopicPartitionList) -> Vec<TopicPartition> {
    let named = |topic: &str, partition: i32| TopicPartition::new(topic, u32::try_from(partition).unwrap_or(0));
    list.elements().iter().map(|element| named(element.topic(), element.partition())).collect()
}
