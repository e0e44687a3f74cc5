//! What passes is waited for without end; after a failure that no wait mends, a bug among them, the projector begins again a few
//! times, and nothing is lost or doubled.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gavel_log::{
    Consumer, Created, GroupConfig, Log, LogError, Producer, Result, TopicPartition, TopicSpec, TransactionalProducer,
    Watermarks,
};
use gavel_readmodel::ProjectorConfig;
use gavel_streams::runtime::Restarts;

use crate::databases::{TestDatabase, on_both};
use crate::house::{House, id, item};

const NEVER: Restarts = Restarts { most: 0, within: Duration::from_secs(600), first_pause: Duration::ZERO };
const TWICE: Restarts = Restarts { most: 2, ..NEVER };

on_both! {
    a_projector_that_panics_begins_again
    a_projector_that_keeps_failing_stays_down_and_says_why
    a_log_that_is_away_is_waited_for_however_often_it_fails
}

async fn a_projector_that_panics_begins_again(fresh: &TestDatabase) {
    let mut house = House::open(fresh).await;
    house.list(&item(1, "A lot")).await;
    house.log = Failing::times(2, house.log, || panic!("a bug"));

    let projector = house.start_projector_with(restarted(TWICE));
    house.settle().await;
    let status = projector.stop().await;

    assert_eq!((status.projected, status.failures, status.stays_down), (1, 2, None));
    assert!(house.database.item(id(1)).await.unwrap().is_some());
}

async fn a_projector_that_keeps_failing_stays_down_and_says_why(fresh: &TestDatabase) {
    let mut house = House::open(fresh).await;
    house.list(&item(1, "A lot")).await;
    house.log = Failing::times(3, house.log, || LogError::Corrupt("a flipped bit".into()));

    let projector = house.start_projector_with(restarted(TWICE));
    while projector.status().is_running {
        tokio::task::yield_now().await;
    }
    let status = projector.stop().await;

    assert_eq!((status.projected, status.failures, status.is_failing), (0, 3, true));
    let reason = "they stay down after too many restarts: the log is damaged: a flipped bit";
    assert_eq!(status.stays_down.as_deref(), Some(reason));
}

async fn a_log_that_is_away_is_waited_for_however_often_it_fails(fresh: &TestDatabase) {
    let mut house = House::open(fresh).await;
    house.list(&item(1, "A lot")).await;
    house.log = Failing::times(3, house.log, || LogError::Unavailable("it sleeps".into()));

    let projector = house.start_projector_with(restarted(NEVER));
    house.settle().await;
    let status = projector.stop().await;

    assert_eq!((status.projected, status.failures, status.stays_down), (1, 3, None));
}

fn restarted(restarts: Restarts) -> ProjectorConfig {
    ProjectorConfig { restarts, ..ProjectorConfig::default() }
}

/// A log that fails when it is asked for a consumer, so many times.
struct Failing {
    log: Arc<dyn Log>,
    left: AtomicU64,
    failure: fn() -> LogError,
}

impl Failing {
    fn times(left: u64, log: Arc<dyn Log>, failure: fn() -> LogError) -> Arc<dyn Log> {
        Arc::new(Self { log, left: AtomicU64::new(left), failure })
    }
}

impl Log for Failing {
    fn consumer(&self, group: Option<&GroupConfig>) -> Result<Box<dyn Consumer>> {
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Ok(_) => Err((self.failure)()),
            Err(_) => self.log.consumer(group),
        }
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
