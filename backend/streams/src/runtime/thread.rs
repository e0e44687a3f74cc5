//! A thread of the runtime: a loop around the steps of a member.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::member::{Member, Step};
use super::worker::Worker;

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

/// The whole life of a thread. A bug in it stops it, and shows in the status.
pub(super) fn run(worker: &Arc<Worker>, stop: &Stop) {
    if catch_unwind(AssertUnwindSafe(|| drive(Member::new(Arc::clone(worker)), stop))).is_err() {
        worker.panicked();
    }
    worker.ended();
}

/// Between two steps nothing of a unit of work is in hand but what a log that does not answer left open.
fn drive(mut member: Member, stop: &Stop) {
    while !stop.is_set() {
        match member.step() {
            Step::Wait(Duration::ZERO) => {}
            Step::Wait(pause) => stop.wait(pause),
            Step::Stopped => break,
        }
    }
    member.stop();
}
