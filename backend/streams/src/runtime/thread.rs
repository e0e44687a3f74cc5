//! A thread of the runtime: a loop around the steps of a member, which is begun anew, a few times, when it stopped by itself.

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

/// The whole life of a thread. What ends it, a bug or what no retry mends, may be over with the next member; if it is not,
/// the thread stays down and shows in the status, and the others go on.
pub(super) fn run(worker: &Arc<Worker>, stop: &Stop) {
    let mut restarts = worker.options.restarts.begin();
    loop {
        match catch_unwind(AssertUnwindSafe(|| drive(worker, stop))) {
            Ok(End::Told) => break,
            Ok(End::Failed) => {}
            Err(_) => worker.panicked(),
        }
        let Some(pause) = restarts.next(worker.monotonic()) else {
            worker.stays_down();
            break;
        };
        worker.left();
        stop.wait(worker.options.clock.sleep_for(pause));
        if stop.is_set() {
            break;
        }
        worker.restarted();
    }
    worker.ended();
}

/// Why a member is driven no more.
enum End {
    /// It was told to stop, or killed by a test.
    Told,
    /// By itself.
    Failed,
}

/// Between two steps nothing of a unit of work is in hand but what a log that does not answer left open.
fn drive(worker: &Arc<Worker>, stop: &Stop) -> End {
    let mut member = Member::new(Arc::clone(worker));
    while !stop.is_set() {
        match member.step() {
            Step::Wait(Duration::ZERO) => {}
            Step::Wait(pause) => stop.wait(worker.options.clock.sleep_for(pause)),
            Step::Stopped if member.has_failed() => return End::Failed,
            Step::Stopped => break,
        }
    }
    member.stop();
    End::Told
}
