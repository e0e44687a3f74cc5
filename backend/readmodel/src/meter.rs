//! How long something takes, as the last minute had it; and telling it on a topic that every process reads.
//!
//! Percentiles are of the last minute, counts since the process began. `/metrics` has the same as
//! `gavel_flow_seconds{stage}`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use gavel_auctions::wire::topics;
use gavel_log::{NewRecord, Producer};
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::time::{MissedTickBehavior, interval};

/// How long one slice is, and how many are looked back on.
const SLICE: Duration = Duration::from_secs(10);
const SLICES: usize = 6;
/// The longest time told apart.
const LONGEST_US: u64 = 60_000_000;
/// How often a process reports.
const REPORT_EVERY: Duration = Duration::from_secs(10);

/// How long something took, in the last minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Percentiles {
    /// How many in the last minute.
    pub count: u64,
    /// How many since the process began.
    pub total: u64,
    /// The median, microseconds.
    pub p50_us: u64,
    /// Nine of ten were faster, microseconds.
    pub p90_us: u64,
    /// Ninety-nine of a hundred were faster, microseconds.
    pub p99_us: u64,
    /// The slowest, microseconds.
    pub max_us: u64,
}

/// Measures one stage of a bid's way.
pub struct Meter {
    exported: metrics::Histogram,
    slices: Mutex<Slices>,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

impl Meter {
    /// Nothing measured yet. The recorder of `metrics` must be installed before.
    #[must_use]
    pub fn new(stage: &'static str) -> Self {
        let exported = metrics::histogram!("gavel_flow_seconds", "stage" => stage);
        Self { exported, slices: Mutex::new(Slices { began: Instant::now(), total: 0, slices: VecDeque::new() }) }
    }

    /// One has taken so long.
    pub fn record(&self, took: Duration) {
        self.exported.record(took);
        self.slices.lock().unwrap_or_else(PoisonError::into_inner).record(took);
    }

    /// How it went.
    #[must_use]
    pub fn percentiles(&self) -> Percentiles {
        self.slices.lock().unwrap_or_else(PoisonError::into_inner).percentiles()
    }
}

/// Histograms of the last slices of time, the newest last.
struct Slices {
    /// When the newest began.
    began: Instant,
    total: u64,
    slices: VecDeque<Histogram<u64>>,
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 2).expect("the bounds are in order and two digits are allowed")
}

impl Slices {
    /// Begins as many slices as have passed.
    fn turn(&mut self) {
        let passed = self.began.elapsed().as_nanos() / SLICE.as_nanos();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        self.began += SLICE.saturating_mul(passed);
        for _ in 0..passed.min(SLICES as u32) {
            self.slices.push_back(histogram());
        }
        while self.slices.len() > SLICES {
            self.slices.pop_front();
        }
    }

    fn record(&mut self, took: Duration) {
        self.turn();
        if self.slices.is_empty() {
            self.slices.push_back(histogram());
        }
        self.total += 1;
        if let Some(newest) = self.slices.back_mut() {
            newest.saturating_record(u64::try_from(took.as_micros()).unwrap_or(LONGEST_US));
        }
    }

    fn percentiles(&mut self) -> Percentiles {
        self.turn();
        let mut all = histogram();
        for slice in &self.slices {
            all.add(slice).expect("all histograms have the same bounds");
        }
        let at = |quantile| all.value_at_quantile(quantile);
        Percentiles {
            count: all.len(),
            total: self.total,
            p50_us: at(0.5),
            p90_us: at(0.9),
            p99_us: at(0.99),
            max_us: all.max(),
        }
    }
}

/// Tells the metrics topic what `report` says now and then, for as long as it is polled. `source` is the key.
pub async fn keep_reporting<R: Serialize>(source: String, report: impl Fn() -> R, producer: Arc<dyn Producer>) {
    let mut ticks = interval(REPORT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Ok(value) = serde_json::to_vec(&report()) else { continue };
        let record = NewRecord {
            topic: topics::METRICS.into(),
            key: Some(source.clone().into()),
            value: Some(value.into()),
            ..NewRecord::default()
        };
        if let Err(error) = producer.send(record).await {
            tracing::debug!(%error, "the figures of this process were not reported");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_recorded() {
        let meter = Meter::new("test");
        for took_ms in 1..=100 {
            meter.record(Duration::from_millis(took_ms));
        }
        let took = meter.percentiles();
        assert_eq!((took.count, took.total), (100, 100));
        // Two significant digits: off by at most one in a hundred.
        assert!(took.p50_us.abs_diff(50_000) <= 500, "{took:?}");
        assert!(took.p99_us.abs_diff(99_000) <= 990, "{took:?}");
        assert!(took.max_us.abs_diff(100_000) <= 1_000, "{took:?}");
        assert_eq!(Meter::new("test").percentiles(), Percentiles::default());
    }

    #[test]
    fn what_is_older_than_a_minute_is_counted_but_not_ranked() {
        let mut slices = Slices { began: Instant::now(), total: 0, slices: VecDeque::new() };
        slices.record(Duration::from_millis(5));
        slices.began -= SLICE.saturating_mul(SLICES as u32);
        slices.record(Duration::from_millis(1));
        let percentiles = slices.percentiles();
        assert_eq!((percentiles.count, percentiles.total), (1, 2));
        assert!(percentiles.max_us < 1_100);
    }
}
