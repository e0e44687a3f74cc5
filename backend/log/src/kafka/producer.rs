//! The idempotent producer of single records.

use std::time::{Duration, Instant};

use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header as KafkaHeader, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Message};
use tokio::sync::oneshot;

use super::client::{base_config, number, offset, write_error, write_log};
use super::error::{RECORD_BYTES_MAX, log_error};
use crate::port::{Appended, Delivery, LogError, NewRecord, Producer, Result};

/// How long a record may wait for the broker before it is refused, in milliseconds: less than the 5 s after which a
/// request gives up, so that what is told to have failed is not sent later.
const DELIVERY_TIMEOUT_MS: &str = "4000";

type Answer = oneshot::Sender<Result<Appended>>;

/// Settings of every producer.
pub(super) fn producer_config(bootstrap: &str) -> ClientConfig {
    let mut config = base_config(bootstrap);
    config
        .set("partitioner", "murmur2_random")
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("message.max.bytes", RECORD_BYTES_MAX.to_string())
        .set("queue.buffering.max.messages", "200000")
        .set("queue.buffering.max.kbytes", "131072");
    config
}

/// The record as librdkafka takes it.
///
/// # Errors
/// `RecordTooLarge`, with its true size.
pub(super) fn to_kafka<D: rdkafka::util::IntoOpaque>(
    record: &NewRecord,
    opaque: D,
) -> Result<BaseRecord<'_, [u8], [u8], D>> {
    let size_bytes =
        record.key.as_ref().map_or(0, bytes::Bytes::len) + record.value.as_ref().map_or(0, bytes::Bytes::len);
    if size_bytes > RECORD_BYTES_MAX {
        return Err(LogError::RecordTooLarge { size_bytes, limit_bytes: RECORD_BYTES_MAX });
    }
    let mut message = BaseRecord::with_opaque_to(&record.topic, opaque);
    if let Some(partition) = record.partition {
        message = message.partition(number(partition)?);
    }
    if let Some(key) = &record.key {
        message = message.key(&key[..]);
    }
    if let Some(value) = &record.value {
        message = message.payload(&value[..]);
    }
    if !record.headers.is_empty() {
        let headers = OwnedHeaders::new_with_capacity(record.headers.len());
        let headers = record.headers.iter().fold(headers, |headers, header| {
            headers.insert(KafkaHeader { key: &header.name, value: Some(&header.value[..]) })
        });
        message = message.headers(headers);
    }
    Ok(message)
}

/// Gives each record's sender its answer.
struct Deliveries;

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        write_log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        write_error(&error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<Answer>;

    fn delivery(&self, result: &DeliveryResult<'_>, answer: Box<Answer>) {
        let appended = match result {
            Ok(message) => Ok(Appended {
                partition: u32::try_from(message.partition()).unwrap_or(0),
                offset: offset(message.offset()),
                append_ms: message.timestamp().to_millis().unwrap_or(0),
            }),
            Err((error, message)) => Err(log_error(error, message.topic())),
        };
        // Whoever stopped waiting needs no answer.
        let _ = answer.send(appended);
    }
}

/// See [`Producer`].
pub(super) struct KafkaProducer(ThreadedProducer<Deliveries>);

impl KafkaProducer {
    pub(super) fn connect(bootstrap: &str) -> Result<Self> {
        let mut config = producer_config(bootstrap);
        config.set("linger.ms", "0").set("message.timeout.ms", DELIVERY_TIMEOUT_MS);
        config.create_with_context(Deliveries).map(Self).map_err(|error| log_error(&error, ""))
    }
}

impl Producer for KafkaProducer {
    fn send(&self, record: NewRecord) -> Delivery {
        let (answer, delivery) = oneshot::channel();
        let answer = Box::new(answer);
        // The answer goes into the record, and comes back if the record is refused at once.
        match to_kafka(&record, answer) {
            Err(error) => return refused(error),
            Ok(message) => {
                if let Err((error, message)) = self.0.send(message) {
                    let error = match error.rdkafka_error_code() {
                        Some(RDKafkaErrorCode::QueueFull) => LogError::Unavailable("too much waits to be sent".into()),
                        _ => log_error(&error, &record.topic),
                    };
                    let _ = message.delivery_opaque.send(Err(error));
                }
            }
        }
        Delivery(delivery)
    }

    fn flush(&self, timeout: Duration) -> Result<()> {
        let deadline = Instant::now() + timeout;
        self.0.flush(deadline.saturating_duration_since(Instant::now())).map_err(|error| log_error(&error, ""))
    }
}

fn refused(error: LogError) -> Delivery {
    let (answer, delivery) = oneshot::channel();
    let _ = answer.send(Err(error));
    Delivery(delivery)
}
