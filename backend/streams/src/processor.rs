//! What a processor sees: one record or timer at a time, and a [`Context`] to read state, write state and forward.
//!
//! A processor is a pure function of its state and its input: no clock, no I/O, no randomness, no memory of its own
//! beyond a cache of its state (see [`Processor::on_rollback`]).

use bytes::Bytes;
use gavel_log::Header;

use crate::task::inherited;

/// A record from a source.
#[derive(Debug, Clone)]
pub struct SourceRecord {
    /// Index of the source, in the order of declaration.
    pub source: usize,
    /// Its offset.
    pub offset: u64,
    /// When the broker appended it.
    pub append_ms: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers.
    pub headers: Vec<Header>,
}

impl SourceRecord {
    /// How large its key and its value are together.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.key.as_ref().map_or(0, Bytes::len) + self.value.as_ref().map_or(0, Bytes::len)
    }

    /// The record as the cause of what comes of it later: to be kept with what a processor keeps of it.
    #[must_use]
    pub fn cause(&self) -> Cause {
        let headers = inherited(&self.headers).cloned().collect();
        Cause { source: self.source, offset: self.offset, headers }
    }
}

/// A record of the task's partition as the cause of an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Index of its source, in the order of declaration.
    pub source: usize,
    /// Its offset.
    pub offset: u64,
    /// Its headers that pass to what comes of it.
    pub headers: Vec<Header>,
}

/// A timer that partition time has passed: `partition_time_ms > due_ms`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// When it was due.
    pub due_ms: i64,
    /// What the processor named it by.
    pub key: Bytes,
}

/// Why a record was not processed.
#[derive(Debug, thiserror::Error)]
pub enum ProcessorError {
    /// The record can never be processed: it goes to the dead letters with this cause, and the partition goes on. To be
    /// returned before any effect (the runtime asserts that nothing was forwarded or written). `cause` is a short stable
    /// slug (`malformed`, `unknown_type`), `detail` is for people and holds no secret.
    #[error("{cause}: {detail}")]
    Rejected {
        /// A stable slug.
        cause: &'static str,
        /// For people; no secrets.
        detail: String,
    },
    /// The processor's own state cannot be read: stop the task, nothing of this unit of work is committed.
    #[error("state is damaged: {0}")]
    State(String),
}

/// A step of a topology. One instance serves one task (one partition).
pub trait Processor: Send {
    /// Handles one record.
    ///
    /// # Errors
    /// `Rejected` sends the record to the dead letters; `State` stops the task.
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError>;

    /// Handles a timer that came due. Timers fire in order of (due, key), before the record whose append time made
    /// them due.
    ///
    /// # Errors
    /// `Rejected` sends the timer's key to the dead letters of the clock; `State` stops the task.
    fn punctuate(&mut self, context: &mut dyn Context, timer: &Timer) -> Result<(), ProcessorError>;

    /// Called when the whole unit of work is rolled back (an aborted commit; a panic, after which the unit is run again
    /// without the record that caused it): forget everything cached from state.
    fn on_rollback(&mut self) {}

    /// Called when a unit of work begins to commit: a processor that caches decoded state writes it back here. It may
    /// forward too, but only records of which the last per key counts: how many there are depends on how the log was
    /// cut into units. They carry no `causation`, unless they are sent on behalf of what was in hand.
    ///
    /// # Errors
    /// `State` stops the task.
    fn before_commit(&mut self, _context: &mut dyn Context) -> Result<(), ProcessorError> {
        Ok(())
    }
}

/// What a processor may do while it handles one record or timer. Stores and sinks are named by their index in the
/// order of declaration within the processor.
pub trait Context {
    /// The task's partition.
    fn partition(&self) -> u32;

    /// Partition time: the greatest append time of the clock source so far, this record's included. `i64::MIN` before
    /// the first.
    fn partition_time_ms(&self) -> i64;

    /// The value of a key, as of now within this unit of work.
    ///
    /// # Errors
    /// `State` when the store cannot be read.
    fn get(&mut self, store: usize, key: &[u8]) -> Result<Option<Bytes>, ProcessorError>;

    /// Sets a key.
    fn put(&mut self, store: usize, key: Bytes, value: Bytes);

    /// Removes a key.
    fn delete(&mut self, store: usize, key: Bytes);

    /// All entries whose key starts with `prefix`, in key order.
    ///
    /// # Errors
    /// `State` when the store cannot be read.
    fn scan_prefix(&mut self, store: usize, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, ProcessorError>;

    /// Has [`Processor::punctuate`] called once partition time passes `due_ms`. The same (due, key) twice is one timer.
    fn schedule(&mut self, due_ms: i64, key: Bytes);

    /// Takes a timer back; nothing happens if there is none.
    fn cancel(&mut self, due_ms: i64, key: Bytes);

    /// What is in hand, as the cause of what comes of it later: the record, or, without the record's own headers, a timer that
    /// a record made due. `None` in [`Processor::before_commit`].
    fn cause(&self) -> Option<Cause>;

    /// Sends a record to a sink. The runtime adds the `correlation-id` and `traceparent` of the record in hand and
    /// `causation` (topic/partition/offset).
    fn forward(&mut self, sink: usize, key: Bytes, value: Bytes);

    /// The same context on behalf of a record that was kept: what is forwarded through it names that record as its
    /// `causation` and has its headers, not those of the record or timer in hand.
    fn on_behalf_of(&mut self, cause: Cause) -> Box<dyn Context + '_>;
}
