//! The Kafka adapter, on librdkafka.
//!
//! [`KafkaLog`] holds the connections that everybody shares: one for administration and two that only ask for offsets.
//! Producers and consumers have connections of their own. Nothing of rdkafka is public.

mod admin;
mod client;
mod consumer;
mod error;
mod producer;
mod transactional;

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::AdminClient;
use rdkafka::consumer::{BaseConsumer, Consumer as _};

use crate::port::{
    Consumer, Created, GroupConfig, Log, Producer, Result, TopicPartition, TopicSpec, TransactionalProducer, Watermarks,
};
use client::{Callbacks, base_config, create};
use consumer::KafkaConsumer;
use error::log_error;
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
    committed_reader: BaseConsumer<Callbacks>,
    /// Asks for the end that the next append gets.
    uncommitted_reader: BaseConsumer<Callbacks>,
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
            committed_reader: reader("read_committed")?,
            uncommitted_reader: reader("read_uncommitted")?,
            options,
        };
        // Metadata of the cluster alone: to name a topic might create it.
        log.topics()?;
        Ok(Arc::new(log))
    }
}

impl Log for KafkaLog {
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
        let number = client::number(partition.partition)?;
        let ask = |reader: &BaseConsumer<Callbacks>| {
            reader
                .fetch_watermarks(&partition.topic, number, self.options.request_timeout)
                .map_err(|error| log_error(&error, &partition.topic))
        };
        let (low, end) = ask(&self.uncommitted_reader)?;
        let (_, stable_end) = ask(&self.committed_reader)?;
        Ok(Watermarks { low: client::offset(low), stable_end: client::offset(stable_end), end: client::offset(end) })
    }

    fn committed(&self, group: &str, partitions: &[TopicPartition]) -> Result<Vec<Option<u64>>> {
        let mut config = base_config(&self.bootstrap);
        // Only decided offsets: those of an open transaction are waited for.
        config.set("group.id", group).set("isolation.level", "read_committed").set("enable.auto.commit", "false");
        let member: BaseConsumer<Callbacks> = create(&config)?;
        let list = client::partition_list(partitions)?;
        let found =
            member.committed_offsets(list, self.options.request_timeout).map_err(|error| log_error(&error, group))?;
        let committed = |partition: &TopicPartition| {
            let element = found.find_partition(&partition.topic, client::number(partition.partition).ok()?)?;
            client::known_offset(element.offset())
        };
        Ok(partitions.iter().map(committed).collect())
    }

    fn delete_records(&self, partition: &TopicPartition, before: u64) -> Result<()> {
        admin::delete_records(self, partition, before)
    }

    fn clean(&self) -> Result<()> {
        Ok(())
    }

    fn producer(&self) -> Result<Arc<dyn Producer>> {
        Ok(Arc::new(KafkaProducer::connect(&self.bootstrap)?))
    }

    fn transactional_producer(&self, transactional_id: &str) -> Result<Box<dyn TransactionalProducer>> {
        Ok(Box::new(KafkaTransactionalProducer::connect(&self.bootstrap, transactional_id, &self.options)?))
    }

    fn consumer(&self, group: Option<&GroupConfig>) -> Result<Box<dyn Consumer>> {
        Ok(Box::new(KafkaConsumer::connect(&self.bootstrap, group, &self.options)?))
    }
}
