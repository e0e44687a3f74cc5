//! How long to wait before the next attempt.

use std::time::Duration;

/// Doubles from one attempt to the next, up to a cap.
#[derive(Debug)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
}

impl Backoff {
    /// For a log that does not answer.
    pub(super) fn of_log() -> Self {
        Self { first: Duration::from_millis(20), longest: Duration::from_secs(1), attempts: 0 }
    }

    /// For a member that lost its place. Two processes of one name fence each other in turns: the pauses leave the work
    /// time to go on.
    pub(super) fn of_membership() -> Self {
        Self { first: Duration::from_millis(500), longest: Duration::from_secs(30), attempts: 0 }
    }

    /// The wait before the next attempt.
    pub(super) fn next(&mut self) -> Duration {
        let wait = self.first.saturating_mul(1 << self.attempts.min(16)).min(self.longest);
        self.attempts += 1;
        wait
    }

    /// It went well.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }
}
