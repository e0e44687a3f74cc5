//! Every number of the desk, counted again by SQL over the audit.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use gavel_tests::client::{PATIENCE, Person, Watcher};
use serde_json::{Value, json};
use sqlx::{Row, SqlitePool};

use crate::ground::Ground;

/// The window of the analytics, which is the step of a span of an hour.
const WINDOW_MS: i64 = 60_000;

/// Every number by its name; what is zero or empty is left out.
type Numbers = BTreeMap<String, String>;

#[tokio::test]
async fn every_number_of_the_desk_is_what_sql_counts() -> Result<()> {
    let ground = Ground::embedded(&[])?;
    let admin = Person::register(&ground.url(), "Ada").await?;
    ground.grant_admin(&admin.email)?;
    trade(&ground.url()).await?;

    let file = ground.folder().join("house/gavel.db");
    let database = SqlitePool::connect(&format!("sqlite:{}?mode=ro", file.display())).await?;
    let end_ms = audit_end(&database).await?;
    let (from_ms, to_ms) = (end_ms - 50 * WINDOW_MS, end_ms + 2 * WINDOW_MS);
    let path = format!("/admin/data?from={from_ms}&to={to_ms}");
    let counted = audit(&database).await?;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let figures = loop {
        let answer = admin.get(&path).await?;
        anyhow::ensure!(answer.status.is_success(), "the desk answered {answer:?}");
        if shown(&answer.body)? == counted || tokio::time::Instant::now() > deadline {
            break answer.body;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert_eq!(shown(&figures)?, counted);
    for part in
        ["total/hammer-USD", "total/hammer-JPY", "breakdown/prices/", "chart/spread/EUR/", "chart/bids/too low/"]
    {
        assert!(counted.keys().any(|name| name.starts_with(part)), "nothing of {part}: {counted:#?}");
    }
    // The page shows the same without script.
    let page = admin.text(&format!("/admin?from={from_ms}&to={to_ms}")).await?;
    for total in figures["totals"].as_array().context("totals")? {
        let cell = format!("data-total=\"{}\">{}<", text(&total["id"]), text(&total["text"]));
        assert!(page.contains(&cell), "{cell} is not on the page");
    }
    Ok(())
}

/// Lots in three currencies that end in every way, with bids of many kinds.
async fn trade(url: &str) -> Result<()> {
    let (seller, ann, ben) =
        tokio::try_join!(Person::register(url, "Sela"), Person::register(url, "Ann"), Person::register(url, "Ben"))?;
    let mut lots = Vec::new();
    for (currency, reserve) in
        [("USD", None), ("USD", Some(90_000)), ("EUR", Some(600)), ("JPY", None), ("USD", None), ("EUR", None)]
    {
        let listing = json!({"title": format!("A lot in {currency}"), "description": "", "category": "art",
            "currency": currency, "starting_minor": 100, "reserve_minor": reserve, "duration_s": 8});
        lots.push(seller.list(&listing).await?);
    }
    for (number, lot) in lots[..4].iter().enumerate() {
        let more = i64::try_from(number)? * 37;
        ann.bid(lot, 50, "low").await?;
        seller.bid(lot, 500, "own").await?;
        ann.bid(lot, 300 + more, "first").await?;
        ann.bid(lot, 400 + more, "raise").await?;
        ben.bid(lot, 350 + more, "outbid").await?;
        let (one, two) = tokio::join!(ben.bid(lot, 800 + more, "twice"), ben.bid(lot, 800 + more, "twice"));
        one?;
        two?;
    }
    ann.bid(&lots[4], 200, "before it is withdrawn").await?;
    seller.post(&format!("/api/v1/items/{}/withdrawal", lots[4]), &json!({})).await?;
    for lot in &lots {
        Watcher::connect(url, &[(lot, 0)]).await?.until_completed().await?;
    }
    ann.bid(&lots[0], 900, "late").await?;
    Ok(())
}

/// When the last event of the audit was.
async fn audit_end(database: &SqlitePool) -> Result<i64> {
    let last = sqlx::query("SELECT MAX((SELECT MAX(at_ms) FROM history), (SELECT MAX(ended_at_ms) FROM completions))");
    Ok(last.fetch_one(database).await?.get(0))
}

/// What the desk shows.
fn shown(figures: &Value) -> Result<Numbers> {
    let mut numbers = Numbers::new();
    for total in figures["totals"].as_array().context("totals")? {
        numbers.insert(format!("total/{}", text(&total["id"])), text(&total["text"]).to_owned());
    }
    for chart in figures["charts"].as_array().context("charts")? {
        for series in chart["series"].as_array().context("series")? {
            let cells = series["cells"].as_array().context("cells")?;
            for (at, cell) in figures["at_s"].as_array().context("at_s")?.iter().zip(cells) {
                let value = cell["value"].as_f64().unwrap_or(0.0);
                if value != 0.0 {
                    let name = format!("chart/{}/{}/{at}", text(&chart["id"]), text(&series["label"]));
                    numbers.insert(name, value.to_string());
                }
            }
        }
    }
    for breakdown in figures["breakdowns"].as_array().context("breakdowns")? {
        for row in breakdown["rows"].as_array().context("rows")? {
            numbers.insert(format!("breakdown/{}/{}", text(&breakdown["id"]), text(&row[0])), row[1].to_string());
        }
    }
    Ok(numbers)
}

/// The numbers that are counts: name and value.
const COUNTS: [&str; 8] = [
    "SELECT 'total/bids', COUNT(*) FROM history WHERE bid_id IS NOT NULL",
    "SELECT 'total/counted', COUNT(*) FROM history WHERE decision IN ('accepted', 'accepted_outbid')",
    "SELECT 'total/ended', COUNT(*) FROM completions",
    "SELECT 'chart/bids/' || replace(decision, '_', ' ') || '/' || (at_ms / 60000 * 60), COUNT(*) \
     FROM history WHERE bid_id IS NOT NULL GROUP BY 1",
    "SELECT 'chart/outcomes/' || replace(outcome, '_', ' ') || '/' || (ended_at_ms / 60000 * 60), COUNT(*) \
     FROM completions GROUP BY 1",
    "SELECT 'breakdown/countries/' || COALESCE(country, 'unknown'), COUNT(*) \
     FROM history WHERE decision IN ('accepted', 'accepted_outbid') GROUP BY 1",
    "SELECT 'breakdown/grids/' || COALESCE(grid, 'unknown'), COUNT(*) \
     FROM history WHERE decision IN ('accepted', 'accepted_outbid') GROUP BY 1",
    "SELECT 'breakdown/prices/' || currency || CASE WHEN major < 1 THEN ' below 1' \
     ELSE ' ' || low || ' to below ' || (low * 10) END, COUNT(*) FROM (SELECT currency, major, CASE \
     WHEN major < 10 THEN 1 WHEN major < 100 THEN 10 WHEN major < 1000 THEN 100 ELSE 1000 END AS low FROM \
     (SELECT currency, price_minor / CASE currency WHEN 'JPY' THEN 1 ELSE 100 END AS major FROM completions \
      JOIN items ON items.item_id = completions.item_id WHERE outcome = 'sold')) GROUP BY 1",
];

/// The numbers that are amounts: name, minor units, and the currency.
const AMOUNTS: [&str; 2] = [
    "SELECT 'chart/hammer/' || currency || '/' || (ended_at_ms / 60000 * 60), SUM(price_minor), currency \
     FROM completions JOIN items ON items.item_id = completions.item_id WHERE outcome = 'sold' GROUP BY 1",
    "SELECT 'chart/spread/' || currency || '/' || (at_ms / 60000 * 60), SUM(minimum_minor - price_minor) / COUNT(*), \
     currency FROM history JOIN items ON items.item_id = history.item_id \
     WHERE decision IN ('accepted', 'accepted_outbid') GROUP BY 1",
];

const HAMMER: &str = "SELECT 'total/hammer-' || currency, SUM(price_minor), currency FROM completions \
     JOIN items ON items.item_id = completions.item_id WHERE outcome = 'sold' GROUP BY 1";
const RESERVE: &str =
    "SELECT SUM(outcome = 'reserve_not_met'), SUM(outcome IN ('sold', 'reserve_not_met')) FROM completions";

/// The same, from every decision and every outcome.
async fn audit(database: &SqlitePool) -> Result<Numbers> {
    let mut numbers = Numbers::new();
    for select in COUNTS {
        for row in sqlx::query(select).fetch_all(database).await? {
            numbers.insert(row.get(0), row.get::<i64, _>(1).to_string());
        }
    }
    for select in AMOUNTS {
        for row in sqlx::query(select).fetch_all(database).await? {
            numbers.insert(row.get(0), major(row.get(1), row.get(2)).parse::<f64>()?.to_string());
        }
    }
    for row in sqlx::query(HAMMER).fetch_all(database).await? {
        let code: String = row.get(2);
        numbers.insert(row.get(0), format!("{code} {}", major(row.get(1), &code)));
    }
    let row = sqlx::query(RESERVE).fetch_one(database).await?;
    let (missed, with_bids): (i64, i64) = (row.get(0), row.get(1));
    let rate = format!("{}.{} %", missed * 100 / with_bids, missed * 1000 / with_bids % 10);
    numbers.insert("total/reserve".into(), rate);
    Ok(numbers)
}

/// An amount in major units, as it is written below a thousand.
fn major(minor: i64, code: &str) -> String {
    match code {
        "JPY" => minor.to_string(),
        _ => format!("{}.{:02}", minor / 100, minor % 100),
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
