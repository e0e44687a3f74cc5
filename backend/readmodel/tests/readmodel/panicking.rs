//! A bug is borne like a failure: the projector begins again, and nothing is lost or doubled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gavel_log::{
    Consumer, Created, GroupConfig, Log, Producer, Result, TopicPartition, TopicSpec, TransactionalProducer, Watermarks,
};

use crate::databases::{TestDatabase, on_both};
use crate::house::{House, id, item};

on_both! {
    a_projector_that_panics_begins_again
}

async fn a_projector_that_panics_begins_again(fresh: &TestDatabase) {
    let mut house = House::open(fresh).await;
    house.list(&item(1, "A lot")).await;
    house.log = Arc::new(Panicky { log: house.log, panics: AtomicU64::new(2) });

    let projector = house.start_projector();
    house.settle().await;
    let status = projector.stop().await;

    assert_eq!((status.projected, status.failures), (1, 2));
    assert!(house.database.item(id(1)).await.unwrap().is_some());
}

/// A log that panics when it is asked for a consumer, so many times.
struct Panicky {
    log: Arc<dyn Log>,
    panics: AtomicU64,
}

impl Log for Panicky {
    fn consumer(&self, group: Option<&GroupConfig>) -> Result<Box<dyn Consumer>> {
        let left = self.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(left.is_err(), "a bug");
        self.log.consumer(group)
    }

    fn id(&self) -> Result<String> {
        self.log.id()
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Created> {
        self.log.create_topic(spec)
    }

    fn describe_topic(&self, topic: &str) -> Result<TopicSpec> {
        self.log.describe_topic(topic)
    }

    fn topics(&self) -> Result<Vec<String>> {
        self.log.topics()
    }

    fn watermarks(&self, partition: &TopicPartition) -> Result<Watermarks> {
        self.log.watermarks(partition)
    }

    fn committed(&self, group: &str, partitions: &[TopicPartition]) -> Result<Vec<Option<u64>>> {
        self.log.committed(group, partitions)
    }

    fn delete_records(&self, partition: &TopicPartition, before: u64) -> Result<()> {
        self.log.delete_records(partition, before)
    }

    fn clean(&self) -> Result<()> {
        self.log.clean()
    }

    fn producer(&self) -> Result<Arc<dyn Producer>> {
        self.log.producer()
    }

    fn transactional_producer(&self, transactional_id: &str) -> Result<Box<dyn TransactionalProducer>> {
        self.log.transactional_producer(transactional_id)
    }
}
