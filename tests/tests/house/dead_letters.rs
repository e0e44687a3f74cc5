//! Dead letters in a running house, by the commands of an operator: corrected, sent back once, discarded.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{Header, Log, NewRecord};
use gavel_tests::client::{PATIENCE, Person};
use gavel_tests::house::binary;
use serde_json::{Value, json};

use crate::ground::{Ground, servers};

/// The maximum of the bid that is put aside.
const MAXIMUM: &str = "7654321";

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_bid_is_decided_once_embedded() -> Result<()> {
    let mut ground = Ground::embedded(&[])?;
    let (item, bid) = lot(&ground).await?;
    // A house that runs holds its log.
    ground.processes()[0].stop()?;
    let log = EmbeddedLog::open(ground.folder().join("house/log"), EmbeddedOptions::default())?;
    plant(log, "auctions.bids", &item, &bid, Vec::new()).await?;
    ground.restart()?;
    a_corrected_bid_is_decided_once(&ground, &item, &bid).await?;
    let inside = ground.command(&["dead-letters", "list", "--all", "--json"])?;
    ground.processes()[0].stop()?;
    assert_eq!(ground.command(&["dead-letters", "list", "--all", "--json"])?, inside, "the same when none runs");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_bid_is_decided_once_on_kafka() -> Result<()> {
    let Some((_guard, kafka, postgres)) = servers().await else { return Ok(()) };
    let ground = Ground::split(&kafka, &postgres, &[])?;
    let (item, bid) = lot(&ground).await?;
    let topic = ["--topic", "auctions.bids"];
    ground.command(&[&["dead-letters", "discard"][..], &topic].concat())?;
    let log = tokio::task::spawn_blocking(move || KafkaLog::connect(&kafka, KafkaOptions::default())).await??;
    plant(log, "auctions.bids", &item, &bid, Vec::new()).await?;
    a_corrected_bid_is_decided_once(&ground, &item, &bid).await
}

/// A record that was put aside is, in the proof, what its letter says: waiting, it is tried again; resolved, it is nothing.
#[tokio::test(flavor = "multi_thread")]
async fn the_proof_passes_over_what_was_resolved() -> Result<()> {
    let mut ground = Ground::embedded(&[])?;
    let (item, mut bid) = lot(&ground).await?;
    bid["max_minor"] = json!(700);
    ground.processes()[0].stop()?;
    let log = EmbeddedLog::open(ground.folder().join("house/log"), EmbeddedOptions::default())?;
    let origin = plant(log, "auctions.bids", &item, &bid, Vec::new()).await?;
    let log = EmbeddedLog::open(ground.folder().join("house/log"), EmbeddedOptions::default())?;
    let said = [("dead-letter-cause", "panic"), ("dead-letter-origin", &origin), ("dead-letter-topology", "bidding")];
    let said = said.map(|(name, value)| Header { name: name.into(), value: value.to_owned().into() });
    let letter = plant(log, "auctions.bids.dead-letters", &item, &bid, said.into()).await?;
    ground.restart()?;
    let person = Person::register(&ground.url(), "Wil").await?;
    until_counted(&person, &item).await?;
    assert!(ground.verify()?.contains("all as recomputed"));
    ground.command(&["dead-letters", "discard", &letter])?;
    let told = ground.run(&["verify"])?;
    let (out, refusal) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(refusal.contains("1 records differ"), "{out}{refusal}");
    assert!(out.contains("recomputed nothing") && out.contains(bid["bid_id"].as_str().context("an id")?), "{out}");
    Ok(())
}

/// A lot, and a bid on it whose maximum is of the wrong kind.
async fn lot(ground: &Ground) -> Result<(String, Value)> {
    let (seller, ann) = (Person::register(&ground.url(), "Sela").await?, Person::register(&ground.url(), "Ann").await?);
    let item = seller
        .list(&json!({"title": "A map", "description": "", "category": "books", "currency": "USD",
            "starting_minor": 100, "duration_s": 3600}))
        .await?;
    let bid = json!({"type": "bid_placed", "v": 1, "bid_id": uuid::Uuid::new_v4(), "item_id": item,
        "bidder_id": ann.account_id, "max_minor": MAXIMUM});
    Ok((item, bid))
}

/// Appends a record, closes the log, and answers the record's place.
async fn plant(log: Arc<dyn Log>, topic: &str, item: &str, bid: &Value, headers: Vec<Header>) -> Result<String> {
    let (key, value) = (Some(item.to_owned().into()), Some(bid.to_string().into()));
    let record = NewRecord { topic: topic.into(), partition: None, key, value, headers };
    let appended = log.producer()?.send(record).await?;
    // To close it blocks.
    tokio::task::spawn_blocking(move || drop(log)).await?;
    Ok(format!("{topic}/{}/{}", appended.partition, appended.offset))
}

async fn until_counted(person: &Person, item: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while person.item(item).await?["bid_count"] != 1 {
        ensure!(Instant::now() < deadline, "the bid was not decided");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn a_corrected_bid_is_decided_once(ground: &Ground, item: &str, bid: &Value) -> Result<()> {
    let place = waiting(ground, 1)?;
    let listed = ground.command(&["dead-letters", "list", "--topic", "auctions.bids"])?;
    assert!(listed.contains(&place) && listed.contains("malformed") && !listed.contains(MAXIMUM), "{listed}");
    let shown = ground.command(&["dead-letters", "show", &place])?;
    assert!(shown.contains(&format!("\"max_minor\": \"{MAXIMUM}\"")) && shown.contains("bidding"), "{shown}");

    // Sent back as it is, it is put aside again.
    let said = ground.command(&["dead-letters", "replay", &place])?;
    assert!(said.starts_with(&format!("{place} was sent back to auctions.bids/")), "{said}");
    let again = waiting(ground, 2)?;
    assert_ne!(again, place);
    let twice = ground.run(&["dead-letters", "replay", &place])?;
    let refusal = String::from_utf8_lossy(&twice.stderr);
    assert!(refusal.contains("was replayed already") && refusal.lines().count() == 1, "{refusal}");

    edit(ground, &again, &format!("s/\"{MAXIMUM}\"/{MAXIMUM}/"))?;
    let shown = ground.command(&["dead-letters", "show", &again])?;
    assert!(shown.contains(&format!("\"max_minor\": \"{MAXIMUM}\"")), "the original stays: {shown}");
    assert!(shown.contains(&format!("\"max_minor\": {MAXIMUM}")), "{shown}");
    ground.command(&["dead-letters", "replay", "--topic", "auctions.bids"])?;
    let person = Person::register(&ground.url(), "Wil").await?;
    until_counted(&person, item).await?;
    let events = person.events(item, 0).await?;
    assert_eq!((events.len(), &events[0]["bid_id"]), (1, &bid["bid_id"]));

    let none = ground.command(&["dead-letters", "list", "--topic", "auctions.bids"])?;
    assert!(none.starts_with("no dead letter waits"), "{none}");
    let nothing = ground.command(&["dead-letters", "discard", "--topic", "auctions.bids"])?;
    assert!(nothing.contains("no dead letter waits that is as said"), "{nothing}");
    assert!(ground.verify()?.contains("all as recomputed"));
    Ok(())
}

/// The place of the one bid that waits, once there is one that was tried so often.
fn waiting(ground: &Ground, attempts: u32) -> Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let listed = ground.command(&["dead-letters", "list", "--topic", "auctions.bids", "--json"])?;
        let listed: Value = serde_json::from_str(&listed)?;
        let letters = listed["dead_letters"].as_array().context("dead letters")?;
        if let [letter] = &letters[..]
            && letter["attempts"] == attempts
        {
            assert_eq!((&letter["cause"], &letter["topology"]), (&json!("malformed"), &json!("bidding")));
            return Ok(letter["place"].as_str().context("a place")?.to_owned());
        }
        ensure!(Instant::now() < deadline, "no bid was put aside {attempts} times: {listed}");
    }
}

/// Edits a value with an editor of streams.
fn edit(ground: &Ground, place: &str, script: &str) -> Result<()> {
    let edit = |editor: &str| -> Result<String> {
        let mut command = Command::new(binary()?);
        command.args(ground.words(&["dead-letters", "edit", place])).env("VISUAL", editor);
        let done = command.current_dir(ground.folder()).output()?;
        ensure!(done.status.success(), "{done:?}");
        Ok(String::from_utf8(done.stdout)?)
    };
    assert_eq!(edit("true")?, "nothing was changed\n");
    assert!(edit(&format!("sed -i '{script}'"))?.contains("is corrected"));
    Ok(())
}
