//! How long to wait before the next attempt. Moments are readings of [`Clock::monotonic`](super::Clock::monotonic).

use std::time::Duration;

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
    missing_since: Option<Duration>,
}

impl Patience {
    pub(super) fn new(grace: Duration) -> Self {
        Self { backoff: Backoff::of_log(), grace, missing_since: None }
    }

    /// How long to wait after this, which came now; `None` if it is final.
    pub(super) fn after(&mut self, error: &LogError, now: Duration) -> Option<Duration> {
        if matches!(error, LogError::UnknownTopic(_) | LogError::TopicDiffers { .. }) {
            let since = *self.missing_since.get_or_insert(now);
            if now.saturating_sub(since) > self.grace {
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
    not_before: Option<Duration>,
    trouble: Option<LogError>,
}

impl Questions {
    pub(super) fn new() -> Self {
        Self { backoff: Backoff::of_log(), not_before: None, trouble: None }
    }

    /// Whether it is time to ask.
    pub(super) fn may_ask(&self, now: Duration) -> bool {
        self.not_before.is_none_or(|not_before| now >= not_before)
    }

    /// Asked then, there is no answer by now.
    pub(super) fn unanswered(&mut self, error: LogError, asked: Duration, now: Duration) {
        let waited = now.saturating_sub(asked);
        let pause = self.backoff.next().max(waited.saturating_mul(SILENCE));
        self.not_before = Some(now + pause);
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
        let at = Duration::from_millis;
        let mut patience = Patience::new(at(20));
        assert!(patience.after(&missing, at(100)).is_some());
        assert!(patience.after(&missing, at(120)).is_some(), "the grace is not over");
        assert!(patience.after(&silent(), at(121)).is_some(), "silence is borne for ever");
        assert!(patience.after(&missing, at(121)).is_none());
        patience.reset();
        assert!(patience.after(&missing, at(121)).is_some(), "it was there in between");
    }

    #[test]
    fn who_waited_long_in_vain_asks_again_much_later() {
        let at = Duration::from_secs;
        let mut questions = Questions::new();
        assert!(questions.may_ask(at(0)));
        questions.unanswered(silent(), at(10), at(70));
        assert!(!questions.may_ask(at(70 + 239)) && questions.trouble().is_some());
        assert!(questions.may_ask(at(70 + 240)));
        questions.answered();
        assert!(questions.may_ask(at(70)) && questions.trouble().is_none());
    }
}
