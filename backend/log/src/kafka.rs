//! The Kafka adapter, on librdkafka.
//!
//! [`KafkaLog`] holds the connections that everybody shares: one for administration and two that only ask for offsets.
//! Producers and consumers have connections of their own. Nothing of rdkafka is public.

mod admin;
mod client;
mod closing;
mod consumer;
mod departure;
mod error;
mod producer;
mod reader_config;
mod rebalances;
mod record;
mod takeover;
mod transactional;

use std::sync::Arc;
use std::time::Duration;

use rdkafka::Offset;
use rdkafka::admin::AdminClient;
use rdkafka::consumer::BaseConsumer;

use crate::port::{
    Consumer, Created, GroupConfig, Log, LogError, Producer, Result, TopicPartition, TopicSpec, TransactionalProducer,
    Watermarks,
};
use client::{Callbacks, base_config, create};
use consumer::KafkaConsumer;
use producer::KafkaProducer;
use transactional::KafkaTransactionalProducer;

/// How Kafka is used.
#[derive(Debug, Clone)]
pub struct KafkaOptions {
    /// Replicas of each topic that is created; `-1` is the broker's default.
    pub replication_factor: i32,
    /// How long any one question to the brokers may take.
    pub request_timeout: Duration,
    /// After how long the broker aborts the transaction of a producer that has fallen silent.
    pub transaction_timeout: Duration,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        Self {
            replication_factor: -1,
            request_timeout: Duration::from_secs(10),
            transaction_timeout: Duration::from_secs(10),
        }
    }
}

/// Apache Kafka.
pub struct KafkaLog {
    bootstrap: String,
    options: KafkaOptions,
    admin: AdminClient<Callbacks>,
    /// Asks for the end that a reader of committed records reaches.
    committed_reader: Arc<BaseConsumer<Callbacks>>,
    /// Asks for the end that the next append gets.
    uncommitted_reader: BaseConsumer<Callbacks>,
    askers: takeover::Askers,
}

impl KafkaLog {
    /// Connects to a cluster by some of its brokers, `HOST:PORT,…`.
    ///
    /// # Errors
    /// `Unavailable` when none answers in time.
    pub fn connect(bootstrap: &str, options: KafkaOptions) -> Result<Arc<Self>> {
        let reader = |isolation: &str| {
            let mut config = base_config(bootstrap);
            config
                .set("isolation.level", isolation)
                .set("group.id", "gavel.offsets")
                .set("enable.auto.commit", "false");
            create::<BaseConsumer<Callbacks>>(&config)
        };
        let log = Self {
            bootstrap: bootstrap.to_owned(),
            admin: create(&base_config(bootstrap))?,
            committed_reader: Arc::new(reader("read_committed")?),
            uncommitted_reader: reader("read_uncommitted")?,
            askers: takeover::Askers::default(),
            options,
        };
        // Metadata of the cluster alone: to name a topic might create it.
        log.topics()?;
        Ok(Arc::new(log))
    }
}

impl Log for KafkaLog {
    fn id(&self) -> Result<String> {
        let id = self.admin.inner().fetch_cluster_id(self.options.request_timeout);
        id.ok_or_else(|| LogError::Unavailable("the cluster does not say its id".into()))
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Created> {
        admin::create_topic(self, spec)
    }

    fn describe_topic(&self, topic: &str) -> Result<TopicSpec> {
        admin::describe_topic(self, topic)
    }

    fn topics(&self) -> Result<Vec<String>> {
        admin::topics(self)
    }

    fn watermarks(&self, partition: &TopicPartition) -> Result<Watermarks> {
        let timeout = self.options.request_timeout;
        let ask = |reader, end| client::ask_end(reader, partition, end, timeout);
        Ok(Watermarks {
            low: ask(&self.uncommitted_reader, Offset::Beginning)?,
            stable_end: ask(&self.committed_reader, Offset::End)?,
            end: ask(&self.uncommitted_reader, Offset::End)?,
        })
    }

    fn stable_end(&self, partition: &TopicPartition) -> Result<u64> {
        client::ask_end(&self.committed_reader, partition, Offset::End, self.options.request_timeout)
    }

    fn stable_ends(&self, partitions: &[TopicPartition]) -> Vec<Result<u64>> {
        client::ask_ends(&self.committed_reader, partitions, Offset::End, self.options.request_timeout)
    }

    fn end(&self, partition: &TopicPartition) -> Result<u64> {
        client::ask_end(&self.uncommitted_reader, partition, Offset::End, self.options.request_timeout)
    }

    fn committed(&self, group: &str, partitions: &[TopicPartition]) -> Result<Vec<Option<u64>>> {
        takeover::committed(self, group, partitions)
    }

    fn take_over(&self, group: &str, partitions: &[TopicPartition], owner: &str) -> Result<Vec<Option<u64>>> {
        takeover::take_over(self, group, partitions, owner)
    }

    fn delete_records(&self, partition: &TopicPartition, before: u64) -> Result<()> {
        admin::delete_records(self, partition, before)
    }

    fn clean(&self) -> Result<()> {
        Ok(())
    }

    fn producer(&self) -> Result<Arc<dyn Producer>> {
        Ok(Arc::new(KafkaProducer::connect(self.bootstrap.clone())?))
    }

    fn transactional_producer(&self, transactional_id: &str) -> Result<Box<dyn TransactionalProducer>> {
        Ok(Box::new(KafkaTransactionalProducer::connect(&self.bootstrap, transactional_id, &self.options)?))
    }

    fn consumer(&self, group: Option<&GroupConfig>) -> Result<Box<dyn Consumer>> {
        Ok(Box::new(KafkaConsumer::connect(&self.bootstrap, group, &self.options, Arc::clone(&self.committed_reader))?))
    }
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;
    use crate::port::Start;

    #[test]
    fn an_answer_about_offsets_that_is_an_error_is_not_nothing_committed() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let log = KafkaLog::connect(&cluster.bootstrap_servers(), KafkaOptions::default()).unwrap();
        let partitions = [TopicPartition::new("t", 0)];
        assert_eq!(log.committed("g", &partitions).unwrap(), [None]);
        let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
        cluster.request_errors(RDKafkaApiKey::OffsetFetch, &[refusal; 20]);
        let error = log.committed("g", &partitions).unwrap_err();
        assert!(matches!(error, LogError::Unavailable(_)), "{error}");
    }

    #[test]
    fn a_topic_without_a_leader_now_is_not_unknown() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 3, 1).unwrap();
        let log = KafkaLog::connect(&cluster.bootstrap_servers(), KafkaOptions::default()).unwrap();
        cluster.topic_error("t", RDKafkaRespErr::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE).unwrap();
        let error = log.describe_topic("t").unwrap_err();
        assert!(matches!(error, LogError::Unavailable(_)), "{error}");
        assert!(matches!(log.describe_topic("none").unwrap_err(), LogError::UnknownTopic(_)));
    }

    /// Where the group had committed is known late; what is told the consumer meanwhile waits for it.
    #[test]
    fn a_seek_waits_until_its_assignment_has_begun() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let log = KafkaLog::connect(&cluster.bootstrap_servers(), KafkaOptions::default()).unwrap();
        let not_yet = RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT;
        cluster.request_errors(RDKafkaApiKey::OffsetFetch, &[not_yet; 3]);
        let group = GroupConfig { group: "g".into(), instance: None, session_timeout: Duration::from_secs(6) };
        let mut consumer = log.consumer(Some(&group)).unwrap();
        consumer.subscribe(&["t"]).unwrap();
        let partition = TopicPartition::new("t", 0);
        while consumer.poll(&mut Vec::new(), 1, Duration::from_secs(1)).unwrap().is_empty() {}
        consumer.pause(std::slice::from_ref(&partition)).unwrap();
        consumer.seek(&partition, Start::Offset(0)).unwrap();
        consumer.resume(std::slice::from_ref(&partition)).unwrap();
        assert_eq!(consumer.position(&partition).unwrap(), 0);
    }
}
