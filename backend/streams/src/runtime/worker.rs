//! A thread of the runtime: one session after the other, until it is told to stop or cannot go on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gavel_log::{Log, LogError};

use super::backoff::{Backoff, Patience};
use super::interruption::{Interruption, RuntimeError};
use super::local::StateFolder;
use super::options::RuntimeOptions;
use super::session::Session;
use super::status::ThreadStatus;
use crate::topology::Topology;

/// A membership that held so long did not end for a cause that lasts.
const LASTING_SESSION: Duration = Duration::from_secs(60);

/// Says that it is time to stop, and ends waits when it is.
#[derive(Debug, Default)]
pub(super) struct Stop {
    set: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    pub(super) fn set(&self) {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    pub(super) fn is_set(&self) -> bool {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so long, or until it is time to stop.
    pub(super) fn wait(&self, timeout: Duration) {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.changed.wait_timeout_while(set, timeout, |set| !*set));
    }
}

/// What a thread works with.
pub(super) struct Worker {
    pub(super) log: Arc<dyn Log>,
    pub(super) topology: Topology,
    pub(super) options: RuntimeOptions,
    pub(super) folder: Arc<StateFolder>,
    /// Which of the topology's threads.
    pub(super) thread: usize,
    pub(super) stop: Arc<Stop>,
    pub(super) status: Arc<Mutex<ThreadStatus>>,
}

impl Worker {
    /// The name of this thread among all that run the topology, the same after a restart.
    pub(super) fn member(&self) -> String {
        format!("gavel.{}.{}.{}", self.topology.name(), self.options.instance, self.thread)
    }

    /// The whole life of the thread. A bug in it stops it, and shows in the status.
    pub(super) fn run(&self) {
        if catch_unwind(AssertUnwindSafe(|| self.sessions())).is_err() {
            tracing::error!(topology = self.topology.name(), "a thread panicked");
            self.set_error(Some("the thread panicked".into()));
        }
        let mut status = self.status();
        (status.running, status.ready) = (false, false);
        status.tasks.clear();
    }

    fn sessions(&self) {
        let mut patience = Patience::new(self.options.topic_grace);
        let mut member_backoff = Backoff::of_membership();
        while !self.stop.is_set() {
            let joined = Instant::now();
            let outcome = self.session(&mut patience);
            self.left();
            let pause = match outcome {
                Ok(()) | Err(Interruption::Killed) => break,
                Err(Interruption::Retry(error)) => match patience.after(&error) {
                    Some(pause) => {
                        self.report(&error);
                        pause
                    }
                    None => return self.give_up(&self.impossible(&error)),
                },
                Err(Interruption::Rejoin(error)) => {
                    self.report_loss(&error);
                    if joined.elapsed() > LASTING_SESSION {
                        member_backoff.reset();
                    }
                    member_backoff.next()
                }
                Err(Interruption::Fatal(error)) => return self.give_up(&error),
            };
            self.stop.wait(pause);
        }
    }

    /// From joining to leaving the group.
    fn session(&self, patience: &mut Patience) -> Result<(), Interruption> {
        self.check_topics()?;
        let mut session = Session::open(self)?;
        let mut more = false;
        while !self.stop.is_set() {
            match session.round(more) {
                Ok(again) => {
                    more = again;
                    patience.reset();
                    match session.trouble() {
                        Some(error) => self.report(error),
                        None => self.recovered(),
                    }
                }
                Err(Interruption::Retry(error)) => {
                    let pause = patience.after(&error).ok_or_else(|| Interruption::Fatal(self.impossible(&error)))?;
                    self.report(&error);
                    self.stop.wait(pause);
                }
                Err(other) => return Err(other),
            }
            self.publish(&session);
        }
        Ok(())
    }

    /// All sources, changelogs and dead letters have the same number of partitions.
    fn check_topics(&self) -> Result<(), Interruption> {
        let mut expected: Option<gavel_log::TopicSpec> = None;
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
        Ok(())
    }

    fn impossible(&self, error: &LogError) -> RuntimeError {
        RuntimeError::Topics { topology: self.topology.name().into(), problem: error.to_string() }
    }

    fn give_up(&self, error: &RuntimeError) {
        tracing::error!(topology = self.topology.name(), %error, "a thread stopped");
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
    fn left(&self) {
        let mut status = self.status();
        status.ready = false;
        status.tasks.clear();
    }

    fn report_loss(&self, error: &LogError) {
        let topology = self.topology.name();
        metrics::counter!("gavel_streams_rejoins_total", "topology" => topology.to_string()).increment(1);
        if matches!(error, LogError::Fenced(_)) {
            metrics::counter!("gavel_streams_fencings_total", "topology" => topology.to_string()).increment(1);
        }
        if !self.stop.is_set() {
            tracing::warn!(topology, %error, "lost its place in the group; joining again");
        }
        self.set_error(Some(error.to_string()));
    }

    fn recovered(&self) {
        if self.status().error.is_some() {
            tracing::info!(topology = self.topology.name(), "goes on");
            self.set_error(None);
        }
    }

    fn set_error(&self, error: Option<String>) {
        self.status().error = error;
    }

    fn publish(&self, session: &Session<'_>) {
        let tasks: Vec<_> = session.tasks.values().map(|task| task.status(&self.topology)).collect();
        let mut status = self.status();
        status.ready = session.is_ready();
        status.tasks = tasks;
    }

    fn status(&self) -> std::sync::MutexGuard<'_, ThreadStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
