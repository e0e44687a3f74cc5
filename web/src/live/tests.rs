//! What the room promises, over the real hub, feed and connection loop; only the database's progress is played.

mod connection;
mod news;
mod order;
mod socket;

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gavel_auctions::wire::headers::CAUSATION;
use gavel_auctions::wire::topics;
use gavel_domain::ItemId;
use gavel_log::{Header, Record};
use gavel_readmodel::{EventPage, EventRow, ProjectedOffset};
use serde_json::{Value, json};

use super::event::LiveEvent;
use super::feed::Archive;
use crate::security::aliases::Aliases;

/// The item of these tests.
fn item() -> ItemId {
    "018f0000-0000-7000-8000-000000000001".parse().unwrap()
}

/// A decision of that item.
fn decided(offset: u64, sequence: Option<u64>, bid: u64) -> LiveEvent {
    let value = json!({
        "type": "bid_decided", "v": 1, "item_id": item(), "sequence": sequence,
        "bid_id": format!("018f0000-0000-7000-9000-{bid:012}"), "decision": "accepted", "price_minor": 100 + bid,
        "leader_id": null, "bid_count": bid, "reserve_met": true, "ends_at_ms": 10, "at_ms": 1, "received_ms": 1,
    });
    parse(topics::HISTORY, offset, &value)
}

/// Its completion.
fn completed(offset: u64, sequence: u64) -> LiveEvent {
    let value = json!({
        "type": "item_completed", "v": 1, "item_id": item(), "sequence": sequence, "outcome": "unsold",
        "winner_id": null, "price_minor": 100, "bid_count": 0, "ended_at_ms": 10,
    });
    parse(topics::COMPLETE, offset, &value)
}

fn parse(topic: &str, offset: u64, value: &Value) -> LiveEvent {
    let record = Record {
        topic: topic.into(),
        partition: 0,
        offset,
        append_ms: 1,
        key: None,
        value: Some(value.to_string().into()),
        headers: vec![Header { name: CAUSATION.into(), value: Bytes::from_static(b"auctions.bids/0/7") }],
    };
    LiveEvent::parse(&record, &aliases()).unwrap().unwrap()
}

/// Names by some key.
fn aliases() -> Aliases {
    Aliases::of_key([7; 32])
}

/// A database whose projections go only as far as the test says.
#[derive(Debug, Clone, Default)]
struct PlayedArchive(Arc<Mutex<EventPage>>);

impl PlayedArchive {
    fn project(&self, event: &LiveEvent) {
        let mut all = self.0.lock().unwrap();
        if let Some(sequence) = event.sequence() {
            all.events.push(EventRow { sequence, record: event.record.to_string() });
        }
        all.projected.retain(|offset| offset.partition != event.partition);
        all.projected.push(ProjectedOffset { partition: event.partition.clone(), next: event.offset + 1 });
    }

    /// Forgets everything, as a rebuild does first.
    fn clear(&self) {
        *self.0.lock().unwrap() = EventPage::default();
    }

    fn projected(&self) -> Vec<ProjectedOffset> {
        self.0.lock().unwrap().projected.clone()
    }
}

impl Archive for PlayedArchive {
    async fn event_page(&self, _: ItemId, after: u64, limit: u32) -> gavel_readmodel::Result<EventPage> {
        let mut page = self.0.lock().unwrap().clone();
        page.events.retain(|row| row.sequence > after);
        page.events.sort_by_key(|row| row.sequence);
        page.events.truncate(limit as usize);
        Ok(page)
    }
}
