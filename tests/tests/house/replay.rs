//! `gavel replay`: the same topology beside the live one, over the same records, into topics of its own.

use std::sync::Arc;

use anyhow::Result;
use bytes::Bytes;
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{Log, Record};
use gavel_tests::client::{Person, Watcher};
use gavel_tests::recording::records;
use serde_json::json;

use crate::ground::{Ground, servers};

/// Partition, key and value.
type Written = (u32, Option<Bytes>, Option<Bytes>);

/// What both wrote, but for where: each record of a topic in order.
fn written(log: &dyn Log, topic: &str) -> Result<Vec<Written>> {
    Ok(records(log, topic)?.into_iter().map(|Record { partition, key, value, .. }| (partition, key, value)).collect())
}

/// A lot that has ended, and one that has not.
async fn trade(ground: &Ground) -> Result<()> {
    let url = ground.url();
    let (seller, ann) = (Person::register(&url, "Sela").await?, Person::register(&url, "Ann").await?);
    for duration_s in [5, 3600] {
        let lot = json!({"title": "A globe", "description": "", "category": "art", "currency": "USD", "starting_minor": 100,
            "duration_s": duration_s});
        let item = seller.list(&lot).await?;
        for step in 0..20 {
            ann.bid(&item, 200 + 100 * step, &format!("k{step}")).await?;
        }
        if duration_s == 5 {
            Watcher::connect(&url, &[(&item, 0)]).await?.until_completed().await?;
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_beside_the_live_house_writes_what_it_wrote_embedded() -> Result<()> {
    let mut ground = Ground::embedded(&[])?;
    trade(&ground).await?;
    let said = ground.command(&["replay", "--to", "again."])?;
    assert!(said.contains("replayed into again.*"), "{said}");
    // Once more: nothing is written twice.
    ground.command(&["replay", "--to", "again."])?;
    let partial = ["replay", "--to", "late.", "--from", "2999-01-01T00:00:00Z"];
    ground.command(&partial)?;
    ground.processes()[0].stop()?;
    let log = EmbeddedLog::open(ground.folder().join("house/log"), EmbeddedOptions::default())?;
    for topic in ["auctions.bids.history", "auctions.items-complete"] {
        let live = written(&*log, topic)?;
        assert!(!live.is_empty());
        assert_eq!(written(&*log, &format!("again.{topic}"))?, live, "{topic}");
        assert_eq!(written(&*log, &format!("late.{topic}"))?, [], "{topic}: nothing was appended after that time");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_beside_the_live_house_writes_what_it_wrote_on_kafka() -> Result<()> {
    let Some((_guard, kafka, postgres)) = servers().await else { return Ok(()) };
    let ground = Ground::split(&kafka, &postgres, &[])?;
    trade(&ground).await?;
    let prefix = format!("again-{}.", uuid::Uuid::new_v4().simple());
    ground.command(&["replay", "--to", &prefix, "bidding"])?;
    let log: Arc<dyn Log> = KafkaLog::connect(&kafka, KafkaOptions::default())?;
    for topic in ["auctions.bids.history", "auctions.items-complete"] {
        assert_eq!(written(&*log, &format!("{prefix}{topic}"))?, written(&*log, topic)?, "{topic}");
    }
    Ok(())
}

#[test]
fn what_cannot_be_replayed_is_said() -> Result<()> {
    let ground = Ground::embedded(&[])?;
    let says = |words: &[&str], expected: &str| -> Result<()> {
        let said = ground.run(&[&["replay", "--to", "x."], words].concat())?;
        let refusal = String::from_utf8_lossy(&said.stderr).into_owned();
        assert!(!said.status.success() && refusal.contains(expected) && refusal.lines().count() == 1, "{refusal}");
        Ok(())
    };
    says(&["--from", "yesterday"], "neither beginning, nor a time")?;
    says(&["--from", "auctions.prices/0=1"], "auctions.prices/0 is not read by what is to be replayed")?;
    says(&["nobody"], "nothing here is called nobody")
}
