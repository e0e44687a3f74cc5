//! The idempotent producer of single records.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use rdkafka::Message;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use tokio::sync::oneshot;

use super::client::{base_config, offset, tells_the_log};
use super::error::{log_error, record_error};
use super::record::{size_bytes, to_kafka};
use crate::port::{Appended, Delivery, LogError, NewRecord, Producer, RECORD_BYTES_MAX, Result};

/// How long a record may wait for the broker before it is refused, in milliseconds: less than the 5 s after which a
/// request gives up, so that what is told to have failed is not sent later.
const DELIVERY_TIMEOUT_MS: &str = "4000";

/// Kafka's default for what a broker takes at once: room for the largest record and its frame.
const BATCH_BYTES_MAX: usize = 1 << 20;
const _: () = assert!(RECORD_BYTES_MAX + (16 << 10) < BATCH_BYTES_MAX);

type Answer = oneshot::Sender<Result<Appended>>;
type Outgoing<'a> = BaseRecord<'a, [u8], [u8], Box<Answer>>;

/// Settings of every producer.
pub(super) fn producer_config(bootstrap: &str) -> ClientConfig {
    let mut config = base_config(bootstrap);
    config
        .set("partitioner", "murmur2_random")
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.max.bytes", BATCH_BYTES_MAX.to_string())
        .set("queue.buffering.max.messages", "200000")
        .set("queue.buffering.max.kbytes", "131072");
    config
}

/// Gives each record's sender its answer.
struct Deliveries;

tells_the_log!(Deliveries);

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Answer>;

    fn delivery(&self, result: &DeliveryResult<'_>, answer: Box<Answer>) {
        let appended = match result {
            Ok(message) => Ok(Appended {
                partition: u32::try_from(message.partition()).unwrap_or(0),
                offset: offset(message.offset()),
                append_ms: message.timestamp().to_millis().unwrap_or(0),
            }),
            Err((error, message)) => Err(record_error(error, message.topic(), size_bytes(message))),
        };
        // Whoever stopped waiting needs no answer.
        let _ = answer.send(appended);
    }
}

/// See [`Producer`].
pub(super) struct KafkaProducer {
    bootstrap: String,
    present: RwLock<ThreadedProducer<Deliveries>>,
}

impl KafkaProducer {
    pub(super) fn connect(bootstrap: String) -> Result<Self> {
        let present = RwLock::new(connected(&bootstrap)?);
        Ok(Self { bootstrap, present })
    }

    fn present(&self) -> ThreadedProducer<Deliveries> {
        self.present.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// librdkafka gives up an idempotent producer that lost its place in a partition. Nothing depends on that place but
    /// the records it holds, which are refused: a new one goes on.
    fn revive(&self) -> Result<ThreadedProducer<Deliveries>> {
        let mut present = self.present.write().unwrap_or_else(PoisonError::into_inner);
        if let Some((code, reason)) = present.client().fatal_error() {
            tracing::warn!(%code, reason, "a producer was given up; a new one takes its place");
            *present = connected(&self.bootstrap)?;
        }
        Ok(present.clone())
    }

    /// What is refused at once comes back.
    fn hand_over<'a>(&self, message: Outgoing<'a>) -> Option<(KafkaError, Outgoing<'a>)> {
        let (error, message) = self.present().send(message).err()?;
        match error {
            KafkaError::MessageProduction(RDKafkaErrorCode::Fatal) => match self.revive() {
                Ok(revived) => revived.send(message).err(),
                Err(_) => Some((error, message)),
            },
            error => Some((error, message)),
        }
    }
}

impl Producer for KafkaProducer {
    fn send(&self, record: NewRecord) -> Delivery {
        let (answer, delivery) = oneshot::channel();
        // The answer goes into the record, and comes back if the record is refused at once.
        let message = match to_kafka(&record, Box::new(answer)) {
            Ok(message) => message,
            Err(error) => return refused(error),
        };
        if let Some((error, message)) = self.hand_over(message) {
            let error = match error.rdkafka_error_code() {
                Some(RDKafkaErrorCode::QueueFull) => LogError::Unavailable("too much waits to be sent".into()),
                _ => record_error(&error, &record.topic, record.size_bytes()),
            };
            // Whoever stopped waiting needs no answer.
            let _ = message.delivery_opaque.send(Err(error));
        }
        Delivery(delivery)
    }

    fn flush(&self, timeout: Duration) -> Result<()> {
        self.present().flush(timeout).map_err(|error| log_error(&error, ""))
    }
}

fn connected(bootstrap: &str) -> Result<ThreadedProducer<Deliveries>> {
    let mut config = producer_config(bootstrap);
    config.set("linger.ms", "0").set("message.timeout.ms", DELIVERY_TIMEOUT_MS);
    config.create_with_context(Deliveries).map_err(|error| log_error(&error, ""))
}

fn refused(error: LogError) -> Delivery {
    let (answer, delivery) = oneshot::channel();
    let _ = answer.send(Err(error));
    Delivery(delivery)
}

#[cfg(test)]
mod tests {
    use rdkafka::mocking::MockCluster;
    use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

    use super::*;

    #[test]
    fn a_dead_producer_is_replaced() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("t", 1, 1).unwrap();
        let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
        cluster.request_errors(RDKafkaApiKey::InitProducerId, &[refusal]);
        let producer = KafkaProducer::connect(cluster.bootstrap_servers()).unwrap();
        let send = || producer.send(NewRecord { topic: "t".into(), ..NewRecord::default() }).wait();
        let dies = send().unwrap_err();
        assert!(matches!(dies, LogError::Unavailable(_)), "{dies}");
        assert!(producer.present().client().fatal_error().is_some());
        send().unwrap();
    }
}
