//! Says what a runtime runs: every two seconds, and at once when it changes.

use std::sync::Arc;
use std::time::Duration;

use gavel_log::{Delivery, Log, LogError, Producer};

use super::report::Report;
use crate::runtime::RuntimeStatus;

/// How often it is said though nothing has changed.
const REPORT_EVERY: Duration = Duration::from_secs(2);
/// How long the last word may take.
const LAST_WORD_WITHIN: Duration = Duration::from_secs(1);

/// What does not change while a process runs.
#[derive(Debug, Clone, Default)]
pub(crate) struct About {
    pub(crate) instance: String,
    pub(crate) version: String,
    pub(crate) address: String,
    pub(crate) started_ms: i64,
}

/// The voice of one runtime.
pub(crate) struct Reporter {
    log: Arc<dyn Log>,
    topic: String,
    about: About,
    producer: Option<Arc<dyn Producer>>,
    /// When it last spoke, and what was so then.
    last: Option<(Duration, RuntimeStatus)>,
}

impl Reporter {
    /// One that has said nothing yet.
    pub(crate) fn new(log: Arc<dyn Log>, topic: &str, about: About) -> Self {
        Self { log, topic: topic.into(), about, producer: None, last: None }
    }

    /// Says what is so, if it is time. Whether the log takes it is not waited for: the next report says it again.
    pub(crate) fn step(&mut self, now_ms: i64, monotonic: Duration, status: RuntimeStatus) -> Result<(), LogError> {
        let outline = status.outline();
        if let Some((said, last)) = &self.last
            && monotonic.saturating_sub(*said) < REPORT_EVERY
            && *last == outline
        {
            return Ok(());
        }
        self.send(&Report::new(&self.about, now_ms, status))?;
        self.last = Some((monotonic, outline));
        Ok(())
    }

    /// Says that this process stops.
    pub(crate) fn stop(&mut self, now_ms: i64) -> Result<(), LogError> {
        let report = Report { stopped: true, ..Report::new(&self.about, now_ms, RuntimeStatus::default()) };
        drop(self.send(&report)?);
        self.producer.as_ref().map_or(Ok(()), |producer| producer.flush(LAST_WORD_WITHIN))
    }

    fn send(&mut self, report: &Report) -> Result<Delivery, LogError> {
        let producer = match &mut self.producer {
            Some(producer) => producer,
            none => none.insert(self.log.producer()?),
        };
        Ok(producer.send(report.record(&self.topic)))
    }
}
