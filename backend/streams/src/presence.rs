//! Who runs what: every runtime says it now and then in a topic, and whoever reads the topic knows.
//!
//! The key of a record is `worker/<instance>`, its value a [`Report`]. A process counts as live while its last report is no
//! older than [`LIVE_WITHIN_MS`]; one that stops says so with its last.

mod listener;
mod report;
mod reporter;

use std::collections::BTreeMap;

use gavel_log::Record;

pub use listener::Listener;
pub use report::Report;
pub(crate) use reporter::{About, Reporter};

/// For how long a report is believed.
pub const LIVE_WITHIN_MS: i64 = 10_000;

/// The last report of each process.
#[derive(Debug, Clone, Default)]
pub struct Presence(BTreeMap<String, Heard>);

/// A report, and when it was heard.
#[derive(Debug, Clone)]
pub struct Heard {
    /// What it said.
    pub report: Report,
    /// When the log took it.
    pub append_ms: i64,
}

impl Heard {
    /// Whether the process still ran at this time.
    #[must_use]
    pub fn is_live(&self, now_ms: i64) -> bool {
        !self.report.stopped && now_ms.saturating_sub(self.append_ms) <= LIVE_WITHIN_MS
    }
}

impl Presence {
    /// Takes a record of the topic. What is no report is somebody else's.
    pub fn read(&mut self, record: &Record) {
        if let Some(report) = Report::read(record) {
            self.0.insert(report.instance.clone(), Heard { report, append_ms: record.append_ms });
        }
    }

    /// All that were heard of, by name.
    pub fn heard(&self) -> impl Iterator<Item = &Heard> {
        self.0.values()
    }

    /// The processes that run at this time.
    pub fn live(&self, now_ms: i64) -> impl Iterator<Item = &Report> {
        self.heard().filter(move |heard| heard.is_live(now_ms)).map(|heard| &heard.report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::RuntimeStatus;

    fn heard(presence: &mut Presence, instance: &str, append_ms: i64, stopped: bool) {
        let about = About { instance: instance.into(), ..About::default() };
        let report = Report { stopped, ..Report::new(&about, append_ms, RuntimeStatus::default()) };
        let gavel_log::NewRecord { topic, key, value, headers, .. } = report.record("metrics");
        presence.read(&Record { topic, partition: 0, offset: 0, append_ms, key, value, headers });
    }

    #[test]
    fn who_fell_silent_or_stopped_is_not_live() {
        let mut presence = Presence::default();
        heard(&mut presence, "one", 1_000, false);
        heard(&mut presence, "two", 4_000, false);
        heard(&mut presence, "three", 1_000, false);
        heard(&mut presence, "three", 4_000, true);
        let live = |now_ms| presence.live(now_ms).map(|report| report.instance.clone()).collect::<Vec<_>>();
        assert_eq!(live(11_000), ["one", "two"]);
        assert_eq!(live(11_001), ["two"]);
        assert_eq!(presence.heard().count(), 3);
    }
}
