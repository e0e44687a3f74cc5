//! An auction from end to end by `/api/v1` and `/live`: listed, bid on, outbid, hammered, told.

use anyhow::Result;
use gavel_tests::client::{Person, Watcher};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::ground::{Ground, servers};

#[tokio::test]
async fn an_auction_runs_end_to_end_embedded() -> Result<()> {
    let ground = Ground::embedded(&[])?;
    auction(&ground.url()).await
}

#[tokio::test]
async fn an_auction_runs_end_to_end_on_kafka_and_postgresql() -> Result<()> {
    let Some((_guard, kafka, postgres)) = servers().await else { return Ok(()) };
    let ground = Ground::split(&kafka, &postgres, &[])?;
    auction(&ground.url()).await
}

async fn auction(url: &str) -> Result<()> {
    let seller = Person::register(url, "Sela").await?;
    let ann = Person::register(url, "Ann").await?;
    let ben = Person::register(url, "Ben").await?;

    let item = seller
        .list(&json!({"title": "A brass sextant", "description": "In its box.", "category": "collectibles",
            "currency": "USD", "starting_minor": 500, "reserve_minor": 2000, "duration_s": 12}))
        .await?;
    let listed = ann.item(&item).await?;
    assert_eq!(listed["status"], "open", "{listed}");
    assert_eq!((&listed["price_minor"], &listed["minimum_minor"]), (&json!(500), &json!(500)));
    assert_eq!(
        (&listed["bid_count"], &listed["reserve"], &listed["leader"]),
        (&json!(0), &json!("not_met"), &json!(null))
    );
    let found = ann.get("/api/v1/items?q=sextant&category=collectibles&status=open").await?;
    assert!(found.body["items"].as_array().unwrap().iter().any(|found| found["item_id"] == item.as_str()), "{found:?}");

    let mut watcher = Watcher::connect(url, &[(&item, 0)]).await?;
    let too_low = ann.bid(&item, 499, "k0").await?;
    assert_eq!((too_low.status, &too_low.body["decision"]), (StatusCode::CONFLICT, &json!("too_low")), "{too_low:?}");
    assert_eq!(too_low.body["minimum_minor"], 500);
    assert_eq!(too_low.body["sequence"], json!(null));
    let own = seller.bid(&item, 5000, "k0").await?;
    assert_eq!(own.body["decision"], "own_item", "{own:?}");

    let first = ann.bid(&item, 1000, "k1").await?;
    assert_eq!((first.status, &first.body["decision"]), (StatusCode::OK, &json!("accepted")), "{first:?}");
    assert_eq!(
        (&first.body["price_minor"], &first.body["leading"], &first.body["sequence"]),
        (&json!(500), &json!(true), &json!(1))
    );
    let again = ann.bid(&item, 1000, "k1").await?;
    assert_eq!((again.status, &again.body), (StatusCode::OK, &first.body), "a retry is the same bid");
    let raised = ann.bid(&item, 1500, "k2").await?;
    assert_eq!((&raised.body["decision"], &raised.body["sequence"]), (&json!("raised"), &json!(null)), "{raised:?}");
    let outbid_at_once = ben.bid(&item, 1200, "k1").await?;
    assert_eq!(outbid_at_once.body["decision"], "accepted_outbid", "{outbid_at_once:?}");
    assert_eq!((&outbid_at_once.body["price_minor"], &outbid_at_once.body["leading"]), (&json!(1250), &json!(false)));
    let met = ben.bid(&item, 3000, "k2").await?;
    assert_eq!((&met.body["decision"], &met.body["price_minor"]), (&json!("accepted"), &json!(2000)), "{met:?}");
    let standing = ann.item(&item).await?;
    assert_eq!(
        (&standing["reserve"], &standing["bid_count"], &standing["sequence"]),
        (&json!("met"), &json!(3), &json!(3))
    );

    let frames = watcher.until_completed().await?;
    let sequences: Vec<u64> = frames.iter().map(|frame| frame["sequence"].as_u64().unwrap()).collect();
    assert_eq!(sequences, [1, 2, 3, 4], "dense, without rejections and silent raises");
    let completion = &frames[3]["event"];
    assert_eq!((&completion["outcome"], &completion["price_minor"]), (&json!("sold"), &json!(2000)), "{completion}");
    assert_eq!(completion["winner_alias"], ben.alias(&item).await?);
    assert_eq!(completion["ended_at_ms"], listed["ends_at_ms"], "the effective end, not the tick's time");

    let events = ann.events(&item, 0).await?;
    let framed: Vec<&Value> = frames.iter().map(|frame| &frame["event"]).collect();
    assert_eq!(events.iter().collect::<Vec<_>>(), framed, "what is listed is what was pushed");
    let own = ben.item(&item).await?["you"].clone();
    assert_eq!(
        (&own["max_minor"], &own["leading"], &own["has_bid"]),
        (&json!(3000), &json!(true), &json!(true)),
        "{own}"
    );
    let reused = ben.bid(&item, 3100, "k2").await?;
    assert_eq!(reused.status, StatusCode::UNPROCESSABLE_ENTITY, "{reused:?}");
    assert_eq!(reused.body["type"], "urn:gavel:problem:idempotency-key-reused");
    assert_eq!(
        ben.bid(&item, 3000, "k2").await?.body["sequence"],
        met.body["sequence"],
        "the same request is the same bid"
    );
    let late = ann.bid(&item, 9000, "k9").await?;
    assert_eq!((late.status, &late.body["decision"]), (StatusCode::CONFLICT, &json!("ended")), "{late:?}");
    let ended = ann.item(&item).await?;
    assert_eq!((&ended["status"], &ended["outcome"]), (&json!("ended"), &json!("sold")), "{ended}");

    let mut resumed = Watcher::connect(url, &[(&item, 2)]).await?;
    let rest = resumed.until_completed().await?;
    assert_eq!(rest, frames[2..], "who comes back gets the rest, once");
    let receipt = ben.get(&format!("/api/v1/bids/{}", met.body["bid_id"].as_str().unwrap())).await?;
    assert_eq!((receipt.status, &receipt.body["decision"]), (StatusCode::OK, &json!("accepted")), "{receipt:?}");
    assert!(receipt.body["offset"].is_u64() && receipt.body["partition"].is_u64(), "{receipt:?}");
    Ok(())
}

#[tokio::test]
async fn a_withdrawn_item_ends_at_once() -> Result<()> {
    let ground = Ground::embedded(&[])?;
    let (seller, ann) = (Person::register(&ground.url(), "Sela").await?, Person::register(&ground.url(), "Ann").await?);
    let item = seller
        .list(&json!({"title": "A lamp", "description": "", "category": "furniture", "currency": "EUR",
            "starting_minor": 100, "duration_s": 3600}))
        .await?;
    ann.bid(&item, 700, "a").await?;
    let path = format!("/api/v1/items/{item}/withdrawal");
    assert_eq!(ann.post(&path, &json!({})).await?.status, StatusCode::FORBIDDEN);
    assert_eq!(seller.post(&path, &json!({})).await?.status, StatusCode::OK);
    assert_eq!(seller.post(&path, &json!({})).await?.status, StatusCode::CONFLICT);
    let mut watcher = Watcher::connect(&ground.url(), &[(&item, 1)]).await?;
    let frames = watcher.until_completed().await?;
    assert_eq!(frames.iter().map(|frame| &frame["sequence"]).collect::<Vec<_>>(), [&json!(2), &json!(3)], "{frames:?}");
    let completion = &frames[1]["event"];
    assert_eq!(
        (&completion["outcome"], &completion["winner_alias"], &completion["price_minor"]),
        (&json!("withdrawn"), &json!(null), &json!(100))
    );
    Ok(())
}

#[tokio::test]
async fn an_unknown_item_is_told_and_the_others_go_on() -> Result<()> {
    let ground = Ground::embedded(&[])?;
    let seller = Person::register(&ground.url(), "Sela").await?;
    let item = seller
        .list(&json!({"title": "A book", "description": "", "category": "books", "currency": "USD",
            "starting_minor": 100, "duration_s": 5}))
        .await?;
    let unknown = uuid::Uuid::new_v4().to_string();
    let mut watcher = Watcher::connect(&ground.url(), &[(&unknown, 0), (&item, 0)]).await?;
    let first = watcher.next().await?;
    assert!(first["item_id"] == unknown.as_str() && first["error"].is_string(), "{first}");
    let completion = watcher.next().await?;
    assert_eq!(
        (&completion["item_id"], &completion["event"]["outcome"]),
        (&json!(item), &json!("unsold")),
        "{completion}"
    );
    let bid = seller.bid(&unknown, 100, "x").await?;
    assert_eq!(bid.status, StatusCode::NOT_FOUND, "{bid:?}");
    Ok(())
}
