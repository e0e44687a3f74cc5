//! What a member works with, all its life: the log, its topology, its options; and its status, by which it tells how it fares.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gavel_log::{Log, LogError, TopicSpec};

use super::interruption::{Interruption, RuntimeError};
use super::local::LocalStores;
use super::options::RuntimeOptions;
use super::standby;
use super::status::ThreadStatus;
use crate::control::Board;
use crate::topology::Topology;

/// What a member works with.
pub(super) struct Worker {
    pub(super) log: Arc<dyn Log>,
    pub(super) topology: Topology,
    pub(super) options: RuntimeOptions,
    pub(super) stores: Arc<LocalStores>,
    /// Where the present orders are seen.
    pub(super) board: Arc<Board>,
    /// Which of the topology's threads.
    pub(super) thread: usize,
    pub(super) status: Mutex<ThreadStatus>,
}

impl Worker {
    /// The name of this thread among all that run the topology, the same after a restart.
    pub(super) fn member(&self) -> String {
        standby::member(self.topology.name(), &self.options.instance, self.thread)
    }

    /// The time since some moment.
    pub(super) fn monotonic(&self) -> Duration {
        self.options.clock.monotonic()
    }

    /// All sources, changelogs and dead letters have the same number of partitions: this.
    pub(super) fn check_topics(&self) -> Result<u32, Interruption> {
        let mut expected: Option<TopicSpec> = None;
        let internal = self.topology.topics(0);
        for topic in self.topology.source_topics().chain(internal.iter().map(|spec| &*spec.name)) {
            let found = self.log.describe_topic(topic)?;
            let expected = expected.get_or_insert_with(|| found.clone());
            if expected.partitions != found.partitions {
                let difference =
                    format!("it has {} partitions, {} has {}", found.partitions, expected.name, expected.partitions);
                return Err(Interruption::Retry(LogError::TopicDiffers { topic: topic.into(), difference }));
            }
        }
        Ok(expected.map_or(0, |topic| topic.partitions))
    }

    pub(super) fn impossible(&self, error: &LogError) -> RuntimeError {
        RuntimeError::Topics { topology: self.topology.name().into(), problem: error.to_string() }
    }

    pub(super) fn give_up(&self, error: &RuntimeError) {
        // A full disk stops all threads at once; the log has said so, once for all of them.
        if !matches!(error, RuntimeError::Log(LogError::DiskFull(_))) {
            tracing::error!(topology = self.topology.name(), %error, "a thread stopped");
        }
        self.set_error(Some(error.to_string()));
    }

    /// Something went wrong that may pass: logged when it begins, not each time.
    pub(super) fn report(&self, error: &LogError) {
        if self.status().error.is_none() {
            tracing::warn!(topology = self.topology.name(), %error, "the log fails; trying on");
        }
        self.set_error(Some(error.to_string()));
    }

    /// It is no member now, and has no tasks.
    pub(super) fn left(&self) {
        let mut status = self.status();
        status.ready = false;
        status.tasks.clear();
    }

    pub(super) fn report_loss(&self, error: &LogError) {
        let topology = self.topology.name();
        metrics::counter!("gavel_streams_rejoins_total", "topology" => topology.to_string()).increment(1);
        if matches!(error, LogError::Fenced(_)) {
            metrics::counter!("gavel_streams_fencings_total", "topology" => topology.to_string()).increment(1);
        }
        tracing::warn!(topology, %error, "lost its place in the group; joining again");
        self.set_error(Some(error.to_string()));
    }

    pub(super) fn recovered(&self) {
        if self.status().error.is_some() {
            tracing::info!(topology = self.topology.name(), "goes on");
            self.set_error(None);
        }
    }

    fn set_error(&self, error: Option<String>) {
        self.status().error = error;
    }

    pub(super) fn panicked(&self) {
        tracing::error!(topology = self.topology.name(), "a thread panicked");
        self.set_error(Some("the thread panicked".into()));
    }

    /// It is begun anew.
    pub(super) fn restarted(&self) {
        let topology = self.topology.name();
        tracing::warn!(topology, "a thread is started again");
        metrics::counter!("gavel_streams_thread_restarts_total", "topology" => topology.to_string()).increment(1);
    }

    /// It was begun anew too often: no member now, and why shows in the status.
    pub(super) fn stays_down(&self) {
        let reason = self.status().error.clone().unwrap_or_default();
        let topology = self.topology.name();
        // The reason was said each time.
        tracing::error!(topology, "a thread stays down: it was started again too often");
        self.set_error(Some(format!("the {topology} streams stay down after too many restarts: {reason}")));
    }

    /// Nobody drives it any more.
    pub(super) fn ended(&self) {
        self.left();
        self.status().running = false;
    }

    pub(super) fn status(&self) -> MutexGuard<'_, ThreadStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
