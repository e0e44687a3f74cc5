//! What every process tells of itself, on a topic that all read: so each web process can show the figures of all.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use gavel_auctions::wire::SCHEMA_VERSION;
use gavel_log::Record;
use gavel_readmodel::ProjectionReport;
use serde::{Deserialize, Serialize};

use super::flow::{Flow, FlowSnapshot};
use super::now_ms;

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

/// The last reports of every process, by source.
#[derive(Debug, Default)]
struct Reports {
    flows: BTreeMap<String, FlowReport>,
    projections: BTreeMap<String, ProjectionReport>,
}

/// What all processes told last.
#[derive(Debug, Default)]
pub(super) struct Board(Mutex<Reports>);

impl Board {
    /// A record of the metrics topic was read. What is not understood is somebody else's.
    pub(super) fn read(&self, record: &Record) {
        let Some(value) = record.value.as_deref() else { return };
        let mut reports = self.lock();
        if let Ok(report) = serde_json::from_slice::<FlowReport>(value) {
            reports.flows.insert(report.source.clone(), report);
        } else if let Ok(report) = serde_json::from_slice::<ProjectionReport>(value) {
            reports.projections.insert(report.source.clone(), report);
        }
    }

    /// The last reports of web processes; of those who are gone, none.
    pub(super) fn flows(&self, now_ms: i64) -> Vec<FlowReport> {
        let mut reports = self.lock();
        reports.flows.retain(|_, report| is_present(report.at_ms, now_ms));
        reports.flows.values().cloned().collect()
    }

    /// The last reports of projectors; of those who are gone, none.
    pub(super) fn projections(&self, now_ms: i64) -> Vec<ProjectionReport> {
        let mut reports = self.lock();
        reports.projections.retain(|_, report| is_present(report.at_ms, now_ms));
        reports.projections.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Reports> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_present(at_ms: i64, now_ms: i64) -> bool {
    now_ms.saturating_sub(at_ms) <= GONE_AFTER_MS
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
