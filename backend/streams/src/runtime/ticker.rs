//! Ticks: when a timer of a task is due, a record is appended to its clock partition, whose append time fires it.
//!
//! At most one tick of a partition is on its way: the next follows only when the last has been processed. None is
//! appended while no timer is due.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use gavel_log::{Appended, Delivery, NewRecord, Producer, Result, TopicPartition};

/// How long to wait after a tick that the log refused.
const RETRY_MS: i64 = 500;

#[derive(Debug)]
enum Tick {
    None,
    Sent(Delivery),
    Appended { offset: u64 },
}

/// The ticks of one task.
#[derive(Debug)]
pub(super) struct Ticker {
    partition: TopicPartition,
    record: NewRecord,
    tick: Tick,
    not_before_ms: i64,
}

impl Ticker {
    pub(super) fn new(partition: TopicPartition, value: bytes::Bytes) -> Self {
        let record = NewRecord {
            topic: partition.topic.clone(),
            partition: Some(partition.partition),
            key: None,
            value: Some(value),
            headers: Vec::new(),
        };
        Self { partition, record, tick: Tick::None, not_before_ms: i64::MIN }
    }

    /// Appends a tick if one is needed. `processed` is the offset after the last clock record that was processed.
    pub(super) fn step(&mut self, producer: &dyn Producer, due_ms: Option<i64>, now_ms: i64, processed: u64) {
        if let Tick::Sent(delivery) = &mut self.tick
            && let Poll::Ready(answer) = Pin::new(delivery).poll(&mut Context::from_waker(Waker::noop()))
        {
            self.answered(answer, due_ms, now_ms);
        }
        if matches!(self.tick, Tick::Appended { offset } if processed > offset) {
            self.tick = Tick::None;
        }
        let due = due_ms.is_some_and(|due_ms| due_ms < now_ms);
        if due && now_ms >= self.not_before_ms && matches!(self.tick, Tick::None) {
            metrics::counter!("gavel_streams_ticks_total", "topic" => self.partition.topic.to_string()).increment(1);
            self.tick = Tick::Sent(producer.send(self.record.clone()));
        }
    }

    fn answered(&mut self, answer: Result<Appended>, due_ms: Option<i64>, now_ms: i64) {
        match answer {
            Ok(appended) => {
                // The log's clock is behind ours: this tick fires nothing, so the next waits for the difference.
                if let Some(early_ms) = due_ms.map(|due_ms| due_ms - appended.append_ms).filter(|&early| early >= 0) {
                    self.not_before_ms = now_ms + early_ms + 1;
                }
                self.tick = Tick::Appended { offset: appended.offset };
            }
            Err(error) => {
                tracing::warn!(partition = %self.partition, %error, "a tick was not appended");
                self.not_before_ms = now_ms + RETRY_MS;
                self.tick = Tick::None;
            }
        }
    }

    /// When to look again, if a timer waits for the clock alone.
    pub(super) fn next_ms(&self, due_ms: Option<i64>) -> Option<i64> {
        match self.tick {
            Tick::None => due_ms.map(|due_ms| due_ms.saturating_add(1).max(self.not_before_ms)),
            Tick::Sent(_) | Tick::Appended { .. } => None,
        }
    }
}
