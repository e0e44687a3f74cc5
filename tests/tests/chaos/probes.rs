//! One bidder for each partition, who bids again as soon as the last bid is decided: how long nobody decides is how long
//! they wait.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gavel_log::partitioner::partition_of;
use gavel_tests::client::Person;
use serde_json::json;
use tokio::task::JoinHandle;

/// Between two bids of one prober.
const PAUSE: Duration = Duration::from_millis(25);
const STEP_MINOR: i64 = 100;

/// When bids were decided.
type Decided = Arc<Mutex<Vec<Instant>>>;

pub(crate) struct Probes {
    seller: Person,
    items: Vec<String>,
    decided: Vec<Decided>,
    is_over: Arc<AtomicBool>,
    bidding: Vec<JoinHandle<()>>,
}

impl Probes {
    /// A lot on each partition, and somebody who bids on it.
    pub(crate) async fn start(url: &str, partitions: u32) -> Result<Self> {
        let seller = Person::register(url, "Prober").await?;
        let mut probes = Self {
            seller,
            items: vec![String::new(); partitions as usize],
            decided: Vec::new(),
            is_over: Arc::default(),
            bidding: Vec::new(),
        };
        while probes.items.iter().any(String::is_empty) {
            let item_id = probes
                .seller
                .list(&json!({"title": "A probe", "description": "", "category": "art", "currency": "USD",
                    "starting_minor": 100, "duration_s": 3600}))
                .await?;
            let partition = partition_of(item_id.as_bytes(), partitions) as usize;
            if probes.items[partition].is_empty() {
                probes.items[partition] = item_id;
            } else {
                probes.withdraw(&item_id).await?;
            }
        }
        for (number, item_id) in probes.items.iter().enumerate() {
            let decided = Decided::default();
            probes.decided.push(Arc::clone(&decided));
            let person = Person::register(url, &format!("Probe{number}")).await?;
            let bidding = bid(person, item_id.clone(), decided, Arc::clone(&probes.is_over));
            probes.bidding.push(tokio::spawn(bidding));
        }
        Ok(probes)
    }

    /// Whether bids on every partition were decided after this.
    pub(crate) fn all_decided_after(&self, after: Instant) -> bool {
        self.decided.iter().all(|decided| lock(decided).last().is_some_and(|last| *last > after))
    }

    /// The longest time without a decision on any partition, from a moment on.
    pub(crate) fn longest_gap_since(&self, since: Instant) -> Duration {
        let gap = |decided: &Decided| {
            let decided = lock(decided);
            let first = decided.partition_point(|at| *at <= since).saturating_sub(1);
            let pairs = decided[first..].windows(2).map(|pair| pair[1] - pair[0]);
            pairs.chain(decided.last().map(Instant::elapsed)).max().unwrap_or_default()
        };
        self.decided.iter().map(gap).max().unwrap_or_default()
    }

    /// Ends the bidding, and the probes' own auctions.
    pub(crate) async fn stop(self) -> Result<()> {
        self.is_over.store(true, Ordering::Relaxed);
        for item_id in &self.items {
            self.withdraw(item_id).await?;
        }
        for bidding in self.bidding {
            bidding.await?;
        }
        Ok(())
    }

    async fn withdraw(&self, item_id: &str) -> Result<()> {
        let answer = self.seller.post(&format!("/api/v1/items/{item_id}/withdrawal"), &json!({})).await?;
        ensure!(answer.status.is_success(), "withdrawing answered {answer:?}");
        Ok(())
    }
}

fn lock(decided: &Decided) -> std::sync::MutexGuard<'_, Vec<Instant>> {
    decided.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn bid(person: Person, item_id: String, decided: Decided, is_over: Arc<AtomicBool>) {
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        number += 1;
        let answer = person.bid(&item_id, 100 + number * STEP_MINOR, &format!("probe-{number}")).await;
        if answer.is_ok_and(|answer| answer.body["decision"].is_string()) {
            lock(&decided).push(Instant::now());
        }
        tokio::time::sleep(PAUSE).await;
    }
}
