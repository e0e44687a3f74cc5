//! How long bids take on their way, measured where they arrive: POST → decision → projection → push.
//!
//! Each stage counts from the POST where the bid came in at this process, else from the log's append time of the bid.
//! Percentiles are of the last minute, counts since the process began. `/metrics` has the same as
//! `gavel_flow_seconds{stage}`.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// How long one slice is, and how many are looked back on.
const SLICE: Duration = Duration::from_secs(10);
const SLICES: usize = 6;
/// The longest time told apart.
const LONGEST_US: u64 = 60_000_000;

/// Where a bid arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The request has its decision.
    Decided,
    /// The decision is in the database, and this process knows it.
    Projected,
    /// The frame has been handed to a watcher's connection.
    Pushed,
}

impl Stage {
    /// All, in the order of a bid's way.
    pub const ALL: [Self; 3] = [Self::Decided, Self::Projected, Self::Pushed];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Decided => "decided",
            Self::Projected => "projected",
            Self::Pushed => "pushed",
        }
    }
}

/// How long a stage took, in the last minute.
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

/// All stages of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FlowSnapshot {
    /// POST to decision.
    pub decided: Percentiles,
    /// POST to database.
    pub projected: Percentiles,
    /// POST to watcher.
    pub pushed: Percentiles,
}

/// What a process measures.
pub struct Flow {
    stages: [StageMeter; 3],
}

impl std::fmt::Debug for Flow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Flow").finish_non_exhaustive()
    }
}

impl Default for Flow {
    /// Nothing measured yet. The recorder of `metrics` must be installed before.
    fn default() -> Self {
        Self { stages: Stage::ALL.map(StageMeter::new) }
    }
}

impl Flow {
    /// A request that came in at `posted_at` has its decision.
    pub fn record_decided(&self, posted_at: Instant) {
        self.record(Stage::Decided, posted_at.elapsed());
    }

    /// A bid has arrived.
    pub fn record(&self, stage: Stage, took: Duration) {
        let [decided, projected, pushed] = &self.stages;
        match stage {
            Stage::Decided => decided.record(took),
            Stage::Projected => projected.record(took),
            Stage::Pushed => pushed.record(took),
        }
    }

    /// How it went.
    #[must_use]
    pub fn snapshot(&self) -> FlowSnapshot {
        let [decided, projected, pushed] = self.stages.each_ref().map(StageMeter::percentiles);
        FlowSnapshot { decided, projected, pushed }
    }
}

struct StageMeter {
    exported: metrics::Histogram,
    slices: Mutex<Slices>,
}

impl StageMeter {
    fn new(stage: Stage) -> Self {
        let exported = metrics::histogram!("gavel_flow_seconds", "stage" => stage.as_str());
        Self { exported, slices: Mutex::new(Slices { began: Instant::now(), total: 0, slices: VecDeque::new() }) }
    }

    fn record(&self, took: Duration) {
        self.exported.record(took);
        self.slices.lock().unwrap_or_else(PoisonError::into_inner).record(took);
    }

    fn percentiles(&self) -> Percentiles {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_recorded() {
        let flow = Flow::default();
        for took_ms in 1..=100 {
            flow.record(Stage::Pushed, Duration::from_millis(took_ms));
        }
        let pushed = flow.snapshot().pushed;
        assert_eq!((pushed.count, pushed.total), (100, 100));
        // Two significant digits: off by at most one in a hundred.
        assert!(pushed.p50_us.abs_diff(50_000) <= 500, "{pushed:?}");
        assert!(pushed.p99_us.abs_diff(99_000) <= 990, "{pushed:?}");
        assert!(pushed.max_us.abs_diff(100_000) <= 1_000, "{pushed:?}");
        assert_eq!(flow.snapshot().decided, Percentiles::default());
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
