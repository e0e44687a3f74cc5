//! From a bid's POST to its frame on a WebSocket: people bid at a steady pace, a watcher of every lot takes the time.
//!
//! `cargo build --release && cargo bench -p gavel-tests --bench latency -- [embedded|kafka] [BIDS_A_SECOND] [SECONDS]`
//!
//! The house is the built binary: embedded, or `web` and `work` on a Kafka and a PostgreSQL of this run's own. The pace
//! is open: a bid is due when the clock says so, and its time counts from there, however late it is sent. The seconds begin
//! after a warm-up, whose figures are printed apart: a broker that has just started still compiles itself.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gavel_domain::bid_id;
use gavel_tests::client::{Person, Watcher};
use gavel_tests::house::{House, run};
use gavel_tests::kafka::Kafka;
use gavel_tests::postgres::{Postgres, create_database};
use hdrhistogram::Histogram;
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

const LOTS: usize = 40;
const BIDDERS: usize = 20;
const STEP_MINOR: i64 = 20_000;
/// Bids of the first seconds are counted apart.
const WARM_UP: Duration = Duration::from_secs(20);
/// The narrowest bucket of the printed histogram; each further one is twice as wide.
const BUCKET_MICROS: u64 = 500;
const BAR_WIDTH: u64 = 60;
/// How long the last frames may take.
const LAST_FRAMES_WITHIN: Duration = Duration::from_secs(10);

/// When each bid was due, until its frame is seen.
type Due = Arc<Mutex<HashMap<String, Instant>>>;

/// How long bids took, in microseconds.
struct Taken {
    warm_up: Histogram<u64>,
    after: Histogram<u64>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let numbers: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    let (pace, seconds) = (numbers.first().copied().unwrap_or(200), numbers.get(1).copied().unwrap_or(30));
    let is_asked = |ground: &str| words.iter().any(|word| word == ground) || words.len() == numbers.len();
    let folder = tempfile::tempdir()?;
    if is_asked("embedded") {
        let house = House::serve(&folder.path().join("embedded"), &["--rate-limits", "off"])?;
        print("embedded, SQLite", pace, &measure(&house.url(), pace, seconds).await?);
    }
    if is_asked("kafka") {
        let (kafka, postgres) = (Kafka::start()?, Postgres::start()?);
        let (_work, web) = split(folder.path(), &kafka, &postgres)?;
        print("Kafka, PostgreSQL", pace, &measure(&web.url(), pace, seconds).await?);
    }
    Ok(())
}

fn split(folder: &Path, kafka: &Kafka, postgres: &Postgres) -> Result<(House, House)> {
    let (servers, database) = (kafka.bootstrap(), create_database(&postgres.url("postgres"))?);
    let flags = ["--kafka", &servers, "--database", &database, "--rate-limits", "off"];
    let made = run(&[&["topics", "create"][..], &flags].concat(), folder)?;
    ensure!(made.status.success(), "topics create: {}", String::from_utf8_lossy(&made.stderr));
    Ok((House::start("work", &folder.join("work"), &flags)?, House::start("web", &folder.join("web"), &flags)?))
}

async fn measure(url: &str, pace: u64, seconds: u64) -> Result<Taken> {
    let seller = Person::register(url, "Sela").await?;
    let mut people = Vec::new();
    for number in 0..BIDDERS {
        people.push(Person::register(url, &format!("Bidder{number}")).await?);
    }
    let mut lots = Vec::new();
    for number in 0..LOTS {
        let lot = json!({"title": format!("Lot {number}"), "description": "", "category": "other", "currency": "USD",
            "starting_minor": 100, "duration_s": 3600});
        lots.push(seller.list(&lot).await?);
    }
    let watched: Vec<(&str, u64)> = lots.iter().map(|lot| (lot.as_str(), 0)).collect();
    let watcher = Watcher::connect(url, &watched).await?;
    let due = Due::default();
    let count = pace * (WARM_UP.as_secs() + seconds);
    let begun = Instant::now();
    let watching = tokio::spawn(watch(watcher, Arc::clone(&due), count, begun + WARM_UP));
    let mut bidding = JoinSet::new();
    for number in 0..count {
        let at = begun + Duration::from_micros(number * 1_000_000 / pace);
        tokio::time::sleep_until(at).await;
        let (lot, round) = (lots[number as usize % LOTS].clone(), number as usize / LOTS);
        let person = people[(number as usize + round) % BIDDERS].clone();
        let key = number.to_string();
        let id = bid_id(person.account_id.parse()?, lot.parse()?, &key).to_string();
        due.lock().unwrap_or_else(PoisonError::into_inner).insert(id, at);
        bidding.spawn(async move { person.bid(&lot, STEP_MINOR * (round as i64 + 1), &key).await });
    }
    while let Some(answer) = bidding.join_next().await {
        let answer = answer??;
        // On a loaded machine one bid may overtake another; each that counts has its frame.
        ensure!(answer.body["sequence"].is_u64(), "every bid of this load counts: {answer:?}");
    }
    tokio::time::timeout(LAST_FRAMES_WITHIN, watching).await.context("some bids got no frame")??
}

async fn watch(mut watcher: Watcher, due: Due, count: u64, from: Instant) -> Result<Taken> {
    let mut taken = Taken { warm_up: Histogram::new(3)?, after: Histogram::new(3)? };
    for _ in 0..count {
        let frame = watcher.next().await?;
        let bid_id = frame["event"]["bid_id"].as_str().context("a bid")?;
        let due_at = due.lock().unwrap_or_else(PoisonError::into_inner).remove(bid_id).context("a bid of this run")?;
        let histogram = if due_at < from { &mut taken.warm_up } else { &mut taken.after };
        histogram.record(u64::try_from(due_at.elapsed().as_micros())?)?;
    }
    Ok(taken)
}

fn print(ground: &str, pace: u64, taken: &Taken) {
    let histogram = &taken.after;
    println!("{ground}: POST to frame at {pace} bids/s, {} bids", histogram.len());
    println!("  {}", percentiles(histogram));
    println!("  {} in the {WARM_UP:?} of warm-up", percentiles(&taken.warm_up));
    for bucket in histogram.iter_log(BUCKET_MICROS, 2.0) {
        let count = bucket.count_since_last_iteration();
        let bar = "#".repeat((count * BAR_WIDTH).div_ceil(histogram.len().max(1)) as usize);
        println!("  <= {:>8.2} ms {count:>7} {bar}", milliseconds(bucket.value_iterated_to()));
    }
}

fn percentiles(histogram: &Histogram<u64>) -> String {
    let at = |percentile: f64| milliseconds(histogram.value_at_percentile(percentile));
    let [p50, p90, p99, most, max] = [50.0, 90.0, 99.0, 99.9, 100.0].map(at);
    format!("p50 {p50:.2}  p90 {p90:.2}  p99 {p99:.2}  p99.9 {most:.2}  max {max:.2} ms")
}

fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1000.0
}
