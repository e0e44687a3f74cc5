//! A token bucket on the runtime's clock: how many records of one task may be processed now.
//!
//! It fills with the task's share of the topology's rate, and holds what comes in one second, so that units of work that are
//! some time apart reach the rate too. It begins empty: a restart gives no records.

use std::num::NonZeroU32;

/// A token is a record; it is counted in parts so small that a share of one record a second still grows each millisecond.
#[derive(Debug)]
pub(super) struct Bucket {
    rate_per_s: NonZeroU32,
    parts_per_record: u64,
    parts: u64,
    filled_ms: i64,
}

impl Bucket {
    /// An empty one, for one of so many partitions.
    pub(super) fn new(rate_per_s: NonZeroU32, partitions: u32, now_ms: i64) -> Self {
        let parts_per_record = 1_000 * u64::from(partitions.max(1));
        Self { rate_per_s, parts_per_record, parts: 0, filled_ms: now_ms }
    }

    pub(super) fn rate_per_s(&self) -> NonZeroU32 {
        self.rate_per_s
    }

    /// How many records may be taken now.
    pub(super) fn records(&mut self, now_ms: i64) -> usize {
        let passed_ms = now_ms.saturating_sub(self.filled_ms).max(0).unsigned_abs();
        self.filled_ms = now_ms;
        let second = 1_000 * u64::from(self.rate_per_s.get());
        // At least one record must fit, however small the share.
        let full = second.max(self.parts_per_record);
        let gained = passed_ms.saturating_mul(u64::from(self.rate_per_s.get()));
        self.parts = self.parts.saturating_add(gained).min(full);
        usize::try_from(self.parts / self.parts_per_record).unwrap_or(usize::MAX)
    }

    /// So many were taken.
    pub(super) fn spend(&mut self, records: usize) {
        self.parts = self.parts.saturating_sub((records as u64).saturating_mul(self.parts_per_record));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(rate_per_s: u32, partitions: u32) -> Bucket {
        Bucket::new(NonZeroU32::new(rate_per_s).unwrap(), partitions, 1_000)
    }

    #[test]
    fn it_fills_with_its_share_and_holds_one_second() {
        // Rate, partitions, milliseconds after it was made, records.
        let table = [
            (100, 1, 0, 0),
            (100, 1, 9, 0),
            (100, 1, 10, 1),
            (100, 1, 1_000, 100),
            (100, 1, 60_000, 100),
            (100, 4, 1_000, 25),
            (10, 4, 100, 0),
            (10, 4, 400, 1),
            (10, 4, 60_000, 2),
            (1, 4, 3_999, 0),
            (1, 4, 4_000, 1),
            (1, 4, 60_000, 1),
            (1, 4, -5_000, 0),
        ];
        for (rate_per_s, partitions, passed_ms, records) in table {
            let found = bucket(rate_per_s, partitions).records(1_000 + passed_ms);
            assert_eq!(found, records, "{rate_per_s}/s over {partitions}, after {passed_ms} ms");
        }
    }

    #[test]
    fn however_often_it_is_asked_the_rate_holds() {
        for step_ms in [1, 7, 50, 333] {
            let mut bucket = bucket(7, 3);
            let mut taken = 0;
            for now_ms in (1_000..301_000).step_by(step_ms) {
                let records = bucket.records(now_ms);
                bucket.spend(records);
                taken += records;
            }
            // 300 seconds of 7/3 a second, the last step aside.
            assert!((699..=700).contains(&taken), "{taken} in steps of {step_ms} ms");
        }
    }
}
