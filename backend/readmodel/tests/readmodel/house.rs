//! A house to test on: an embedded log, a database, and records as the streams write them.

use std::sync::Arc;
use std::time::Duration;

use gavel_auctions::wire::history::HistoryKind;
use gavel_auctions::wire::{
    ClosingTerms, CompletionRecord, Decision, HistoryRecord, ItemListed, Outcome, SCHEMA_VERSION, headers, topics,
};
use gavel_domain::{AccountId, BidId, ItemId};
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions, Strictness};
use gavel_log::{Appended, Cleanup, Header, Log, NewRecord, Producer, TopicPartition, TopicSpec};
use gavel_readmodel::{Database, Projector, ProjectorConfig, projected_topics};
use newtype_uuid::{GenericUuid, TypedUuid, TypedUuidKind};
use serde::Serialize;
use tokio::runtime::Handle;
use tokio::time::Instant;
use uuid::Uuid;

use crate::databases::TestDatabase;

/// Partitions of every topic.
pub(crate) const PARTITIONS: u32 = 2;
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// An id made from a number, so that its order is known.
pub(crate) fn id<K: TypedUuidKind>(number: u128) -> TypedUuid<K> {
    TypedUuid::from_untyped_uuid(Uuid::from_u128(number))
}

pub(crate) struct House {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) database: Database,
    producer: Arc<dyn Producer>,
}

impl House {
    pub(crate) async fn open(fresh: &TestDatabase) -> Self {
        let options = EmbeddedOptions { strictness: Strictness::Os, ..EmbeddedOptions::default() };
        let log: Arc<dyn Log> = EmbeddedLog::open(fresh.folder.path().join("log"), options).unwrap();
        for name in projected_topics() {
            let spec = TopicSpec { name: name.into(), partitions: PARTITIONS, cleanup: Cleanup::Keep };
            log.create_topic(&spec).unwrap();
        }
        let producer = log.producer().unwrap();
        Self { log, database: fresh.connect().await, producer }
    }

    pub(crate) fn start_projector(&self) -> Projector {
        self.start_projector_of("gavel.readmodel", &self.database)
    }

    pub(crate) fn start_projector_with(&self, config: ProjectorConfig) -> Projector {
        Projector::start(self.database.clone(), self.log.clone(), config, Handle::current()).unwrap()
    }

    pub(crate) fn start_projector_of(&self, group: &str, database: &Database) -> Projector {
        let config = ProjectorConfig { group: group.into(), ..ProjectorConfig::default() };
        Projector::start(database.clone(), self.log.clone(), config, Handle::current()).unwrap()
    }

    pub(crate) async fn append_bytes(
        &self,
        topic: &str,
        item: ItemId,
        value: Vec<u8>,
        headers: Vec<Header>,
    ) -> Appended {
        let partition = u32::try_from(item.as_untyped_uuid().as_u128() % u128::from(PARTITIONS)).unwrap();
        let record = NewRecord {
            topic: topic.into(),
            partition: Some(partition),
            key: Some(item.to_string().into()),
            value: Some(value.into()),
            headers,
        };
        self.producer.send(record).await.unwrap()
    }

    pub(crate) async fn append(&self, topic: &str, item: ItemId, value: &impl Serialize) -> Appended {
        self.append_bytes(topic, item, serde_json::to_vec(value).unwrap(), Vec::new()).await
    }

    pub(crate) async fn list(&self, item: &ItemListed) -> Appended {
        self.append(topics::ITEMS, item.item_id, item).await
    }

    /// A decision on the command at `auctions.bids/PARTITION/OFFSET`.
    pub(crate) async fn decide(&self, record: &HistoryRecord, command: (u32, u64)) -> Appended {
        let place = format!("{}/{}/{}", topics::BIDS, command.0, command.1);
        let causation = Header { name: headers::CAUSATION.into(), value: place.into() };
        let value = serde_json::to_vec(record).unwrap();
        self.append_bytes(topics::HISTORY, record.item_id, value, vec![causation]).await
    }

    pub(crate) async fn complete(&self, record: &CompletionRecord) -> Appended {
        self.append(topics::COMPLETE, record.item_id, record).await
    }

    /// Returns once all that is in the log is projected.
    pub(crate) async fn settle(&self) {
        for topic in projected_topics() {
            for partition in 0..PARTITIONS {
                let partition = TopicPartition::new(topic.as_str(), partition);
                let end = self.log.watermarks(&partition).unwrap().stable_end;
                let deadline = Instant::now() + PATIENCE;
                let Some(last) = end.checked_sub(1) else { continue };
                let is_projected = self.database.wait_until_projected(&partition, last, deadline).await.unwrap();
                assert!(is_projected, "{partition} is not projected to {end}");
            }
        }
    }

    /// Projects all that is in the log, and stops.
    pub(crate) async fn project_all(&self) {
        let projector = self.start_projector();
        self.settle().await;
        projector.stop().await;
    }
}

/// An item that starts at 0 and ends at 10 000.
pub(crate) fn item(number: u128, title: &str) -> ItemListed {
    serde_json::from_value(serde_json::json!({
        "type": "item_listed", "v": SCHEMA_VERSION, "item_id": id::<gavel_domain::id::ItemKind>(number),
        "seller_id": id::<gavel_domain::id::AccountKind>(900), "title": title, "description": "", "category": "art",
        "currency": "USD", "starting_minor": 100, "reserve_minor": null, "buy_now_minor": null, "ladder": "standard",
        "starts_at_ms": 0, "ends_at_ms": 10_000, "closing": ClosingTerms::Hard, "images": [],
    }))
    .unwrap()
}

/// A decision: `bidder` bid and leads at `price_minor`.
pub(crate) fn accepted(item: ItemId, sequence: u64, bid: BidId, bidder: AccountId, price_minor: i64) -> HistoryRecord {
    HistoryRecord {
        kind: HistoryKind::BidDecided,
        v: SCHEMA_VERSION,
        item_id: item,
        sequence: Some(sequence),
        bid_id: Some(bid),
        command_id: None,
        bidder_id: Some(bidder),
        alias: Some("b***r".into()),
        decision: Decision::Accepted,
        price_minor: Some(price_minor),
        minimum_minor: Some(price_minor + 50),
        leader_id: Some(bidder),
        leader_alias: Some("b***r".into()),
        bid_count: sequence,
        reserve_met: true,
        ends_at_ms: Some(10_000),
        at_ms: 1_000 + i64::try_from(sequence).unwrap(),
        received_ms: 1_000,
        country: Some("GB".into()),
        grid: None,
        first: None,
    }
}

/// The outcome after `sequence - 1` bids.
pub(crate) fn completion(item: ItemId, sequence: u64, outcome: Outcome, winner: Option<AccountId>) -> CompletionRecord {
    serde_json::from_value(serde_json::json!({
        "type": "item_completed", "v": SCHEMA_VERSION, "item_id": item, "sequence": sequence, "outcome": outcome,
        "winner_id": winner, "winner_alias": winner.map(|_| "b***r"), "price_minor": 100 * sequence,
        "bid_count": sequence - 1, "ended_at_ms": 10_000,
    }))
    .unwrap()
}
