//! `kill -9` at random points: no acknowledged bid is lost or doubled, each item has one completion, sequences are dense.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use gavel_tests::client::{Person, Watcher};
use serde_json::{Value, json};

use crate::ground::{Ground, servers};

const ROUNDS: u32 = 10;
const BIDDERS: u32 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn kill_nine_loses_and_doubles_nothing_embedded() -> Result<()> {
    let mut ground = Ground::embedded(&[])?;
    ten_rounds(&mut ground).await?;
    assert!(ground.verify()?.contains("all as recomputed"), "while it runs");
    ground.kill();
    assert!(ground.verify()?.contains("all as recomputed"), "when none runs");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_nine_loses_and_doubles_nothing_on_kafka() -> Result<()> {
    let Some((_guard, kafka, postgres)) = servers().await else { return Ok(()) };
    let mut ground = Ground::split(&kafka, &postgres, &[])?;
    ten_rounds(&mut ground).await?;
    assert!(ground.verify()?.contains("all as recomputed"), "while it runs");
    Ok(())
}

#[tokio::test]
async fn a_lot_whose_end_passed_while_all_was_down_ends_with_the_bids_before_its_end() -> Result<()> {
    let mut ground = Ground::embedded(&[])?;
    let (seller, ann) = (Person::register(&ground.url(), "Sela").await?, Person::register(&ground.url(), "Ann").await?);
    let item = seller.list(&lot(6)).await?;
    let ends_at_ms = seller.item(&item).await?["ends_at_ms"].clone();
    assert_eq!(ann.bid(&item, 900, "a").await?.body["decision"], "accepted");
    ground.kill();
    let end = ends_at_ms.as_i64().context("an end")?;
    gavel_tests::process::wait_until("the end passes", Duration::from_secs(20), || now_ms() > end)?;
    ground.restart()?;
    let mut watcher = Watcher::connect(&ground.url(), &[(&item, 0)]).await?;
    let frames = watcher.until_completed().await?;
    let completion = &frames.last().context("a completion")?["event"];
    assert_eq!((&completion["outcome"], &completion["winner_alias"]), (&json!("sold"), &ann.alias(&item).await?));
    assert_eq!(completion["ended_at_ms"], ends_at_ms);
    Ok(())
}

/// Three people bid without pause on a new lot each round while the house is killed; a bid without an answer is sent
/// again under its key until there is one.
async fn ten_rounds(ground: &mut Ground) -> Result<()> {
    let url = ground.url();
    let seller = Person::register(&url, "Sela").await?;
    let mut people = Vec::new();
    for number in 0..BIDDERS {
        people.push(Person::register(&url, &format!("Bidder{number}")).await?);
    }
    let mut answered: HashMap<String, Vec<Value>> = HashMap::new();
    for round in 0..ROUNDS {
        let item = seller.list(&lot(9)).await?;
        let is_over = Arc::new(AtomicBool::new(false));
        let bidding = people.iter().enumerate().map(|(index, person)| {
            tokio::spawn(bid_until_over(person.clone(), item.clone(), index as i64, Arc::clone(&is_over)))
        });
        let bidding: Vec<_> = bidding.collect();
        // A different moment each round, and each time another process.
        tokio::time::sleep(Duration::from_millis(300 + u64::from(round) * 173)).await;
        let processes = ground.processes();
        let victim = round as usize % processes.len();
        processes[victim].crash_and_restart()?;
        let mut watcher = Watcher::connect(&url, &[(&item, 0)]).await?;
        let frames = watcher.until_completed().await?;
        is_over.store(true, Ordering::Relaxed);
        let mut decisions = Vec::new();
        for task in bidding {
            decisions.extend(task.await??);
        }
        check(&frames, &decisions, &seller.events(&item, 0).await?)?;
        answered.insert(item, decisions);
    }
    // All of it is still there, and was decided once.
    for (item, decisions) in answered {
        check(&[], &decisions, &seller.events(&item, 0).await?)?;
    }
    Ok(())
}

/// The decisions on this person's bids, each answered.
async fn bid_until_over(person: Person, item: String, index: i64, is_over: Arc<AtomicBool>) -> Result<Vec<Value>> {
    let mut decisions = Vec::new();
    for step in 0..400 {
        let max_minor = 1000 + step * 700 + index * 130;
        let answer = loop {
            // Nobody answers while the house is down.
            match person.bid(&item, max_minor, &format!("s{step}")).await {
                Ok(answer) if answer.body["decision"].is_string() => break Some(answer.body),
                _ if is_over.load(Ordering::Relaxed) => break None,
                _ => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let Some(answer) = answer else { break };
        let is_ended = answer["decision"] == "ended";
        decisions.push(answer);
        if is_ended {
            break;
        }
    }
    Ok(decisions)
}

fn check(frames: &[Value], decisions: &[Value], events: &[Value]) -> Result<()> {
    let sequences: Vec<u64> = events.iter().filter_map(|event| event["sequence"].as_u64()).collect();
    assert_eq!(sequences, (1..=events.len() as u64).collect::<Vec<_>>(), "dense");
    let completions = events.iter().filter(|event| event["type"] == "item_completed").count();
    assert_eq!(completions, 1, "one completion, and it is last: {:?}", events.last());
    assert_eq!(events.last().context("events")?["type"], "item_completed");
    if !frames.is_empty() {
        let pushed: Vec<&Value> = frames.iter().map(|frame| &frame["event"]).collect();
        assert_eq!(pushed, events.iter().collect::<Vec<_>>(), "pushed once each, in order");
    }
    let mut by_bid: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for event in events.iter().filter(|event| event["bid_id"].is_string()) {
        by_bid.entry(event["bid_id"].as_str().context("a bid_id")?).or_default().push(event);
    }
    for decision in decisions.iter().filter(|decision| decision["sequence"].is_u64()) {
        let bid_id = decision["bid_id"].as_str().context("a bid_id")?;
        let found = by_bid.get(bid_id).with_context(|| format!("an acknowledged bid is lost: {decision}"))?;
        assert_eq!(found.len(), 1, "a bid is doubled: {found:?}");
        assert_eq!(found[0]["sequence"], decision["sequence"], "answered otherwise than decided");
        assert_eq!(found[0]["decision"], decision["decision"]);
    }
    Ok(())
}

fn lot(duration_s: u32) -> Value {
    json!({"title": "A watch", "description": "", "category": "watches", "currency": "USD", "starting_minor": 100,
        "duration_s": duration_s})
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
