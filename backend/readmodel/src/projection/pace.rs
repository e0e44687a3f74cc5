//! How long bids take from the log into the database, measured where they are written: no other process has to guess.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gavel_auctions::wire::SCHEMA_VERSION;
use serde::{Deserialize, Serialize};

use super::batch::HistoryEntry;
use crate::meter::{Meter, Percentiles};

/// `projection`: how long bids took into the database by one projector. The key of its record is its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectionReport {
    /// Always `projection`.
    #[serde(rename = "type")]
    pub kind: ProjectionTag,
    /// Schema version.
    pub v: u16,
    /// The projector.
    pub source: String,
    /// When it reported, by its clock.
    pub at_ms: i64,
    /// From the bid's append to the commit of the transaction that wrote its decision.
    pub projected: Percentiles,
}

/// The `type` of [`ProjectionReport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProjectionTag {
    /// `projection`.
    Projection,
}

/// Measures one projector.
#[derive(Debug)]
pub(super) struct Pace {
    pub(super) source: String,
    /// Older bids are a backlog: how long they took says how long nobody projected.
    since_ms: i64,
    meter: Meter,
}

impl Pace {
    /// Of a projector that starts now.
    pub(super) fn new(source: String) -> Self {
        Self { source, since_ms: now_ms(), meter: Meter::new("projected") }
    }

    /// These decisions have just been committed.
    pub(super) fn written(&self, history: &[HistoryEntry]) {
        let now_ms = now_ms();
        let bids = history.iter().map(|entry| &entry.record).filter(|record| record.bid_id.is_some());
        for record in bids.filter(|record| record.received_ms >= self.since_ms) {
            let took_ms = u64::try_from(now_ms - record.received_ms).unwrap_or(0);
            self.meter.record(Duration::from_millis(took_ms));
        }
    }

    pub(super) fn report(&self) -> ProjectionReport {
        ProjectionReport {
            kind: ProjectionTag::Projection,
            v: SCHEMA_VERSION,
            source: self.source.clone(),
            at_ms: now_ms(),
            projected: self.meter.percentiles(),
        }
    }
}

/// The present, by this process's clock.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided_on(bid: &serde_json::Value, received_ms: i64) -> HistoryEntry {
        let id = "018f0000-0000-7000-8000-000000000001";
        let record = serde_json::json!({
            "type": "bid_decided", "v": 1, "item_id": id, "sequence": 1, "bid_id": bid, "decision": "accepted",
            "price_minor": 1, "leader_id": null, "bid_count": 1, "reserve_met": true, "ends_at_ms": 1, "at_ms": 1,
            "received_ms": received_ms,
        });
        let record = serde_json::from_value(record).unwrap();
        HistoryEntry { partition: 0, offset: 0, command: None, record, json: String::new() }
    }

    #[test]
    fn only_bids_that_came_since_the_start_are_measured() {
        let pace = Pace::new("p".into());
        let bid = serde_json::json!("018f0000-0000-7000-9000-000000000001");
        let before = decided_on(&bid, pace.since_ms - 1);
        let withdrawal = decided_on(&serde_json::Value::Null, pace.since_ms);
        pace.written(&[before, withdrawal]);
        assert_eq!(pace.report().projected.total, 0);
        pace.written(&[decided_on(&bid, pace.since_ms)]);
        assert_eq!(pace.report().projected.total, 1);
    }
}
