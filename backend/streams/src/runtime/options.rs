//! What a runtime is started with.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::beat::Beat;

/// The wall clock. It decides nothing; it only says when a tick is worth appending.
pub trait Clock: Send + Sync {
    /// Epoch milliseconds.
    fn now_ms(&self) -> i64;
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

/// A clock for tests: it stands until it is set.
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

/// Asked at each beat of each unit of work; true has the thread die there, as a killed process would.
pub type Failpoint = Arc<dyn Fn(Beat) -> bool + Send + Sync>;

/// How a runtime runs.
#[derive(Clone)]
pub struct RuntimeOptions {
    /// The folder of the local stores. One process holds it.
    pub state_folder: PathBuf,
    /// This process among those that share the work: the same after a restart. Names the group membership and the
    /// transactional ids, so that a second process of the same name fences the first.
    pub instance: String,
    /// After how long without a sign of life this process's partitions go to others.
    pub session_timeout: Duration,
    /// Records at most in one unit of work of one task. Timers that come due with them are limited besides.
    pub max_batch_records: usize,
    /// Threads for each topology, which share its partitions.
    pub threads: usize,
    /// How long a thread that has nothing to do waits before it looks at the clock again.
    pub max_wait: Duration,
    /// For how long a topic that seems to be missing, or to differ, is waited for: brokers that start may not know theirs yet.
    pub topic_grace: Duration,
    /// The wall clock.
    pub clock: Arc<dyn Clock>,
    /// For tests.
    pub failpoint: Option<Failpoint>,
}

impl RuntimeOptions {
    /// The usual options.
    #[must_use]
    pub fn new(state_folder: impl Into<PathBuf>, instance: impl Into<String>) -> Self {
        Self {
            state_folder: state_folder.into(),
            instance: instance.into(),
            session_timeout: Duration::from_secs(10),
            max_batch_records: 1024,
            threads: 1,
            max_wait: Duration::from_millis(50),
            topic_grace: Duration::from_secs(30),
            clock: Arc::new(SystemClock),
            failpoint: None,
        }
    }
}
