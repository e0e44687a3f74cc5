//! A cell: one measure in one window, and how it is stored.

use bytes::Bytes;
use gavel_streams::{Context, ProcessorError};

use super::{ANALYTICS, store};
use crate::decode::damaged;
use crate::wire::analytics::{MeasureTag, WINDOW_MS};
use crate::wire::{Measure, MeasureRecord, SCHEMA_VERSION};

const VERSION: u8 = 1;

/// What is counted, where.
pub(super) struct Cell<'a> {
    pub(super) measure: Measure,
    /// The time of the event, which says the window.
    pub(super) at_ms: i64,
    pub(super) dimension: &'a str,
    pub(super) currency: &'a str,
}

impl Cell<'_> {
    /// Counts one event of this amount (0 where nothing is summed), and publishes the cell.
    ///
    /// # Errors
    /// `State` when the cell cannot be read.
    pub(super) fn add(&self, context: &mut dyn Context, amount: i64) -> Result<(), ProcessorError> {
        let key = self.key();
        let (count, sum) = match context.get(store::CELLS, &key)? {
            Some(stored) => decode(&stored).ok_or_else(|| damaged("a cell"))?,
            None => (0, 0),
        };
        let (count, sum) = (count + 1, sum.saturating_add(amount));
        context.put(store::CELLS, key, encode(count, sum));
        let record = MeasureRecord {
            kind: MeasureTag::Measure,
            v: SCHEMA_VERSION,
            measure: self.measure,
            window_start_ms: self.window_start_ms(),
            dimension: self.dimension.into(),
            currency: self.currency.into(),
            partition: context.partition(),
            count,
            sum,
        };
        let value = serde_json::to_vec(&record).expect("a record of plain fields always serialises into memory");
        context.forward(ANALYTICS, Bytes::from_static(self.measure.as_str().as_bytes()), value.into());
        Ok(())
    }

    fn window_start_ms(&self) -> i64 {
        self.at_ms - self.at_ms.rem_euclid(WINDOW_MS)
    }

    /// The dimension may hold anything, so it comes last.
    fn key(&self) -> Bytes {
        let Self { measure, dimension, currency, .. } = self;
        format!("{}/{}/{currency}/{dimension}", measure.as_str(), self.window_start_ms()).into()
    }
}

fn encode(count: i64, sum: i64) -> Bytes {
    let mut bytes = vec![VERSION];
    bytes.extend(count.to_be_bytes());
    bytes.extend(sum.to_be_bytes());
    bytes.into()
}

fn decode(bytes: &[u8]) -> Option<(i64, i64)> {
    let (&VERSION, rest) = bytes.split_first()? else { return None };
    let (count, rest) = rest.split_first_chunk()?;
    let (sum, []) = rest.split_first_chunk()? else { return None };
    Some((i64::from_be_bytes(*count), i64::from_be_bytes(*sum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_1_stays_readable() {
        let golden = b"\x01\0\0\0\0\0\0\0\x03\xff\xff\xff\xff\xff\xff\xff\xfe";
        assert_eq!(encode(3, -2), &golden[..]);
        assert_eq!(decode(golden), Some((3, -2)));
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        for bytes in [&b""[..], b"\x02", b"\x01\0", b"\x01\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x01\x01"] {
            assert_eq!(decode(bytes), None);
        }
    }

    #[test]
    fn a_window_holds_its_first_millisecond() {
        for (at_ms, start_ms) in [(0, 0), (59_999, 0), (60_000, 60_000), (-1, -60_000)] {
            let cell = Cell { measure: Measure::Bids, at_ms, dimension: "", currency: "" };
            assert_eq!(cell.window_start_ms(), start_ms);
        }
    }
}
