//! What every process tells of itself, on a topic that all read: so each web process can show the figures of all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gavel_auctions::wire::{SCHEMA_VERSION, topics};
use gavel_log::{NewRecord, Producer, Record};
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

use super::flow::{Flow, FlowSnapshot};
use super::now_ms;

/// How often a process reports.
const EVERY: Duration = Duration::from_secs(10);
/// After how long without a report a process counts as gone.
const GONE_AFTER_MS: i64 = 45_000;

/// `flow`: the figures of one process. The key of its record is its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowReport {
    /// Always `flow`.
    #[serde(rename = "type")]
    pub kind: FlowTag,
    /// Schema version.
    pub v: u16,
    /// The process.
    pub source: String,
    /// When it reported, by its clock.
    pub at_ms: i64,
    /// Its open WebSockets.
    pub connections: u64,
    /// Events it holds because the database may not have them.
    pub window: u64,
    /// How long bids took.
    pub flow: FlowSnapshot,
}

/// The `type` of [`FlowReport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowTag {
    /// `flow`.
    Flow,
}

/// The last report of every process.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<BTreeMap<String, FlowReport>>);

impl Board {
    /// A record of the metrics topic was read. What is not understood is somebody else's.
    pub(super) fn read(&self, record: &Record) {
        if let Some(Ok(report)) = record.value.as_deref().map(serde_json::from_slice::<FlowReport>) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(report.source.clone(), report);
        }
    }

    /// The last reports, by source; of those who are gone, none.
    pub(super) fn reports(&self, now_ms: i64) -> Vec<FlowReport> {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reports.retain(|_, report| now_ms - report.at_ms <= GONE_AFTER_MS);
        reports.values().cloned().collect()
    }
}

/// What a process reports besides its flow: open connections and held events.
pub(super) type Load = Box<dyn Fn() -> (usize, usize) + Send + Sync>;

/// Reports for as long as it is polled.
pub(super) async fn keep_reporting(source: String, flow: Arc<Flow>, load: Load, producer: Arc<dyn Producer>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let report = report(&source, &flow, load());
        let Ok(value) = serde_json::to_vec(&report) else { continue };
        let record = NewRecord {
            topic: topics::METRICS.into(),
            key: Some(source.clone().into()),
            value: Some(value.into()),
            ..NewRecord::default()
        };
        if let Err(error) = producer.send(record).await {
            tracing::debug!(%error, "the figures of this process were not reported");
        }
    }
}

pub(super) fn report(source: &str, flow: &Flow, (connections, window): (usize, usize)) -> FlowReport {
    FlowReport {
        kind: FlowTag::Flow,
        v: SCHEMA_VERSION,
        source: source.to_owned(),
        at_ms: now_ms(),
        connections: connections as u64,
        window: window as u64,
        flow: flow.snapshot(),
    }
}
