//! `gavel backtest` on the log of a live run gives the completions that the live run gave, the same bytes each time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
use gavel_log::{Log, Record, Start, TopicPartition};
use gavel_tests::client::{Person, Watcher};
use gavel_tests::house::run;
use serde_json::{Value, json};

use crate::ground::Ground;

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_a_live_log_gives_its_very_outcomes() -> Result<()> {
    let mut ground = Ground::embedded(&[])?;
    let url = ground.url();
    let seller = Person::register(&url, "Sela").await?;
    let people = [Person::register(&url, "Ann").await?, Person::register(&url, "Ben").await?];
    let mut items = Vec::new();
    for number in 0..6 {
        let closing = if number % 2 == 0 {
            json!({"kind": "hard"})
        } else {
            json!({"kind": "soft", "window_s": 3, "extend_s": 2, "cap_s": 6})
        };
        items.push(
            seller
                .list(&json!({"title": format!("Lot {number}"), "description": "", "category": "art", "currency": "USD",
                    "starting_minor": 100, "reserve_minor": 100 + 900 * number, "duration_s": 6 + number, "closing": closing}))
                .await?,
        );
    }
    for step in 0..40 {
        for (index, person) in people.iter().enumerate() {
            let item = &items[(step + index) % 5];
            person.bid(item, 100 + 70 * step as i64, &format!("{step}")).await?;
        }
    }
    let watched: Vec<(&str, u64)> = items.iter().map(|item| (item.as_str(), 0)).collect();
    let mut watcher = Watcher::connect(&url, &watched).await?;
    let mut live = BTreeMap::new();
    while live.len() < items.len() {
        let frame = watcher.next().await?;
        if frame["event"]["type"] == "item_completed" {
            live.insert(frame["item_id"].as_str().context("an item")?.to_owned(), frame["event"].clone());
        }
    }
    ground.processes()[0].stop()?;

    let log = EmbeddedLog::open(ground.folder().join("house/log"), EmbeddedOptions::default())?;
    std::fs::write(ground.folder().join("items"), lines(&*log, "auctions.items")?)?;
    std::fs::write(ground.folder().join("bids"), lines(&*log, "auctions.bids")?)?;
    let first = backtest(&ground)?;
    assert_eq!(first, backtest(&ground)?, "the same bytes in every run");
    let mut replayed = BTreeMap::new();
    for line in first.lines() {
        let output: Value = serde_json::from_str(line)?;
        if output["topic"] == "auctions.items-complete" {
            let key = output["key"].as_str().context("a key")?.to_owned();
            assert!(replayed.insert(key, output["value"].clone()).is_none(), "one completion each");
        }
    }
    assert_eq!(replayed, live);
    Ok(())
}

fn backtest(ground: &Ground) -> Result<String> {
    let out = run(&["backtest", "--items", "items", "--bids", "bids", "--out", "out"], ground.folder())?;
    ensure!(out.status.success(), "backtest: {}", String::from_utf8_lossy(&out.stderr));
    Ok(std::fs::read_to_string(ground.folder().join("out"))?)
}

/// A topic as backtest reads it.
fn lines(log: &dyn Log, topic: &str) -> Result<String> {
    let mut text = String::new();
    for partition in 0..log.describe_topic(topic)?.partitions {
        let partition = TopicPartition::new(topic, partition);
        let mut consumer = log.consumer(None)?;
        consumer.assign(&[(partition.clone(), Start::Earliest)])?;
        let mut records: Vec<Record> = Vec::new();
        while consumer.position(&partition)? < log.watermarks(&partition)?.end {
            consumer.poll(&mut records, 1000, Duration::from_secs(1))?;
        }
        for record in records {
            let value: Value = serde_json::from_slice(&record.value.context("a value")?)?;
            writeln!(
                text,
                "{}",
                json!({"append_ms": record.append_ms, "partition": record.partition, "value": value})
            )?;
        }
    }
    Ok(text)
}
