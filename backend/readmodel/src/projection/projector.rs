//! Keeps the projections up with the log, on a thread of its own, for as long as the process lives.
//!
//! There is one remedy for whatever goes wrong: wait, and go on from the database's offsets; as the same member of the group
//! where that can be, else as a new one. What passes by itself is waited for without end; what no wait mends, a few times: then
//! the projector stays down, and says why.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gavel_log::{GroupConfig, Log, LogError};
use gavel_streams::runtime::Restarts;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::pace::Pace;
use super::projected_topics;
use super::reader::{Reader, Step};
use crate::database::Database;
use crate::error::{Error, ErrorClass, Result};
use crate::meter::keep_reporting;

/// How long one poll waits for records; also how long a stop may take.
const POLL_TIMEOUT: Duration = Duration::from_millis(200);
/// First and longest wait after a failure. Who waits holds up a rebalance of the group.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(1);

/// How a projector takes part.
#[derive(Debug, Clone)]
pub struct ProjectorConfig {
    /// Its consumer group: the projectors of one database share it.
    pub group: String,
    /// Static membership, see [`GroupConfig::instance`].
    pub instance: Option<String>,
    /// After how long without a sign of life its partitions go to another.
    pub session_timeout: Duration,
    /// How often it begins again after a failure that no wait mends.
    pub restarts: Restarts,
}

impl Default for ProjectorConfig {
    fn default() -> Self {
        Self {
            group: "gavel.readmodel".into(),
            instance: None,
            session_timeout: Duration::from_secs(10),
            restarts: Restarts::default(),
        }
    }
}

/// What a projector has done since it was started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProjectorStatus {
    /// Records projected.
    pub projected: u64,
    /// Of them, records that were not understood and passed over.
    pub refused: u64,
    /// Failures after which it began again.
    pub failures: u64,
    /// Whether the last attempt failed, or there will be none: its thread has stopped.
    pub is_failing: bool,
    /// Whether its thread runs.
    pub is_running: bool,
    /// Why it stays down, if it does.
    pub stays_down: Option<String>,
}

#[derive(Default)]
struct Shared {
    is_stopping: AtomicBool,
    projected: AtomicU64,
    refused: AtomicU64,
    failures: AtomicU64,
    is_failing: AtomicBool,
    stays_down: OnceLock<String>,
}

/// A running projector. Dropped, it stops soon after; [`stop`](Self::stop) waits for it.
pub struct Projector {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    reporting: AbortHandle,
}

impl Projector {
    /// Starts projecting every topic of [`projected_topics`], and reporting its pace. `runtime` serves its database calls.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(
        database: Database,
        log: Arc<dyn Log>,
        config: ProjectorConfig,
        runtime: Handle,
    ) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let pace = Arc::new(Pace::new(config.instance.clone().unwrap_or_else(|| config.group.clone())));
        let reporting = runtime.spawn(tell(Arc::clone(&log), Arc::clone(&pace))).abort_handle();
        let work = Work { database, log, config, runtime, shared: shared.clone(), pace };
        let thread = std::thread::Builder::new().name("projector".into()).spawn(move || work.run())?;
        Ok(Self { shared, thread: Some(thread), reporting })
    }

    /// What it has done so far.
    #[must_use]
    pub fn status(&self) -> ProjectorStatus {
        let is_running = self.thread.as_ref().is_some_and(|thread| !thread.is_finished());
        ProjectorStatus {
            projected: self.shared.projected.load(Ordering::Relaxed),
            refused: self.shared.refused.load(Ordering::Relaxed),
            failures: self.shared.failures.load(Ordering::Relaxed),
            is_failing: !is_running || self.shared.is_failing.load(Ordering::Relaxed),
            is_running,
            stays_down: self.shared.stays_down.get().cloned(),
        }
    }

    /// Ends the batch in hand, leaves the group and, once that is done, answers what was done in all.
    pub async fn stop(mut self) -> ProjectorStatus {
        self.signal();
        if let Some(thread) = self.thread.take()
            && let Ok(Err(_)) = tokio::task::spawn_blocking(move || thread.join()).await
        {
            tracing::error!("the projector panicked");
        }
        self.status()
    }

    fn signal(&self) {
        self.reporting.abort();
        self.shared.is_stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for Projector {
    fn drop(&mut self) {
        self.signal();
    }
}

/// Reports the pace for as long as it is polled.
async fn tell(log: Arc<dyn Log>, pace: Arc<Pace>) {
    match log.producer() {
        Ok(producer) => keep_reporting(pace.source.clone(), || pace.report(), producer).await,
        Err(error) => tracing::warn!(%error, "the pace of projections will not be known"),
    }
}

/// What the thread works with.
struct Work {
    database: Database,
    log: Arc<dyn Log>,
    config: ProjectorConfig,
    runtime: Handle,
    shared: Arc<Shared>,
    pace: Arc<Pace>,
}

impl Work {
    fn run(&self) {
        let (mut trouble, mut restarts) = (Trouble::new(), self.config.restarts.begin());
        let began = Instant::now();
        while !self.is_stopping() {
            let outcome = catch_unwind(AssertUnwindSafe(|| self.session(&mut trouble)));
            let panicked = |_| Err(Error::Unexpected("the projector panicked".into()));
            let Err(error) = outcome.unwrap_or_else(panicked) else { return };
            if passes(&error) {
                self.bear(&error, &mut trouble);
                continue;
            }
            self.failed();
            let Some(pause) = restarts.next(began.elapsed()) else { return self.stay_down(&error) };
            tracing::warn!(%error, "projections stopped; they are started again");
            std::thread::park_timeout(pause);
        }
    }

    fn failed(&self) {
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        self.shared.is_failing.store(true, Ordering::Relaxed);
    }

    fn stay_down(&self, error: &Error) {
        tracing::error!(%error, "projections stay down: they were started again too often");
        self.shared.stays_down.get_or_init(|| format!("they stay down after too many restarts: {error}"));
    }

    /// Waits before the next attempt, longer each time.
    fn bear(&self, error: &Error, trouble: &mut Trouble) {
        self.failed();
        // The same failure again and again is one line.
        if trouble.told != error.to_string() {
            trouble.told = error.to_string();
            tracing::warn!(error = trouble.told, "projections wait; they go on by themselves");
        }
        std::thread::park_timeout(trouble.backoff);
        trouble.backoff = (trouble.backoff * 2).min(BACKOFF_MAX);
    }

    fn is_stopping(&self) -> bool {
        self.shared.is_stopping.load(Ordering::Relaxed)
    }

    /// Projects until told to stop, or until something fails for good. What passes is waited for as a member of the group: who
    /// left and joined again would have all others stop and begin anew, and two who did so in turns would never get anywhere.
    fn session(&self, trouble: &mut Trouble) -> Result<()> {
        let topics = projected_topics();
        let mut consumer = self.log.consumer(Some(&GroupConfig {
            group: self.config.group.clone(),
            instance: self.config.instance.clone(),
            session_timeout: self.config.session_timeout,
        }))?;
        consumer.subscribe(&topics.iter().map(String::as_str).collect::<Vec<_>>())?;
        let mut reader = Reader {
            database: &self.database,
            log: &*self.log,
            runtime: &self.runtime,
            consumer,
            offsets: BTreeMap::new(),
            unplaced: Vec::new(),
            pace: Some(&self.pace),
        };
        while !self.is_stopping() {
            match reader.step(POLL_TIMEOUT) {
                Ok(Step { projected, refused }) => {
                    self.shared.projected.fetch_add(projected, Ordering::Relaxed);
                    self.shared.refused.fetch_add(refused, Ordering::Relaxed);
                    self.shared.is_failing.store(false, Ordering::Relaxed);
                    if projected > 0 {
                        *trouble = Trouble::new();
                    }
                }
                Err(error) if error.class() == ErrorClass::Retry => {
                    reader.lose_place();
                    self.bear(&error, trouble);
                }
                Err(error) => return Err(error),
            }
        }
        reader.consumer.leave();
        Ok(())
    }
}

/// Whether it is over by itself: the database or the log is away, or another has taken this member's place for a while.
fn passes(error: &Error) -> bool {
    error.class() == ErrorClass::Retry || matches!(error, Error::Log(LogError::Fenced(_)))
}

/// What went wrong since something was last projected.
struct Trouble {
    told: String,
    backoff: Duration,
}

impl Trouble {
    fn new() -> Self {
        Self { told: String::new(), backoff: BACKOFF_MIN }
    }
}
