//! The time, as the runtime knows it.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// All that a runtime knows of time. It decides nothing: the wall clock only says when a tick is worth appending, and the
/// monotonic one how long to wait.
pub trait Clock: Send + Sync {
    /// The wall clock: epoch milliseconds.
    fn now_ms(&self) -> i64;

    /// How long it is since some moment, always the same: never goes back, whatever becomes of the wall clock.
    fn monotonic(&self) -> Duration {
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        ORIGIN.elapsed()
    }

    /// How long a thread has to sleep until so much has passed on this clock. Less than `pause` for a clock of a test
    /// that runs faster than the machine's, so that back-offs pass quickly there.
    fn sleep_for(&self, pause: Duration) -> Duration {
        pause
    }
}

/// Both readings of a clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) wall_ms: i64,
    pub(super) monotonic: Duration,
}

impl Now {
    pub(super) fn of(clock: &dyn Clock) -> Self {
        Self { wall_ms: clock.now_ms(), monotonic: clock.monotonic() }
    }
}

/// The machine's clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
    }
}

/// A clock for tests: its wall time stands until it is set.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at this time.
    #[must_use]
    pub fn at(now_ms: i64) -> Self {
        Self(AtomicI64::new(now_ms))
    }

    /// Sets it.
    pub fn set(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}
