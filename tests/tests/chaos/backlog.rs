//! A backlog of any length is worked off in memory that does not grow with it. `GAVEL_CHAOS_BACKLOG` says how many bids wait: the
//! default would take far more than the bound, if what waits were held.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions, Strictness};
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{Delivery, Log, NewRecord, Producer};
use gavel_tests::ground::{Ground, servers};
use gavel_tests::house::{House, run};
use gavel_tests::kafka::Kafka;
use gavel_tests::process::wait_until;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{alone, setting};

const BIDS: u64 = 200_000;
const LOTS: usize = 200;
const BIDDERS: usize = 500;
/// What one process may take, whatever waits.
const RESIDENT_MIB_MAX: u64 = 300;
/// How many records are on their way at a time.
const IN_FLIGHT: usize = 20_000;
const WORKED_OFF_WITHIN: Duration = Duration::from_secs(1200);

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_on_kafka_is_worked_off_in_bounded_memory() -> Result<()> {
    let _alone = alone().await;
    let Some((_guard, _, postgres)) = servers().await else { return Ok(()) };
    let kafka = Kafka::start()?;
    let mut ground = Ground::founded(&kafka.bootstrap(), &postgres, &[])?;
    let bids = setting("GAVEL_CHAOS_BACKLOG", BIDS)?;
    pile_up(&*KafkaLog::connect(&kafka.bootstrap(), KafkaOptions::default())?, bids).await?;
    work_off("Kafka", ground.add("work")?, bids)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backlog_on_the_embedded_log_is_worked_off_in_bounded_memory() -> Result<()> {
    let _alone = alone().await;
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("house");
    let made = run(&["topics", "create", "--data", &data.display().to_string()], folder.path())?;
    ensure!(made.status.success(), "topics create: {}", String::from_utf8_lossy(&made.stderr));
    let bids = setting("GAVEL_CHAOS_BACKLOG", BIDS)?;
    let options = EmbeddedOptions { strictness: Strictness::Os, ..EmbeddedOptions::default() };
    pile_up(&*EmbeddedLog::open(data.join("log"), options)?, bids).await?;
    work_off("the embedded log", &mut House::serve(&data, &[])?, bids)
}

/// Bids on lots that do not end, written to the log as webs would.
async fn pile_up(log: &dyn Log, bids: u64) -> Result<()> {
    let producer = log.producer()?;
    let mut deliveries = VecDeque::with_capacity(IN_FLIGHT);
    let lots: Vec<String> = std::iter::repeat_with(|| Uuid::now_v7().to_string()).take(LOTS).collect();
    let bidders: Vec<String> = std::iter::repeat_with(|| Uuid::now_v7().to_string()).take(BIDDERS).collect();
    for lot in &lots {
        send(&*producer, &mut deliveries, "auctions.items", lot, &listed(lot)).await?;
    }
    for number in 0..bids {
        let index = usize::try_from(number)?;
        let (lot, bidder) = (&lots[index % LOTS], &bidders[index % BIDDERS]);
        let bid = json!({"type": "bid_placed", "v": 1, "bid_id": Uuid::now_v7(), "item_id": lot, "bidder_id": bidder,
            "max_minor": 1000 + number / LOTS as u64 * 200, "country": "GB", "grid": "gcpv"});
        send(&*producer, &mut deliveries, "auctions.bids", lot, &bid).await?;
    }
    for delivery in deliveries {
        delivery.await?;
    }
    Ok(())
}

fn listed(item_id: &str) -> Value {
    json!({"type": "item_listed", "v": 1, "item_id": item_id, "seller_id": Uuid::now_v7(), "title": "A lot", "description": "",
        "category": "art", "currency": "USD", "starting_minor": 100, "reserve_minor": null, "buy_now_minor": null,
        "ladder": "standard", "starts_at_ms": 0, "ends_at_ms": 4_102_444_800_000_i64, "closing": {"kind": "hard"},
        "country": "GB", "grid": "gcpv", "images": []})
}

async fn send(
    producer: &dyn Producer,
    deliveries: &mut VecDeque<Delivery>,
    topic: &str,
    key: &str,
    value: &Value,
) -> Result<()> {
    if deliveries.len() == IN_FLIGHT {
        deliveries.pop_front().context("a delivery")?.await?;
    }
    let (key, value) = (Some(key.to_owned().into()), Some(serde_json::to_vec(value)?.into()));
    deliveries.push_back(producer.send(NewRecord { topic: topic.into(), key, value, ..NewRecord::default() }));
    Ok(())
}

/// Watches a process until it has decided, told, counted and projected all that waits.
#[expect(clippy::print_stderr, reason = "the figures are part of what the test is for")]
fn work_off(log: &str, house: &mut House, bids: u64) -> Result<()> {
    let began = Instant::now();
    let decided = |house: &House| house.measure("gavel_streams_records_total", "bidding") >= bids as f64;
    let mut decided_after = None;
    wait_until("the backlog is worked off", WORKED_OFF_WITHIN, || {
        if decided_after.is_none() && decided(house) {
            decided_after = Some(began.elapsed());
        }
        decided_after.is_some() && house.measure("gavel_projected_records_total", "") >= bids as f64
    })?;
    let decided_after = decided_after.context("a time")?;
    let (peak_mib, now_mib) = (resident_mib(house, "VmHWM")?, resident_mib(house, "VmRSS")?);
    eprintln!(
        "{bids} waiting bids on {log}: decided in {} ms, projected in {} ms, at most {peak_mib} MiB resident, {now_mib} at last",
        decided_after.as_millis(),
        began.elapsed().as_millis()
    );
    ensure!(peak_mib < RESIDENT_MIB_MAX, "{peak_mib} MiB resident, with {bids} waiting bids");
    Ok(())
}

fn resident_mib(house: &mut House, line: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", house.process()?.id()))?;
    let found = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    let kib: u64 = found.context("a size")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024)
}
