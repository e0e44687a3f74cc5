//! Records, and the answer to one that was sent.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::{LogError, Result};

/// A header of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The header's name.
    pub name: Cow<'static, str>,
    /// Its bytes.
    pub value: Bytes,
}

/// A record as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The topic it is in.
    pub topic: Arc<str>,
    /// The partition it is in.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// When the broker appended it.
    pub append_ms: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers, in order.
    pub headers: Vec<Header>,
}

impl Record {
    /// The first header of that name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        self.headers.iter().find(|header| header.name == name).map(|header| &header.value)
    }
}

/// A record to append.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewRecord {
    /// The topic to append to.
    pub topic: Arc<str>,
    /// The partition; `None` lets the key choose ([`crate::partitioner`]).
    pub partition: Option<u32>,
    /// The key.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// The headers.
    pub headers: Vec<Header>,
}

/// The largest record a log takes, as [`NewRecord::size_bytes`] counts.
pub const RECORD_BYTES_MAX: usize = 1_000_000;

impl NewRecord {
    /// What the record counts against [`RECORD_BYTES_MAX`]: its key, value and headers.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let header = |header: &Header| Self::header_size_bytes(header.name.len(), header.value.len());
        let headers: usize = self.headers.iter().map(header).sum();
        self.key.as_ref().map_or(0, Bytes::len) + self.value.as_ref().map_or(0, Bytes::len) + headers
    }

    /// What a header counts: its name, its value and their lengths.
    pub(crate) fn header_size_bytes(name: usize, value: usize) -> usize {
        name + value + 6
    }

    pub(crate) fn check_size(&self) -> Result<()> {
        match self.size_bytes() {
            size_bytes if size_bytes > RECORD_BYTES_MAX => {
                Err(LogError::RecordTooLarge { size_bytes, limit_bytes: RECORD_BYTES_MAX })
            }
            _ => Ok(()),
        }
    }
}

/// Where and when a record was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: u64,
    /// The append time.
    pub append_ms: i64,
}

/// The acknowledgement to come of one [`Producer::send`]: await it, or block on it with [`Delivery::wait`].
#[derive(Debug)]
pub struct Delivery(pub(crate) tokio::sync::oneshot::Receiver<Result<Appended>>);

impl Delivery {
    /// One that an adapter answers by the call of a function, later or never.
    pub fn pending() -> (impl FnOnce(Result<Appended>) + Send + 'static, Self) {
        let (answer, delivery) = tokio::sync::oneshot::channel();
        (|appended| drop(answer.send(appended)), Self(delivery))
    }

    /// Blocks until the log has acknowledged or refused. Not for async tasks.
    ///
    /// # Errors
    /// As the log refused; `Unavailable` when the producer closed first.
    pub fn wait(self) -> Result<Appended> {
        self.0.blocking_recv().unwrap_or_else(|_| Err(LogError::Unavailable("the producer was closed".into())))
    }
}

impl Future for Delivery {
    type Output = Result<Appended>;

    fn poll(mut self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0)
            .poll(context)
            .map(|answer| answer.unwrap_or_else(|_| Err(LogError::Unavailable("the producer was closed".into()))))
    }
}
