//! Records between the port and librdkafka.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use rdkafka::Message;
use rdkafka::Timestamp;
use rdkafka::message::{BorrowedMessage, Header as KafkaHeader, Headers as _, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use rdkafka::util::IntoOpaque;

use super::client::{number, offset};
use crate::port::{Header, LogError, NewRecord, Record, Result};

/// The record as librdkafka takes it.
///
/// # Errors
/// `RecordTooLarge`.
pub(super) fn to_kafka<D: IntoOpaque>(record: &NewRecord, opaque: D) -> Result<BaseRecord<'_, [u8], [u8], D>> {
    record.check_size()?;
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

/// How much memory records are read into at a time.
const READ_BYTES: usize = 64 << 10;

/// Makes records of messages. Records share one name of each topic, and those read one after the other the memory of their keys
/// and values.
pub(super) struct Reader {
    topics: HashMap<String, Arc<str>>,
    /// Of the last record.
    topic: Arc<str>,
    memory: BytesMut,
}

impl Default for Reader {
    fn default() -> Self {
        Self { topics: HashMap::new(), topic: "".into(), memory: BytesMut::with_capacity(READ_BYTES) }
    }
}

impl Reader {
    /// The record of a message.
    ///
    /// # Errors
    /// `TopicDiffers` when the time it carries is not the broker's: time is an event, and must not be a client's word.
    pub(super) fn read(&mut self, message: &BorrowedMessage<'_>) -> Result<Record> {
        let Timestamp::LogAppendTime(append_ms) = message.timestamp() else {
            return Err(client_time(message.topic()));
        };
        Ok(Record {
            topic: self.topic(message.topic()),
            partition: u32::try_from(message.partition()).unwrap_or(0),
            offset: offset(message.offset()),
            append_ms,
            key: message.key().map(|key| self.copy(key)),
            value: message.payload().map(|value| self.copy(value)),
            headers: headers_of(message),
        })
    }

    fn copy(&mut self, bytes: &[u8]) -> Bytes {
        self.memory.put_slice(bytes);
        self.memory.split().freeze()
    }

    fn topic(&mut self, name: &str) -> Arc<str> {
        if *self.topic != *name {
            self.topic = Arc::clone(self.topics.entry(name.to_owned()).or_insert_with(|| name.into()));
        }
        Arc::clone(&self.topic)
    }
}

/// A topic whose records carry their clients' times.
pub(super) fn client_time(topic: &str) -> LogError {
    let difference = "its message.timestamp.type is not LogAppendTime".to_owned();
    LogError::TopicDiffers { topic: topic.to_owned(), difference }
}

fn headers_of(message: &BorrowedMessage<'_>) -> Vec<Header> {
    let header = |header: KafkaHeader<'_, &[u8]>| Header {
        name: header.key.to_owned().into(),
        value: Bytes::copy_from_slice(header.value.unwrap_or_default()),
    };
    message.headers().map_or_else(Vec::new, |headers| headers.iter().map(header).collect())
}

/// How large a message is, as [`NewRecord::size_bytes`] counts.
pub(super) fn size_bytes(message: &impl Message) -> usize {
    let header = |header: KafkaHeader<'_, &[u8]>| {
        NewRecord::header_size_bytes(header.key.len(), header.value.map_or(0, <[u8]>::len))
    };
    let headers: usize = message.headers().map_or(0, |headers| headers.iter().map(header).sum());
    message.key().map_or(0, <[u8]>::len) + message.payload().map_or(0, <[u8]>::len) + headers
}
