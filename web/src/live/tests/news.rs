//! Badges and hints, over a real log and a real projector.

use std::sync::Arc;
use std::time::Duration;

use gavel_auctions::wire::topics;
use gavel_domain::AccountId;
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions, Strictness};
use gavel_log::{Cleanup, Log, NewRecord, Producer, TopicSpec};
use gavel_readmodel::{Database, DatabaseUrl, Projector, ProjectorConfig, projected_topics};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Handle;

use crate::live::mailbox::{Inbox, Mailbox, Parcel};
use crate::live::tests::aliases;
use crate::live::{Live, LiveParts};

const PARTITIONS: u32 = 2;

struct House {
    _folder: TempDir,
    log: Arc<dyn Log>,
    producer: Arc<dyn Producer>,
    database: Database,
    live: Arc<Live>,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = EmbeddedOptions { strictness: Strictness::Os, ..EmbeddedOptions::default() };
        let log: Arc<dyn Log> = EmbeddedLog::open(folder.path().join("log"), options).unwrap();
        for name in projected_topics().into_iter().chain([topics::METRICS.to_owned()]) {
            let spec = TopicSpec { name: name.into(), partitions: PARTITIONS, cleanup: Cleanup::Keep };
            log.create_topic(&spec).unwrap();
        }
        let url = DatabaseUrl::Sqlite(folder.path().join("gavel.sqlite"));
        let database = Database::connect(&url).await.unwrap();
        let producer = log.producer().unwrap();
        let live = Live::start(LiveParts {
            database: database.clone(),
            log: Arc::clone(&log),
            producer: Arc::clone(&producer),
            aliases: aliases(),
            source: "test".into(),
            is_limited: true,
        });
        let house = Self { _folder: folder, log, producer, database, live: live.unwrap() };
        while !house.live.is_reading() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        house
    }

    fn start_projector(&self) -> Projector {
        let (database, log) = (self.database.clone(), Arc::clone(&self.log));
        Projector::start(database, log, ProjectorConfig::default(), Handle::current()).unwrap()
    }

    async fn append(&self, topic: &str, partition: u32, value: serde_json::Value) {
        let record = NewRecord {
            topic: topic.into(),
            partition: Some(partition),
            value: Some(value.to_string().into()),
            ..NewRecord::default()
        };
        self.producer.send(record).await.unwrap();
    }

    async fn notify(&self, number: u32, account_id: AccountId, partition: u32) {
        let notice = json!({
            "type": "notice", "v": 1, "notice_id": format!("018f0000-0000-7000-a000-{number:012}"),
            "account_id": account_id, "kind": "outbid", "item_id": "018f0000-0000-7000-8000-000000000001",
            "title": "Clock", "currency": "USD", "price_minor": 1, "sequence": 1, "at_ms": 1,
        });
        self.append(topics::NOTICES, partition, notice).await;
    }
}

fn account(number: u32) -> AccountId {
    format!("018f0000-0000-7000-b000-{number:012}").parse().unwrap()
}

async fn frame(inbox: &mut Inbox) -> String {
    let parcel = tokio::time::timeout(Duration::from_secs(30), inbox.parcels.recv()).await.unwrap();
    match parcel.unwrap() {
        Parcel::Frame(text) => text.to_string(),
        Parcel::Event(event) => panic!("{event:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_badge_is_counted_once_its_notice_is_in_the_database() {
    let house = House::open().await;
    let (mailbox, mut inbox) = Mailbox::open(8);
    let (second_mailbox, mut second_inbox) = Mailbox::open(8);
    let _shown = house.live.badges.show(account(1), &mailbox);
    assert_eq!(frame(&mut inbox).await, r#"{"notices":0}"#);
    let _second_shown = house.live.badges.show(account(2), &second_mailbox);
    assert_eq!(frame(&mut second_inbox).await, r#"{"notices":0}"#);
    // Of both partitions, for each account.
    for (number, to, partition) in [(1, 1, 0), (2, 2, 1), (3, 1, 0), (4, 2, 1), (5, 2, 1)] {
        house.notify(number, account(to), partition).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(inbox.parcels.is_empty() && second_inbox.parcels.is_empty(), "nothing is projected yet");
    let projector = house.start_projector();
    for (inbox, last) in [(&mut inbox, r#"{"notices":2}"#), (&mut second_inbox, r#"{"notices":3}"#)] {
        while frame(inbox).await != last {}
    }
    projector.stop().await;
    house.live.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hint_comes_once_the_measures_of_all_partitions_are_in_the_database() {
    let house = House::open().await;
    let (mailbox, mut inbox) = Mailbox::open(8);
    let _told = house.live.hints.tell(&mailbox);
    for partition in 0..PARTITIONS {
        let cell = json!({
            "type": "measure", "v": 1, "measure": "bids", "window_start_ms": 0, "dimension": "accepted",
            "currency": "", "partition": partition, "count": 1, "sum": 0,
        });
        house.append(topics::ANALYTICS, partition, cell).await;
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(inbox.parcels.is_empty(), "nothing is projected yet");
    let projector = house.start_projector();
    assert_eq!(frame(&mut inbox).await, r#"{"measures":true}"#);
    let counted = house.database.measures(gavel_auctions::wire::Measure::Bids, 0, 1).await.unwrap();
    assert_eq!(counted.iter().map(|row| row.count).sum::<i64>(), i64::from(PARTITIONS));
    projector.stop().await;
    house.live.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_projector_tells_its_pace() {
    let house = House::open().await;
    let projector = house.start_projector();
    let told = async {
        while house.live.projections().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.unwrap();
    assert_eq!(house.live.projections()[0].source, "gavel.readmodel");
    projector.stop().await;
    house.live.stop().await;
}
