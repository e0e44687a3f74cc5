//! What the house does when what it stands on gives way: a database that stands still, a disk that is full.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{Log, NewRecord, TopicPartition};
use gavel_tests::client::{Answer, Person};
use gavel_tests::ground::{Ground, servers};
use gavel_tests::house::House;
use gavel_tests::process::{Process, wait_until};
use reqwest::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use crate::alone;

const BIDS: i64 = 40;
const CAUGHT_UP_WITHIN: Duration = Duration::from_secs(60);
/// From where on no file may be written: the log's journal is there after a few hundred bids.
const FILE_BYTES_MAX: u64 = 1 << 20;
const BIDS_MAX: i64 = 5_000;

fn lot() -> Value {
    json!({"title": "A map", "description": "", "category": "books", "currency": "USD", "starting_minor": 100,
        "duration_s": 3600})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_takes_no_row_holds_no_decision_up() -> Result<()> {
    let _alone = alone().await;
    let Some((_guard, kafka, postgres)) = servers().await else { return Ok(()) };
    let ground = Ground::split(&kafka, &postgres, &[])?;
    let (seller, ann) = (Person::register(&ground.url(), "Sela").await?, Person::register(&ground.url(), "Ann").await?);
    let item = seller.list(&lot()).await?;
    let mut reader = PgConnection::connect(ground.database()).await?;

    let mut holder = PgConnection::connect(ground.database()).await?;
    let mut holding = holder.begin().await?;
    sqlx::query("LOCK TABLE projection_offsets, history IN SHARE MODE").execute(&mut *holding).await?;
    for number in 1..=BIDS {
        let answer = ann.bid(&item, 100 * number, &format!("b{number}")).await?;
        assert_eq!(answer.status, StatusCode::OK, "decided at once, with rows held: {answer:?}");
    }
    assert_eq!(projected(&mut reader, &item).await?, 0, "the rows were held");
    assert_eq!(ann.item(&item).await?["bid_count"], 1, "what is shown is news all the same");
    holding.rollback().await?;
    until_projected(&mut reader, &item, BIDS).await?;

    // Now nothing of it answers, so nobody can bid by a web. What comes otherwise is decided all the same.
    let log = KafkaLog::connect(&kafka, KafkaOptions::default())?;
    let mut holding = holder.begin().await?;
    let tables: Vec<(String,)> = sqlx::query_as("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
        .fetch_all(&mut *holding)
        .await?;
    let tables: Vec<String> = tables.into_iter().map(|(table,)| format!("\"{table}\"")).collect();
    let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables.join(", "));
    sqlx::query(sqlx::AssertSqlSafe(lock)).execute(&mut *holding).await?;
    let before = decided(&*log)?;
    let producer = log.producer()?;
    for number in 1..=BIDS {
        let bid = json!({"type": "bid_placed", "v": 1, "bid_id": Uuid::new_v4(), "item_id": item,
            "bidder_id": ann.account_id, "max_minor": 10_000 + number});
        let (key, value) = (Some(item.clone().into()), Some(serde_json::to_vec(&bid)?.into()));
        producer.send(NewRecord { topic: "auctions.bids".into(), key, value, ..NewRecord::default() }).await?;
    }
    wait_until("all is decided without the database", CAUGHT_UP_WITHIN, || {
        decided(&*log).is_ok_and(|decided| decided >= before + BIDS.unsigned_abs())
    })?;
    holding.rollback().await?;
    until_projected(&mut reader, &item, 2 * BIDS).await
}

/// Rows of an item's history.
async fn projected(reader: &mut PgConnection, item: &str) -> Result<i64> {
    let count = sqlx::query_scalar("SELECT count(*) FROM history WHERE item_id::text = $1");
    Ok(count.bind(item).fetch_one(reader).await?)
}

async fn until_projected(reader: &mut PgConnection, item: &str, count: i64) -> Result<()> {
    let begun = std::time::Instant::now();
    while projected(reader, item).await? < count {
        ensure!(begun.elapsed() < CAUGHT_UP_WITHIN, "the projections do not catch up");
    }
    Ok(())
}

/// Offsets up to which the history is written.
fn decided(log: &dyn Log) -> Result<u64> {
    let topic = "auctions.bids.history";
    let ends =
        (0..log.describe_topic(topic)?.partitions).map(|number| log.stable_end(&TopicPartition::new(topic, number)));
    Ok(ends.sum::<gavel_log::Result<u64>>()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_serves_reads_and_loses_nothing_acknowledged() -> Result<()> {
    let _alone = alone().await;
    let folder = tempfile::tempdir()?;
    // A write past the limit is to fail as on a full disk, not to end the process.
    let mut house =
        House::start_under(&["env", "--ignore-signal=XFSZ"], "serve", folder.path(), &["--rate-limits", "off"])?;
    let url = house.url();
    let (seller, ann) = (Person::register(&url, "Sela").await?, Person::register(&url, "Ann").await?);
    let item = seller.list(&lot()).await?;

    limit_files(house.process()?, &FILE_BYTES_MAX.to_string())?;
    let (acknowledged, refused) = bid_until_refused(&ann, &item).await?;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{refused:?}");
    assert_eq!(refused.body["type"], "urn:gavel:problem:disk-full", "{refused:?}");
    assert!(refused.retry_after_s.is_some(), "{refused:?}");
    let again = ann.bid(&item, 1, "again").await?;
    assert_eq!(again.body["type"], "urn:gavel:problem:disk-full", "and so is the next: {again:?}");
    let shown = ann.item(&item).await?;
    assert_eq!(shown["status"], "open", "reads go on");
    assert!(ann.text(&format!("/items/{item}")).await?.contains("A map"), "pages, too");
    assert!(!house.is_ready(), "who runs the house is told");
    let log = house.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("ERROR") && line.contains("disk is full")).collect();
    assert_eq!(lines.len(), 1, "one clear line: {log}");

    limit_files(house.process()?, "unlimited")?;
    house.crash_and_restart()?;
    assert_eq!(ann.bid(&item, 9_000_000, "after").await?.body["decision"], "raised", "it takes bids again");
    let events = ann.events(&item, 0).await?;
    for answer in acknowledged {
        let bid_id = answer["bid_id"].as_str().context("a bid_id")?;
        let receipt = ann.get(&format!("/api/v1/bids/{bid_id}")).await?;
        assert_eq!(receipt.body["status"], "decided", "an acknowledged bid is lost: {answer}, {receipt:?}");
        for member in ["decision", "sequence"].into_iter().filter(|_| answer["decision"].is_string()) {
            assert_eq!(receipt.body[member], answer[member], "{answer}");
        }
    }
    let sequences: Vec<u64> = events.iter().filter_map(|event| event["sequence"].as_u64()).collect();
    assert_eq!(sequences, (1..=events.len() as u64).collect::<Vec<_>>(), "dense");
    Ok(())
}

/// The answers that acknowledge, and the first that does not.
async fn bid_until_refused(ann: &Person, item: &str) -> Result<(Vec<Value>, Answer)> {
    let mut acknowledged = Vec::new();
    for number in 1..BIDS_MAX {
        let answer = ann.bid(item, 100 + number, &format!("b{number}")).await?;
        if answer.body["bid_id"].is_null() {
            return Ok((acknowledged, answer));
        }
        acknowledged.push(answer.body);
    }
    anyhow::bail!("the disk did not fill")
}

/// Of a running process: how large a file it may write.
fn limit_files(process: &Process, bytes: &str) -> Result<()> {
    let mut prlimit = Command::new("prlimit");
    let limited = prlimit.args(["--pid", &process.id().to_string(), &format!("--fsize={bytes}:")]).status()?;
    ensure!(limited.success(), "prlimit, of util-linux, refused");
    Ok(())
}
