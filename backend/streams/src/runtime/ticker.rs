//! Ticks: when a timer of a task is due, a record is appended to its clock partition, whose append time fires it.
//!
//! At most one tick of a partition is on its way: the next follows only when the last has been processed. None is
//! appended while no timer is due.
//!
//! Due is what the log's clock has passed, and only ours can be read. How far ours is ahead, the skew, is learnt: a record seen
//! by now was appended before now, so the skew is at most the difference; a tick is appended after it was sent, so the skew is
//! at least that difference. A tick that comes too early fires nothing, and teaches the skew.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use gavel_log::{Appended, ErrorClass, NewRecord, Result, TopicPartition};

use super::clock::Now;

/// How long to wait after a tick that the log refused.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// After so many refusals in a row the producer is not trusted any more.
const REFUSALS: u32 = 5;

/// What becomes of a tick that is sent.
pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Appended>> + Send>>;

enum Tick {
    None,
    /// On its way: for a timer of this time, sent at that.
    Sent {
        answer: Answer,
        due_ms: i64,
        sent_ms: i64,
    },
    Appended {
        offset: u64,
    },
}

/// The ticks of one task.
pub(super) struct Ticker {
    partition: TopicPartition,
    record: NewRecord,
    tick: Tick,
    /// How far our clock is ahead of the log's.
    skew_ms: i64,
    refusals: u32,
    /// Of [`Clock::monotonic`](super::Clock::monotonic).
    retry_at: Option<Duration>,
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
        Self { partition, record, tick: Tick::None, skew_ms: 0, refusals: 0, retry_at: None }
    }

    /// Takes note of a clock record that was seen.
    pub(super) fn saw(&mut self, append_ms: i64, now_ms: i64) {
        self.skew_ms = self.skew_ms.min(now_ms.saturating_sub(append_ms));
    }

    /// Sends a tick if one is needed. `processed` is the offset after the last clock record that was processed. False
    /// if what it is sent by is of no more use.
    pub(super) fn step(
        &mut self,
        send: &dyn Fn(NewRecord) -> Answer,
        due_ms: Option<i64>,
        now: Now,
        processed: u64,
    ) -> bool {
        let is_sound = self.look_for_answer(now);
        if matches!(self.tick, Tick::Appended { offset } if processed > offset) {
            self.tick = Tick::None;
        }
        if matches!(self.tick, Tick::None)
            && self.retry_at.is_none_or(|retry_at| now.monotonic >= retry_at)
            && let Some(due_ms) = due_ms.filter(|&due_ms| self.ours_ms(due_ms) < now.wall_ms)
        {
            metrics::counter!("gavel_streams_ticks_total", "topic" => self.partition.topic.to_string()).increment(1);
            self.tick = Tick::Sent { answer: send(self.record.clone()), due_ms, sent_ms: now.wall_ms };
        }
        is_sound
    }

    fn look_for_answer(&mut self, now: Now) -> bool {
        if let Tick::Sent { answer, due_ms, sent_ms } = &mut self.tick
            && let Poll::Ready(answer) = answer.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        {
            let (due_ms, sent_ms) = (*due_ms, *sent_ms);
            return self.answered(answer, due_ms, sent_ms, now);
        }
        true
    }

    fn answered(&mut self, answer: Result<Appended>, due_ms: i64, sent_ms: i64, now: Now) -> bool {
        match answer {
            Ok(Appended { offset, append_ms, .. }) => {
                let (least_ms, most_ms) = (sent_ms.saturating_sub(append_ms), now.wall_ms.saturating_sub(append_ms));
                // Too early: at least as long as this one took to be known, the next would be, too.
                let least_ms = if append_ms <= due_ms { most_ms } else { least_ms };
                self.skew_ms = self.skew_ms.max(least_ms).min(most_ms);
                (self.refusals, self.retry_at) = (0, None);
                self.tick = Tick::Appended { offset };
                true
            }
            Err(error) => {
                tracing::warn!(partition = %self.partition, %error, "a tick was not appended");
                self.refusals += 1;
                self.retry_at = Some(now.monotonic + RETRY_AFTER);
                self.tick = Tick::None;
                error.class() != ErrorClass::Fatal && !self.refusals.is_multiple_of(REFUSALS)
            }
        }
    }

    /// When to look again, if a timer waits for the clock alone.
    pub(super) fn next_ms(&self, due_ms: Option<i64>) -> Option<i64> {
        let waits = matches!(self.tick, Tick::None) && self.retry_at.is_none();
        due_ms.filter(|_| waits).map(|due_ms| self.ours_ms(due_ms).saturating_add(1))
    }

    /// What our clock says when the log's says this.
    fn ours_ms(&self, log_ms: i64) -> i64 {
        log_ms.saturating_add(self.skew_ms)
    }
}

#[cfg(test)]
mod tests;
