//! What a runtime says of itself, on the wire.

use gavel_log::{NewRecord, Record};
use serde::{Deserialize, Serialize};

use super::About;
use crate::runtime::RuntimeStatus;

/// The version of what is written here.
const SCHEMA_VERSION: u16 = 1;

/// `worker_status`: one process, and what it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    pub(super) v: u16,
    /// The process.
    pub instance: String,
    /// The version of its program.
    pub version: String,
    /// Where it serves its health.
    pub address: String,
    /// When it was started, by its clock.
    pub started_ms: i64,
    /// When it reported, by its clock.
    pub at_ms: i64,
    /// Whether this is its last word.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stopped: bool,
    /// What it runs.
    #[serde(flatten)]
    pub status: RuntimeStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    WorkerStatus,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_false(value: &bool) -> bool {
    !value
}

impl Report {
    pub(super) fn new(about: &About, at_ms: i64, status: RuntimeStatus) -> Self {
        Self {
            kind: Kind::WorkerStatus,
            v: SCHEMA_VERSION,
            instance: about.instance.clone(),
            version: about.version.clone(),
            address: about.address.clone(),
            started_ms: about.started_ms,
            at_ms,
            stopped: false,
            status,
        }
    }

    pub(super) fn record(&self, topic: &str) -> NewRecord {
        NewRecord {
            topic: topic.into(),
            partition: Some(0),
            key: Some(format!("worker/{}", self.instance).into()),
            value: serde_json::to_vec(self).ok().map(Into::into),
            headers: Vec::new(),
        }
    }

    pub(super) fn read(record: &Record) -> Option<Self> {
        serde_json::from_slice(record.value.as_deref()?).ok()
    }
}
