//! Orders to a running house: bids are taken while nothing is decided, and what ended meanwhile ends by append times.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use gavel_tests::client::{Person, Watcher};
use gavel_tests::ground::{Ground, servers};
use gavel_tests::process::wait_until;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_changes_no_outcome_embedded() -> Result<()> {
    let mut ground = Ground::embedded(&["--decision-wait-ms", "200"])?;
    pause_over_an_end(&mut ground).await?;
    ground.processes()[0].stop()?;
    let status = ground.run(&["status"])?;
    let refusal = String::from_utf8_lossy(&status.stderr);
    assert!(!status.status.success() && refusal.contains("not run by anybody now: bidding 0, bidding 1"), "{refusal}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_changes_no_outcome_on_kafka() -> Result<()> {
    let Some((_guard, kafka, postgres)) = servers().await else { return Ok(()) };
    let mut ground = Ground::scaled(&kafka, &postgres, 1, 2, &["--decision-wait-ms", "200"])?;
    let outcome = pause_over_an_end(&mut ground).await;
    // The next house on this broker finds the orders that this one leaves.
    ground.command(&["control", "resume", "bidding"])?;
    outcome
}

#[test]
fn orders_are_said_as_they_are() -> Result<()> {
    let ground = Ground::embedded(&[])?;
    let json = |words: &[&str]| -> Result<Value> { Ok(serde_json::from_str(&ground.command(words)?)?) };
    let refused = ground.run(&["control", "pause", "biding"])?;
    let refusal = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && refusal.contains("orders are for all, bidding"), "{refusal}");
    let paused = json(&["control", "pause", "auctioneer", "--json"])?;
    assert_eq!((&paused["scope"], &paused["order"]["state"]), (&json!("bidding"), &json!("paused")));
    assert_eq!((paused["followed_by"].as_array().map(Vec::len), &paused["late"]), (Some(1), &json!([])));
    ground.command(&["control", "rate", "50"])?;
    let resumed = ground.command(&["control", "resume"])?;
    assert!(resumed.contains("bidding: is paused, at most 50 records a second"), "{resumed}");
    assert!(resumed.contains("notices: runs, at most 50 records a second"), "{resumed}");
    ground.command(&["control", "rate", "off"])?;
    ground.command(&["control", "drain", "bidding", "--wait", "30"])?;
    let status = json(&["status", "--json"])?;
    let partitions = status["partitions"].as_array().context("partitions")?;
    for partition in partitions.iter().filter(|partition| partition["topology"] == "bidding") {
        assert_eq!(partition["holders"][0]["state"], "drained", "{partition}");
    }
    ground.command(&["control", "resume", "bidding"])?;
    assert_eq!(ground.command(&["control", "show"])?.trim(), "nothing is ordered: all runs");
    Ok(())
}

/// Ann's bid is decided; Ben's is appended in time, Cleo's late, both while nothing is processed, not even after a restart.
async fn pause_over_an_end(ground: &mut Ground) -> Result<()> {
    let url = ground.url();
    let seller = Person::register(&url, "Sela").await?;
    let (ann, ben) = (Person::register(&url, "Ann").await?, Person::register(&url, "Ben").await?);
    let cleo = Person::register(&url, "Cleo").await?;
    let lot = json!({"title": "A lamp", "description": "", "category": "other", "currency": "USD", "starting_minor": 100,
        "duration_s": 15});
    let item = seller.list(&lot).await?;
    let ends_at_ms = seller.item(&item).await?["ends_at_ms"].as_i64().context("an end")?;
    wait_for(&ann, &item, 900).await?;
    ground.command(&["control", "pause", "bidding"])?;
    let in_time = ben.bid(&item, 2_000, "b").await?;
    assert_eq!(in_time.status.as_u16(), 202, "{in_time:?}");
    ensure!(now_ms() < ends_at_ms, "the machine is too slow for this test");
    wait_until("the end passes", PATIENCE, || now_ms() > ends_at_ms)?;
    let late = cleo.bid(&item, 9_000, "c").await?;
    assert_eq!(late.status.as_u16(), 202, "{late:?}");
    ground.kill();
    ground.restart()?;
    let mut status = Err(anyhow::anyhow!("no status"));
    wait_until("all partitions are run", PATIENCE, || {
        status = ground.command(&["status"]);
        status.is_ok()
    })?;
    let status = status?;
    assert!(status.contains("ordered for bidding: paused"), "{status}");
    assert_eq!(seller.item(&item).await?["status"], "open", "nothing ended it");
    ground.command(&["control", "resume", "bidding"])?;
    let mut watcher = Watcher::connect(&url, &[(&item, 0)]).await?;
    let frames = watcher.until_completed().await?;
    let completion = &frames.last().context("a completion")?["event"];
    assert_eq!((&completion["outcome"], &completion["winner_alias"]), (&json!("sold"), &ben.alias(&item).await?));
    assert_eq!(completion["ended_at_ms"], ends_at_ms);
    let receipt = late.location.context("a receipt address")?;
    let mut decision = Value::Null;
    for _ in 0..100 {
        decision = cleo.get(&receipt).await?.body["decision"].clone();
        if !decision.is_null() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(decision, "ended");
    Ok(())
}

/// Bids until there is a decision: the wait for one is short here.
async fn wait_for(person: &Person, item: &str, max_minor: i64) -> Result<()> {
    for _ in 0..100 {
        if person.bid(item, max_minor, "a").await?.body["decision"] == "accepted" {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("a bid was not decided in time")
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
