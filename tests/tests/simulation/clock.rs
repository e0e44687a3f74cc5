//! The time of a simulation, and the clocks that show it wrongly.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use gavel_streams::runtime::Clock;

/// When every simulation begins.
pub(crate) const START_MS: i64 = 1_800_000_000_000;

/// The true time. It passes only when it is told to.
#[derive(Debug, Clone)]
pub(crate) struct Time(Arc<AtomicI64>);

impl Time {
    pub(crate) fn start() -> Self {
        Self(Arc::new(AtomicI64::new(START_MS)))
    }

    pub(crate) fn now_ms(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn pass(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

/// A clock of a process: ahead of the true time, or behind.
#[derive(Debug, Clone)]
pub(crate) struct SkewedClock {
    time: Time,
    skew_ms: Arc<AtomicI64>,
}

impl SkewedClock {
    pub(crate) fn new(time: &Time, skew_ms: i64) -> Self {
        Self { time: time.clone(), skew_ms: Arc::new(AtomicI64::new(skew_ms)) }
    }

    pub(crate) fn set(&self, skew_ms: i64) {
        self.skew_ms.store(skew_ms, Ordering::Relaxed);
    }
}

impl Clock for SkewedClock {
    fn now_ms(&self) -> i64 {
        self.time.now_ms() + self.skew_ms.load(Ordering::Relaxed)
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis((self.time.now_ms() - START_MS).unsigned_abs())
    }
}
