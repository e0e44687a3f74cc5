//! The transactional producer. Its calls block, and belong on the thread of the unit of work.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer as _};

use super::KafkaOptions;
use super::client::{SOCKET_TIMEOUT_MS, consumed_list};
use super::error::{log_error, record_error};
use super::producer::producer_config;
use super::record::to_kafka;
use crate::port::{ConsumedOffset, GroupMetadata, LogError, NewRecord, Result, TransactionalProducer};

/// How long delivery reports are waited for while the queue is full.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);

/// How often a delivery that is waited for is asked whether it can still come.
const DELIVERY_STEP: Duration = Duration::from_millis(200);
/// How long one poll for deliveries takes: all of it, whatever comes, so it adds to every commit.
const DELIVERY_POLL: Duration = Duration::from_millis(1);
/// The first patience with an abort, doubled with each attempt.
const ABORT_STEP: Duration = Duration::from_millis(10);

/// See [`TransactionalProducer`].
pub(super) struct KafkaTransactionalProducer {
    producer: BaseProducer<DefaultProducerContext>,
    timeout: Duration,
    is_open: bool,
    /// Topics that exist: librdkafka tells of a missing one only later, and then the transaction is lost.
    known: HashSet<Arc<str>>,
}

impl KafkaTransactionalProducer {
    pub(super) fn connect(bootstrap: &str, transactional_id: &str, options: &KafkaOptions) -> Result<Self> {
        let mut config = producer_config(bootstrap);
        let timeout_ms = options.transaction_timeout.as_millis();
        config
            .set("transactional.id", transactional_id)
            .set("transaction.timeout.ms", timeout_ms.to_string())
            .set("message.timeout.ms", timeout_ms.to_string())
            .set("socket.timeout.ms", timeout_ms.min(SOCKET_TIMEOUT_MS).to_string())
            // A unit of work fills its batches at once; waiting for more would only add to its commit.
            .set("linger.ms", "0")
            .set("batch.size", "1000000")
            .set("batch.num.messages", "100000")
            .set("compression.type", "lz4");
        let producer: BaseProducer = config.create().map_err(|error| log_error(&error, ""))?;
        producer.init_transactions(options.request_timeout).map_err(|error| log_error(&error, ""))?;
        Ok(Self { producer, timeout: options.request_timeout, is_open: false, known: HashSet::new() })
    }

    /// Asks for all topics, for to name one might create it.
    fn require_topic(&mut self, topic: &Arc<str>) -> Result<()> {
        if self.known.contains(topic) {
            return Ok(());
        }
        let metadata = self.producer.client().fetch_metadata(None, self.timeout);
        let metadata = metadata.map_err(|error| log_error(&error, topic))?;
        self.known = metadata.topics().iter().map(|found| found.name().into()).collect();
        self.known.contains(topic).then_some(()).ok_or_else(|| LogError::UnknownTopic(topic.to_string()))
    }

    fn require_open(&self) -> Result<()> {
        self.is_open.then_some(()).ok_or_else(|| LogError::Misuse("no transaction is open".into()))
    }

    /// Waits until all records are delivered; not for those of a transaction that has failed, which never are.
    fn deliver(&self) -> Result<()> {
        let (begun, mut looked) = (Instant::now(), Instant::now());
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(DELIVERY_POLL);
            if looked.elapsed() > DELIVERY_STEP {
                self.require_well()?;
                looked = Instant::now();
            }
            if begun.elapsed() > self.timeout {
                return Err(LogError::Unavailable("records of the transaction were not delivered in time".into()));
            }
        }
        Ok(())
    }

    /// librdkafka tells how the open transaction does only in refusing: to begin another is refused because it is open,
    /// or because it has failed.
    fn require_well(&self) -> Result<()> {
        match self.producer.begin_transaction() {
            Err(KafkaError::Transaction(failure)) if failure.txn_requires_abort() || failure.is_fatal() => {
                Err(log_error(&KafkaError::Transaction(failure), ""))
            }
            _ => Ok(()),
        }
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
                Err((error, _)) => return Err(self.refusal(&error, record)),
            }
        }
    }

    /// Why a record was refused. An open transaction that takes no more has failed in the background.
    fn refusal(&self, error: &KafkaError, record: &NewRecord) -> LogError {
        if let Some((_, reason)) = self.producer.client().fatal_error() {
            return LogError::Fenced(reason);
        }
        match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::State) if self.is_open => {
                LogError::TransactionAborted("one of its records was refused, or it took too long".into())
            }
            _ => record_error(error, &record.topic, record.size_bytes()),
        }
    }
}

impl TransactionalProducer for KafkaTransactionalProducer {
    fn begin(&mut self) -> Result<()> {
        self.producer.begin_transaction().map_err(|error| log_error(&error, ""))?;
        self.is_open = true;
        Ok(())
    }

    fn send(&mut self, record: NewRecord) -> Result<()> {
        self.require_open()?;
        self.require_topic(&record.topic)?;
        self.send_when_there_is_room(&record)
    }

    fn send_offsets(&mut self, offsets: &[ConsumedOffset], group: &GroupMetadata) -> Result<()> {
        let Some(metadata) = group.0.downcast_ref::<ConsumerGroupMetadata>() else {
            return Err(LogError::Misuse("this proof of membership is of another log".into()));
        };
        let list = consumed_list(offsets)?;
        self.producer.send_offsets_to_transaction(&list, metadata, self.timeout).map_err(|error| log_error(&error, ""))
    }

    fn commit(&mut self) -> Result<()> {
        self.require_open()?;
        self.deliver()?;
        self.producer.commit_transaction(self.timeout).map_err(|error| log_error(&error, ""))?;
        self.is_open = false;
        Ok(())
    }

    /// librdkafka waits here for delivery reports that nobody takes while it waits: so it waits a little, and again.
    fn abort(&mut self) -> Result<()> {
        let deadline = Instant::now() + self.timeout;
        let mut wait = ABORT_STEP;
        loop {
            // What is not delivered by then, the abort drops.
            let _ = self.producer.flush(wait);
            match self.producer.abort_transaction(wait) {
                Err(KafkaError::Transaction(failure)) if failure.is_retriable() && Instant::now() < deadline => {
                    wait = (wait * 2).min(deadline.saturating_duration_since(Instant::now())).max(ABORT_STEP);
                }
                outcome => {
                    outcome.map_err(|error| log_error(&error, ""))?;
                    self.is_open = false;
                    return Ok(());
                }
            }
        }
    }
}
