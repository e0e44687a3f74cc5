//! A member of a topology's group, driven step by step: it joins, works, loses its place, and joins again.
//!
//! Nothing here waits but the log's own calls: a step says how long there is nothing to do. So one thread may drive one
//! member or a thousand, and a test decides when which of them goes on.

use std::sync::Arc;
use std::time::Duration;

use super::backoff::{Backoff, Patience};
use super::interruption::{Interruption, RuntimeError};
use super::session::Session;
use super::status::ThreadStatus;
use super::worker::Worker;

/// A membership that held so long did not end for a cause that lasts.
const LASTING_SESSION: Duration = Duration::from_secs(60);

/// What is to be done with a member after a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Do the next when so much time has passed.
    Wait(Duration),
    /// It has stopped for good; its [`status`](Member::status) says why.
    Stopped,
}

/// One of those that share a topology's partitions. Dropped, it leaves the group and closes its stores; what it had not
/// committed is done again by the next owner.
pub struct Member {
    worker: Arc<Worker>,
    state: State,
    patience: Patience,
    backoff: Backoff,
}

enum State {
    /// No member of the group: about to join, for the first time or again.
    Out,
    /// A member, with tasks.
    In(Box<Session>),
    /// Killed by a failpoint.
    Killed,
    /// It cannot go on.
    Failed,
}

impl Member {
    pub(super) fn new(worker: Arc<Worker>) -> Self {
        let patience = Patience::new(worker.options.topic_grace);
        Self { worker, state: State::Out, patience, backoff: Backoff::of_membership() }
    }

    /// Does what can be done now: joins, or takes one turn of its session.
    pub fn step(&mut self) -> Step {
        let outcome = match &mut self.state {
            State::Out => Session::join(&self.worker).map(|session| self.state = State::In(Box::new(session))),
            State::In(session) => session.round().map(|()| self.went_well()),
            State::Killed | State::Failed => return Step::Stopped,
        };
        let step = outcome.map_or_else(|interruption| self.interrupted(interruption), |()| Step::Wait(Duration::ZERO));
        if let State::In(session) = &self.state {
            session.publish();
        }
        step
    }

    /// Stops on purpose, and lets the group know. One that is merely dropped may be restarting: its place is kept for it.
    pub fn stop(self) {
        if let State::In(session) = self.state {
            session.leave();
        }
    }

    /// Whether it has stopped by itself, and not because it was killed.
    pub(super) fn has_failed(&self) -> bool {
        matches!(self.state, State::Failed)
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> ThreadStatus {
        self.worker.status().clone()
    }

    /// Each interruption has its remedy.
    fn interrupted(&mut self, interruption: Interruption) -> Step {
        match interruption {
            Interruption::Retry(error) => match self.patience.after(&error, self.worker.monotonic()) {
                Some(pause) => {
                    self.worker.report(&error);
                    Step::Wait(pause)
                }
                None => self.give_up(&self.worker.impossible(&error)),
            },
            Interruption::Rejoin(error) => {
                if matches!(&self.state, State::In(session) if session.age() > LASTING_SESSION) {
                    self.backoff.reset();
                }
                // First that it has no tasks now, then why: who sees the one sees the other.
                self.leave(State::Out);
                self.worker.report_loss(&error);
                Step::Wait(self.backoff.next())
            }
            Interruption::Killed => {
                if let State::In(session) = &mut self.state {
                    session.abandon();
                }
                self.leave(State::Killed);
                Step::Stopped
            }
            Interruption::Fatal(error) => self.give_up(&error),
        }
    }

    fn went_well(&mut self) {
        self.patience.reset();
        if let State::In(session) = &self.state {
            match session.trouble() {
                Some(error) => self.worker.report(error),
                None => self.worker.recovered(),
            }
        }
    }

    fn give_up(&mut self, error: &RuntimeError) -> Step {
        self.worker.give_up(error);
        self.leave(State::Failed);
        Step::Stopped
    }

    fn leave(&mut self, next: State) {
        self.state = next;
        self.worker.left();
    }
}
