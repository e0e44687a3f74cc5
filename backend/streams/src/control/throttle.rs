//! What one task may take of its records, as the regime has it.

use super::bucket::Bucket;
use super::orders::{Mode, Regime};

/// How much may be processed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    /// Records at most.
    pub(crate) records: usize,
    /// None that was appended later.
    pub(crate) until_ms: i64,
}

impl Allowance {
    /// Nothing at all.
    pub(crate) const NOTHING: Self = Self { records: 0, until_ms: i64::MIN };
}

/// The regime of one task, and what it has used of its rate. Until it is told one, nothing may be processed.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    regime: Option<Regime>,
    bucket: Option<Bucket>,
}

impl Throttle {
    /// From now on this holds, for a task that is one of so many.
    pub(crate) fn obey(&mut self, regime: Option<Regime>, partitions: u32, now_ms: i64) {
        self.regime = regime;
        let rate_per_s = regime.and_then(|regime| regime.rate_per_s);
        if self.bucket.as_ref().map(Bucket::rate_per_s) != rate_per_s {
            self.bucket = rate_per_s.map(|rate_per_s| Bucket::new(rate_per_s, partitions, now_ms));
        }
    }

    /// What it is to do; `None` until it was told.
    pub(crate) fn mode(&self) -> Option<Mode> {
        self.regime.map(|regime| regime.mode)
    }

    /// How much may be processed now, of at most so many records.
    pub(crate) fn allowance(&mut self, max_records: usize, now_ms: i64) -> Allowance {
        let until_ms = match self.mode() {
            None | Some(Mode::Paused) => return Allowance::NOTHING,
            Some(Mode::Draining { until_ms }) => until_ms,
            Some(Mode::Running) => i64::MAX,
        };
        let records = self.bucket.as_mut().map_or(max_records, |bucket| bucket.records(now_ms).min(max_records));
        Allowance { records, until_ms }
    }

    /// So many were processed.
    pub(crate) fn spend(&mut self, records: usize) {
        if let Some(bucket) = &mut self.bucket {
            bucket.spend(records);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn the_regime_decides_what_may_be_taken() {
        let ten = NonZeroU32::new(10);
        // Regime, milliseconds under it, what may be taken of at most 7.
        let table = [
            (None, 1_000, Allowance::NOTHING),
            (Some((Mode::Paused, None)), 1_000, Allowance::NOTHING),
            (Some((Mode::Paused, ten)), 1_000, Allowance::NOTHING),
            (Some((Mode::Running, None)), 0, Allowance { records: 7, until_ms: i64::MAX }),
            (Some((Mode::Draining { until_ms: 5 }, None)), 0, Allowance { records: 7, until_ms: 5 }),
            (Some((Mode::Draining { until_ms: 5 }, ten)), 400, Allowance { records: 2, until_ms: 5 }),
            (Some((Mode::Running, ten)), 400, Allowance { records: 2, until_ms: i64::MAX }),
            (Some((Mode::Running, ten)), 9_000, Allowance { records: 5, until_ms: i64::MAX }),
        ];
        for (regime, passed_ms, allowance) in table {
            let mut throttle = Throttle::default();
            throttle.obey(regime.map(|(mode, rate_per_s)| Regime { mode, rate_per_s }), 2, 100);
            assert_eq!(throttle.allowance(7, 100 + passed_ms), allowance, "{regime:?} for {passed_ms} ms");
        }
    }

    #[test]
    fn the_same_rate_said_again_gives_nothing_again() {
        let regime = Some(Regime { mode: Mode::Running, rate_per_s: NonZeroU32::new(10) });
        let mut throttle = Throttle::default();
        throttle.obey(regime, 1, 0);
        assert_eq!(throttle.allowance(100, 1_000).records, 10);
        throttle.spend(10);
        throttle.obey(regime, 1, 1_000);
        assert_eq!(throttle.allowance(100, 1_000).records, 0);
        assert_eq!(throttle.allowance(100, 1_500).records, 5);
    }
}
