//! The thread of a runtime that is not in any group: it reads the orders for all others, and says what they run.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gavel_log::{Log, LogError};

use super::clock::Clock;
use super::options::{RuntimeOptions, Steering};
use super::status::{RuntimeStatus, StandbyStatus};
use super::thread::Stop;
use super::worker::Worker;
use crate::control::{Board, Follower};
use crate::presence::{About, Reporter};

/// How long it waits for an order before it looks whether there is something to say.
const TURN: Duration = Duration::from_millis(100);

/// What the thread works with.
pub(super) struct Steerer {
    follower: Follower,
    reporter: Reporter,
    clock: Arc<dyn Clock>,
    crew: Arc<Crew>,
}

/// Who works, and what keeps them from hearing or being heard.
#[derive(Default)]
pub(super) struct Crew {
    pub(super) workers: Vec<Arc<Worker>>,
    standbys: Mutex<Vec<StandbyStatus>>,
    trouble: Mutex<Option<String>>,
}

impl Crew {
    pub(super) fn new(workers: Vec<Arc<Worker>>) -> Arc<Self> {
        Arc::new(Self { workers, ..Self::default() })
    }

    /// How it is.
    pub(super) fn status(&self) -> RuntimeStatus {
        RuntimeStatus {
            threads: self.workers.iter().map(|worker| worker.status().clone()).collect(),
            standbys: self.standbys.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            steering_error: self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    /// Shows what is kept warm here.
    pub(super) fn show_standbys(&self, standbys: Vec<StandbyStatus>) {
        *self.standbys.lock().unwrap_or_else(PoisonError::into_inner) = standbys;
    }

    /// Logged when it begins, not each time.
    fn note(&self, outcome: Result<(), LogError>) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) => *trouble = None,
            Err(error) => {
                if trouble.is_none() {
                    tracing::warn!(%error, "orders cannot be read, or what runs here not be told; trying on");
                }
                *trouble = Some(error.to_string());
            }
        }
    }
}

impl Steerer {
    pub(super) fn new(
        log: &Arc<dyn Log>,
        options: &RuntimeOptions,
        steering: &Steering,
        board: Arc<Board>,
        crew: Arc<Crew>,
    ) -> Self {
        let about = About {
            instance: options.instance.clone(),
            version: steering.version.clone(),
            address: steering.address.clone(),
            started_ms: options.clock.now_ms(),
        };
        Self {
            follower: Follower::new(Arc::clone(log), &steering.control_topic, board),
            reporter: Reporter::new(Arc::clone(log), &steering.status_topic, about),
            clock: Arc::clone(&options.clock),
            crew,
        }
    }

    /// The whole life of the thread.
    pub(super) fn run(mut self, stop: &Stop) {
        while !stop.is_set() {
            let heard = self.follower.step(TURN);
            let is_silent = heard.is_err();
            let told = self.reporter.step(self.clock.now_ms(), self.clock.monotonic(), self.crew.status());
            self.crew.note(heard.and(told));
            if is_silent {
                stop.wait(TURN);
            }
        }
        if let Err(error) = self.reporter.stop(self.clock.now_ms()) {
            tracing::debug!(%error, "that this process stops was not told");
        }
    }
}
