//! No maximum, reserve or e-mail address in any public byte: pages, frames, API, public topics, log lines, metrics.

use anyhow::{Context, Result};
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
use gavel_log::{Log, Start, TopicPartition};
use gavel_tests::client::{Person, Watcher};
use serde_json::json;

use crate::ground::Ground;

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
    let url = ground.url();
    let (seller, ann) = (Person::register(&url, "Sela").await?, Person::register(&url, "Ann").await?);
    let item = seller
        .list(&json!({"title": "A clock", "description": "", "category": "other", "currency": "USD",
            "starting_minor": 100, "reserve_minor": RESERVE, "duration_s": 6}))
        .await?;
    let mut seen: Vec<(String, String)> = Vec::new();
    let mut watcher = Watcher::connect(&url, &[(&item, 0)]).await?;
    let accepted = ann.bid(&item, MAXIMUM, "a").await?;
    assert_eq!(accepted.body["decision"], "accepted", "{accepted:?}");
    seen.push(("the answer to a bid".into(), accepted.body.to_string()));
    let refused = ann.bid(&item, MAXIMUM, "b").await?;
    assert_eq!(refused.body["decision"], "not_above_own_max", "{refused:?}");
    seen.push(("a refusal".into(), refused.body.to_string()));
    for frame in watcher.until_completed().await? {
        seen.push(("a frame".into(), frame.to_string()));
    }
    for path in pages(&item) {
        seen.push((format!("{path} to a stranger"), reqwest::get(format!("{url}{path}")).await?.text().await?));
        for person in [&ann, &seller] {
            seen.push((format!("{path} to {}", person.account_id), person.text(&path).await?));
        }
    }
    ground.processes()[0].stop()?;
    seen.push(("the log lines".into(), ground.log()));
    seen.extend(topics(&ground)?);

    for (place, text) in &seen {
        for secret in PLANTED.iter().copied().chain([seller.email.as_str(), ann.email.as_str()]) {
            assert!(!text.contains(secret), "{place} shows {secret}");
        }
    }
    Ok(())
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
    ];
    let item = [
        format!("/items/{item}"),
        format!("/sell/{item}"),
        format!("/api/v1/items/{item}"),
        format!("/api/v1/items/{item}/bids?after=0"),
        "/api/v1/items".to_owned(),
        "/api/v1/openapi.json".to_owned(),
    ];
    fixed.iter().map(ToString::to_string).chain(item).collect()
}

/// Every record of the public topics, as text. The house is stopped, for it locks its log.
fn topics(ground: &Ground) -> Result<Vec<(String, String)>> {
    let log = EmbeddedLog::open(ground.folder().join("house/log"), EmbeddedOptions::default())?;
    let mut seen = Vec::new();
    for topic in PUBLIC_TOPICS {
        for partition in 0..log.describe_topic(topic).with_context(|| topic.to_owned())?.partitions {
            let partition = TopicPartition::new(topic, partition);
            let mut consumer = log.consumer(None)?;
            consumer.assign(&[(partition.clone(), Start::Earliest)])?;
            let mut records = Vec::new();
            while consumer.position(&partition)? < log.watermarks(&partition)?.end {
                consumer.poll(&mut records, 1000, std::time::Duration::from_secs(1))?;
            }
            seen.extend(records.iter().map(|record| (topic.to_owned(), format!("{:?}", record.value))));
        }
    }
    assert!(seen.iter().any(|(topic, _)| topic == "auctions.bids.history"), "the audit was read");
    Ok(seen)
}
