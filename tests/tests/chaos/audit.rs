//! What must be true of a house once all is quiet: nothing acknowledged is lost, doubled or reordered, every auction ended
//! once, and log, replay and read model tell one story.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gavel_log::Log;
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_tests::client::Person;
use gavel_tests::ground::Ground;
use gavel_tests::process::wait_until;
use gavel_tests::recording::{backtest, completions, one_by_key, records, values};
use serde_json::Value;

use crate::market::{Bid, Ledger};

const QUIET_WITHIN: Duration = Duration::from_secs(120);

/// Waits until all has ended, then looks at everything.
#[expect(clippy::print_stderr, reason = "the figures are part of what the test is for")]
pub(crate) async fn audit(ground: &Ground, kafka: &str, ledger: &Ledger) -> Result<()> {
    let log = KafkaLog::connect(kafka, KafkaOptions::default())?;
    let listed = |value: &Value| value["type"] == "item_listed";
    let items = values(&*log, "auctions.items")?.iter().filter(|value| listed(value)).count();
    wait_until("every auction ends", QUIET_WITHIN, || ends(&*log).is_ok_and(|ended| ended >= items))?;

    ensure!(ground.verify()?.contains("all as recomputed"));
    let live = one_by_key(&*log, "auctions.items-complete")?;
    let replayed = completions(&backtest(&*log, ground.folder())?)?;
    ensure!(live == replayed, "a replay ends otherwise:\n{}", differences(&live, &replayed));
    ensure!(ledger.items.iter().all(|item_id| live.contains_key(item_id)), "an acknowledged listing is lost");
    for source in ["auctions.items.dead-letters", "auctions.bids.dead-letters"] {
        ensure!(records(&*log, source)?.is_empty(), "{source} is not empty");
    }
    let history = values(&*log, "auctions.bids.history")?;
    sequences(&history, &live)?;
    acknowledged(&history, &ledger.bidders)?;
    read_model(&ground.url(), &live, &ledger.people).await?;
    let bids = ledger.bidders.iter().map(Vec::len).sum::<usize>();
    eprintln!(
        "audited: {} auctions, {bids} acknowledged bids, {} decisions; completions hash to {:016x}, live and replayed",
        live.len(),
        history.len(),
        hash(&live)
    );
    Ok(())
}

fn ends(log: &dyn Log) -> Result<usize> {
    Ok(records(log, "auctions.items-complete")?.len())
}

fn differences(live: &BTreeMap<String, Value>, replayed: &BTreeMap<String, Value>) -> String {
    let keys = live.keys().chain(replayed.keys().filter(|key| !live.contains_key(*key)));
    let differing = keys.filter(|key| live.get(*key) != replayed.get(*key));
    differing.map(|key| format!("{key}: {:?} live, {:?} replayed\n", live.get(key), replayed.get(key))).collect()
}

fn hash(completions: &BTreeMap<String, Value>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (key, value) in completions {
        (key, value.to_string()).hash(&mut hasher);
    }
    hasher.finish()
}

/// Of each item: 1, 2, 3, …, in the order of the log, and the completion is the last.
fn sequences(history: &[Value], completions: &BTreeMap<String, Value>) -> Result<()> {
    let mut last: HashMap<&str, u64> = HashMap::new();
    for record in history {
        let item_id = record["item_id"].as_str().context("an item_id")?;
        if let Some(sequence) = record["sequence"].as_u64() {
            let last = last.entry(item_id).or_default();
            ensure!(sequence == *last + 1, "{item_id} goes from {last} to {sequence}");
            *last = sequence;
        }
    }
    for (item_id, completion) in completions {
        let last = last.get(item_id.as_str()).copied().unwrap_or(0);
        ensure!(completion["sequence"] == last + 1, "{item_id} had {last} events, and then {completion}");
    }
    Ok(())
}

/// Every acknowledged bid is in the history once, as it was answered, and those of one bidder are in their order.
fn acknowledged(history: &[Value], bidders: &[Vec<Bid>]) -> Result<()> {
    let mut decided: HashMap<&str, Vec<(usize, &Value)>> = HashMap::new();
    for (place, record) in history.iter().enumerate().filter(|(_, record)| record["decision"] != "duplicate") {
        if let Some(bid_id) = record["bid_id"].as_str() {
            decided.entry(bid_id).or_default().push((place, record));
        }
    }
    for bids in bidders {
        let mut last: HashMap<&str, usize> = HashMap::new();
        for Bid { item_id, bid_id, answers } in bids {
            let found = decided.get(bid_id.as_str()).with_context(|| format!("the bid {bid_id} is lost"))?;
            let [(place, record)] = found[..] else { anyhow::bail!("the bid {bid_id} is doubled: {found:?}") };
            for answer in answers.iter().flatten() {
                for member in ["decision", "sequence", "price_minor"] {
                    ensure!(answer[member] == record[member], "answered {answer}, but decided {record}");
                }
            }
            let before = last.insert(item_id, place);
            ensure!(before.is_none_or(|before| before < place), "the bid {bid_id} overtook an earlier one");
        }
    }
    Ok(())
}

/// What people are shown is what was decided.
async fn read_model(url: &str, completions: &BTreeMap<String, Value>, people: &[Person]) -> Result<()> {
    let reader = Person::register(url, "Reader").await?;
    let deadline = Instant::now() + QUIET_WITHIN;
    for (item_id, completion) in completions {
        let winner = people.iter().find(|person| completion["winner_id"] == person.account_id.as_str());
        let winner_alias = match winner {
            Some(winner) => winner.at(url).alias(item_id).await?,
            None => Value::Null,
        };
        ensure!(
            winner_alias.is_null() == completion["winner_id"].is_null(),
            "{item_id} went to a stranger: {completion}"
        );
        loop {
            let item = reader.item(item_id).await?;
            let is_shown = item["status"] == "ended"
                && item.get("winner_alias").unwrap_or(&Value::Null) == &winner_alias
                && ["outcome", "price_minor", "bid_count", "sequence"]
                    .iter()
                    .all(|name| item[name] == completion[name]);
            if is_shown {
                break;
            }
            ensure!(Instant::now() < deadline, "{item_id} ended with {completion}, but is shown as {item}");
        }
    }
    Ok(())
}
