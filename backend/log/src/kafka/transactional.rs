//! The transactional producer. Its calls block, and belong on the thread of the unit of work.

use std::time::{Duration, Instant};

use rdkafka::TopicPartitionList;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer as _};

use super::KafkaOptions;
use super::client::{number, raw_offset};
use super::error::log_error;
use super::producer::{producer_config, to_kafka};
use crate::port::{ConsumedOffset, GroupMetadata, LogError, NewRecord, Result, TransactionalProducer};

/// How long delivery reports are waited for while the queue is full.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);

/// See [`TransactionalProducer`].
pub(super) struct KafkaTransactionalProducer {
    producer: BaseProducer<DefaultProducerContext>,
    timeout: Duration,
}

impl KafkaTransactionalProducer {
    pub(super) fn connect(bootstrap: &str, transactional_id: &str, options: &KafkaOptions) -> Result<Self> {
        let mut config = producer_config(bootstrap);
        let timeout_ms = options.transaction_timeout.as_millis().to_string();
        config
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", &timeout_ms)
            .set("message.timeout.ms", &timeout_ms)
            // A unit of work fills its batches at once; waiting for more would only add to its commit.
            .set("linger.ms", "0")
            .set("batch.size", "1000000")
            .set("batch.num.messages", "100000")
            .set("compression.type", "lz4");
        let producer: BaseProducer = config.create().map_err(|error| log_error(&error, ""))?;
        producer.init_transactions(options.request_timeout).map_err(|error| log_error(&error, ""))?;
        Ok(Self { producer, timeout: options.request_timeout })
    }

    /// Waits for room in the queue, no longer than a request may take.
    fn send_when_there_is_room(&self, record: &NewRecord) -> Result<()> {
        let deadline = Instant::now() + self.timeout;
        let mut message = to_kafka(record, ())?;
        loop {
            match self.producer.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if Instant::now() < deadline =>
                {
                    self.producer.poll(QUEUE_FULL_PAUSE);
                    message = back;
                }
                Err((error, _)) => return Err(log_error(&error, &record.topic)),
            }
        }
    }
}

impl TransactionalProducer for KafkaTransactionalProducer {
    fn begin(&mut self) -> Result<()> {
        self.producer.begin_transaction().map_err(|error| log_error(&error, ""))
    }

    fn send(&mut self, record: NewRecord) -> Result<()> {
        self.send_when_there_is_room(&record)
    }

    fn send_offsets(&mut self, offsets: &[ConsumedOffset], group: &GroupMetadata) -> Result<()> {
        let Some(metadata) = group.0.downcast_ref::<ConsumerGroupMetadata>() else {
            return Err(LogError::Misuse("this proof of membership is of another log".into()));
        };
        let mut list = TopicPartitionList::with_capacity(offsets.len());
        for ConsumedOffset { partition, next } in offsets {
            list.add_partition_offset(&partition.topic, number(partition.partition)?, raw_offset(*next)?)
                .map_err(|error| log_error(&error, &partition.topic))?;
        }
        self.producer.send_offsets_to_transaction(&list, metadata, self.timeout).map_err(|error| log_error(&error, ""))
    }

    fn commit(&mut self) -> Result<()> {
        self.producer.commit_transaction(self.timeout).map_err(|error| log_error(&error, ""))
    }

    fn abort(&mut self) -> Result<()> {
        self.producer.abort_transaction(self.timeout).map_err(|error| log_error(&error, ""))
    }
}
