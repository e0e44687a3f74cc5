//! No maximum, reserve or e-mail address in any public byte: pages, frames, API, public topics, log lines, metrics.

use anyhow::{Context, Result};
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{Log, Start, TopicPartition};
use gavel_tests::client::{Person, Watcher};
use serde_json::json;

use crate::ground::{Ground, servers};

const MAXIMUM: i64 = 7_654_321;
const RESERVE: i64 = 87_654_321;
/// As machines and as people write them.
const PLANTED: [&str; 6] = ["7654321", "76543.21", "76,543.21", "87654321", "876543.21", "876,543.21"];
const PUBLIC_TOPICS: [&str; 6] = [
    "auctions.bids.history",
    "auctions.items-complete",
    "auctions.prices",
    "auctions.analytics",
    "notices",
    "gavel.metrics",
];

#[tokio::test]
async fn planted_secrets_show_nowhere() -> Result<()> {
    let mut ground = Ground::embedded(&["--log", "debug"])?;
    let (people, mut seen) = auction(&ground).await?;
    // A house that runs holds its log.
    ground.processes()[0].stop()?;
    let log = EmbeddedLog::open(ground.folder().join("house/log"), EmbeddedOptions::default())?;
    seen.push(("the log lines".into(), ground.log()));
    seen.extend(topics(&*log)?);
    look(&people, &seen);
    look_for_bidders(&people[1], &seen);
    Ok(())
}

#[tokio::test]
async fn planted_secrets_show_nowhere_on_kafka() -> Result<()> {
    let Some((_guard, kafka, postgres)) = servers().await else { return Ok(()) };
    let ground = Ground::split(&kafka, &postgres, &["--log", "debug"])?;
    let (people, mut seen) = auction(&ground).await?;
    let log = KafkaLog::connect(&kafka, KafkaOptions::default())?;
    seen.push(("the log lines".into(), ground.log()));
    seen.extend(tokio::task::spawn_blocking(move || topics(&*log)).await??);
    look(&people, &seen);
    look_for_bidders(&people[1], &seen);
    Ok(())
}

/// A text, and where it was seen.
type Seen = (String, String);

/// An auction with planted secrets, and all that its people, a stranger and an admin see of it.
async fn auction(ground: &Ground) -> Result<([Person; 2], Vec<Seen>)> {
    let url = ground.url();
    let (seller, ann) = (Person::register(&url, "Sela").await?, Person::register(&url, "Ann").await?);
    let item = seller
        .list(&json!({"title": "A clock", "description": "", "category": "other", "currency": "USD",
            "starting_minor": 100, "reserve_minor": RESERVE, "duration_s": 6}))
        .await?;
    ground.grant_admin(&ann.email)?;
    let mut seen: Vec<Seen> = Vec::new();
    let mut watcher = Watcher::connect(&url, &[(&item, 0)]).await?;
    let accepted = ann.bid(&item, MAXIMUM, "a").await?;
    assert_eq!(accepted.body["decision"], "accepted", "{accepted:?}");
    seen.push(("the answer to a bid".into(), accepted.body.to_string()));
    let refused = ann.bid(&item, MAXIMUM, "b").await?;
    assert_eq!(refused.body["decision"], "not_above_own_max", "{refused:?}");
    seen.push(("a refusal".into(), refused.body.to_string()));
    let sold = seller
        .list(&json!({"title": "A lamp", "category": "other", "currency": "USD", "starting_minor": 100,
            "duration_s": 6}))
        .await?;
    let bid = ann.bid(&sold, MAXIMUM, "a").await?.body["bid_id"].as_str().context("a bid")?.to_owned();
    let mut sale = Watcher::connect(&url, &[(&sold, 0)]).await?;
    for frame in watcher.until_completed().await?.into_iter().chain(sale.until_completed().await?) {
        seen.push(("a frame".into(), frame.to_string()));
    }
    assert_eq!(seller.item(&sold).await?["winner_alias"], ann.alias(&sold).await?, "a winner is told by name");
    for path in pages(&item).into_iter().chain(of_item(&sold)).chain([format!("/api/v1/bids/{bid}")]) {
        seen.push((format!("{path} to a stranger"), reqwest::get(format!("{url}{path}")).await?.text().await?));
        for person in [&ann, &seller] {
            let text = person.text(&path).await?;
            // Bidders are told their own maximum, on the page and in the state of its item.
            let is_told = person.account_id == ann.account_id
                && [&item, &sold].iter().any(|item| path.ends_with(&format!("/items/{item}")));
            let text = if is_told { without_own_maximum(&text) } else { text };
            seen.push((format!("{path} to {}", person.account_id), text));
        }
    }
    Ok(([seller, ann], seen))
}

/// Nobody but a bidder is told who they are, and where.
fn look_for_bidders(bidder: &Person, seen: &[Seen]) {
    for (place, text) in seen {
        let is_own = place.ends_with(&bidder.account_id);
        let is_internal = place.starts_with("auctions.")
            || place == "notices"
            || place == "the log lines"
            || place.contains("/admin");
        let members =
            ["bidder_id", "buyer_id", "leader_id", "winner_id", "country", "grid"].map(|name| format!("\"{name}\":"));
        let names = members.iter().map(String::as_str).chain([bidder.account_id.as_str()]);
        for name in names.filter(|_| !is_own && !is_internal) {
            assert!(!text.contains(name), "{place} shows {name}: {text}");
        }
    }
}

/// What a bidder sees of an item, but for what only they see.
fn without_own_maximum(text: &str) -> String {
    let told = [
        format!("\"max_minor\":{MAXIMUM}"),
        format!("data-own-max=\"{MAXIMUM}\""),
        "Your maximum is <strong>".to_owned(),
    ];
    let is_told = |line: &&str| told.iter().any(|told| line.contains(told.as_str()));
    assert!(text.lines().any(|line| is_told(&line)), "bidders are told their own maximum: {text}");
    let text: Vec<_> = text.lines().map(|line| line.replace(&told[0], "")).collect();
    text.iter().filter(|line| !is_told(&line.as_str())).map(|line| format!("{line}\n")).collect()
}

fn look(people: &[Person], seen: &[Seen]) {
    for (place, text) in seen {
        for secret in PLANTED.into_iter().chain(people.iter().map(|person| person.email.as_str())) {
            assert!(!text.contains(secret), "{place} shows {secret}");
        }
    }
}

fn pages(item: &str) -> Vec<String> {
    let fixed = [
        "/",
        "/?q=clock",
        "/sell",
        "/me/bids",
        "/me/watching",
        "/me/inbox",
        "/about/how-bidding-works",
        "/metrics",
        "/readyz",
        "/admin",
        "/admin/data",
        "/admin/flow",
    ];
    fixed.iter().map(ToString::to_string).chain(of_item(item)).collect()
}

fn of_item(item: &str) -> [String; 6] {
    [
        format!("/items/{item}"),
        format!("/sell/{item}"),
        format!("/api/v1/items/{item}"),
        format!("/api/v1/items/{item}/bids?after=0"),
        "/api/v1/items".to_owned(),
        "/api/v1/openapi.json".to_owned(),
    ]
}

/// Every record of the public topics, as text.
fn topics(log: &dyn Log) -> Result<Vec<Seen>> {
    let mut seen = Vec::new();
    for topic in PUBLIC_TOPICS {
        for partition in 0..log.describe_topic(topic).with_context(|| topic.to_owned())?.partitions {
            let partition = TopicPartition::new(topic, partition);
            let mut consumer = log.consumer(None)?;
            consumer.assign(&[(partition.clone(), Start::Earliest)])?;
            let mut records = Vec::new();
            while consumer.position(&partition)? < log.watermarks(&partition)?.stable_end {
                consumer.poll(&mut records, 1000, std::time::Duration::from_secs(1))?;
            }
            seen.extend(records.iter().map(|record| (topic.to_owned(), format!("{:?}", record.value))));
        }
    }
    assert!(seen.iter().any(|(topic, _)| topic == "auctions.bids.history"), "the audit was read");
    Ok(seen)
}
