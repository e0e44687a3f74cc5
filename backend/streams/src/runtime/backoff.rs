//! How long to wait before the next attempt.

use std::time::{Duration, Instant};

use gavel_log::LogError;

/// A question that took long and was not answered is put again only after so many times as long.
const SILENCE: u32 = 4;

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

/// How the failures of the log are borne: with ever longer pauses. Only a topic that stays missing, or different, is believed
/// to be: brokers that start may not know theirs yet.
#[derive(Debug)]
pub(super) struct Patience {
    backoff: Backoff,
    grace: Duration,
    missing_since: Option<Instant>,
}

impl Patience {
    pub(super) fn new(grace: Duration) -> Self {
        Self { backoff: Backoff::of_log(), grace, missing_since: None }
    }

    /// How long to wait after this; `None` if it is final.
    pub(super) fn after(&mut self, error: &LogError) -> Option<Duration> {
        if matches!(error, LogError::UnknownTopic(_) | LogError::TopicDiffers { .. }) {
            let since = self.missing_since.get_or_insert_with(Instant::now);
            if since.elapsed() > self.grace {
                return None;
            }
        }
        Some(self.backoff.next())
    }

    /// It went well.
    pub(super) fn reset(&mut self) {
        self.backoff.reset();
        self.missing_since = None;
    }
}

/// Questions about one task that may go unanswered while those about others are. After a failure none is put for a
/// while, for whoever asks waits for the answer, and keeps the others waiting.
#[derive(Debug)]
pub(super) struct Questions {
    backoff: Backoff,
    not_before: Option<Instant>,
    trouble: Option<LogError>,
}

impl Questions {
    pub(super) fn new() -> Self {
        Self { backoff: Backoff::of_log(), not_before: None, trouble: None }
    }

    /// Whether it is time to ask.
    pub(super) fn may_ask(&self) -> bool {
        self.not_before.is_none_or(|not_before| Instant::now() >= not_before)
    }

    /// There was no answer, after so long.
    pub(super) fn unanswered(&mut self, error: LogError, waited: Duration) {
        let pause = self.backoff.next().max(waited.saturating_mul(SILENCE));
        self.not_before = Some(Instant::now() + pause);
        self.trouble = Some(error);
    }

    /// It went well.
    pub(super) fn answered(&mut self) {
        if self.trouble.is_some() {
            *self = Self::new();
        }
    }

    /// Why there is no answer.
    pub(super) fn trouble(&self) -> Option<&LogError> {
        self.trouble.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silent() -> LogError {
        LogError::Unavailable("silent".into())
    }

    #[test]
    fn a_missing_topic_is_believed_only_after_the_grace() {
        let missing = LogError::UnknownTopic("x".into());
        let mut patience = Patience::new(Duration::from_millis(20));
        assert!(patience.after(&missing).is_some());
        assert!(patience.after(&missing).is_some(), "the grace is not over");
        std::thread::sleep(Duration::from_millis(30));
        assert!(patience.after(&silent()).is_some(), "silence is borne for ever");
        assert!(patience.after(&missing).is_none());
        patience.reset();
        assert!(patience.after(&missing).is_some(), "it was there in between");
    }

    #[test]
    fn who_waited_long_in_vain_asks_again_much_later() {
        let mut questions = Questions::new();
        assert!(questions.may_ask());
        questions.unanswered(silent(), Duration::from_secs(60));
        assert!(!questions.may_ask() && questions.trouble().is_some());
        assert!(questions.not_before.unwrap() > Instant::now() + Duration::from_secs(200));
        questions.answered();
        assert!(questions.may_ask() && questions.trouble().is_none());
    }
}
