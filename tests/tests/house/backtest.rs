//! `gavel backtest` on the log of a live run gives the completions that the live run gave, the same bytes each time.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
use gavel_tests::client::{Person, Watcher};
use gavel_tests::recording::{backtest, completions, one_by_key};
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
    let first = backtest(&*log, ground.folder())?;
    assert_eq!(first, backtest(&*log, ground.folder())?, "the same bytes in every run");
    let logged = one_by_key(&*log, "auctions.items-complete")?;
    assert_eq!(completions(&first)?, logged);
    let unnamed = |completions: BTreeMap<String, Value>| completions.into_iter().map(without_winner).collect();
    let (told, logged): (BTreeMap<_, _>, BTreeMap<_, _>) = (unnamed(live), unnamed(logged));
    assert_eq!(told, logged, "watchers were told the same, by other names");
    Ok(())
}

/// A completion but for the winner's id, which the public is not told, and name, which is another there.
fn without_winner((item, mut completion): (String, Value)) -> (String, Value) {
    if let Some(members) = completion.as_object_mut() {
        members.retain(|member, _| !member.starts_with("winner_"));
    }
    (item, completion)
}
