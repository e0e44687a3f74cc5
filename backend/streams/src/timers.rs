//! The timers of a task: all of them in memory, in the order in which they fire, and the rows they are kept as.
//!
//! A unit of work remembers of each row it touched whether it was there before. So a rollback is exact, and the changelog
//! gets one record for each row that really changed.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut, Bytes, BytesMut};

/// First byte of a timer's row in the task store.
pub(crate) const ROW_PREFIX: u8 = b'd';
/// The value of a timer's row: the version of its key. Version 0 had no value, and the same key.
pub(crate) const ROW_VALUE: &[u8] = &[1];
/// Prefix, due time, processor.
const ROW_HEAD_BYTES: usize = 1 + 8 + 2;

/// One timer of one processor. The order of fields is the order of firing; (due, key) within a processor. The processor is
/// its index in the topology: the order in which processors are declared is state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimerRow {
    pub(crate) due_ms: i64,
    pub(crate) processor: u16,
    pub(crate) key: Bytes,
}

impl TimerRow {
    /// The row's key in the task store: its byte order is the order of firing.
    pub(crate) fn encode(&self) -> Bytes {
        let mut row = BytesMut::with_capacity(ROW_HEAD_BYTES + self.key.len());
        row.put_u8(ROW_PREFIX);
        row.put_u64((self.due_ms as u64) ^ (1 << 63));
        row.put_u16(self.processor);
        row.put_slice(&self.key);
        row.freeze()
    }

    /// Reads what [`encode`](Self::encode) wrote, and what version 0 did.
    pub(crate) fn decode(row: &Bytes, value: &[u8]) -> Option<Self> {
        if !value.is_empty() && value != ROW_VALUE {
            return None;
        }
        let (head, key) = row.split_at_checked(ROW_HEAD_BYTES)?;
        let due = u64::from_be_bytes(head[1..9].try_into().ok()?);
        let processor = u16::from_be_bytes(head[9..11].try_into().ok()?);
        Some(Self { due_ms: (due ^ (1 << 63)) as i64, processor, key: row.slice_ref(key) })
    }
}

/// The timers of one task.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    pending: BTreeSet<TimerRow>,
    /// Of each row touched in this unit of work: whether it was pending before.
    touched: BTreeMap<TimerRow, bool>,
    earliest_due_ms: Option<i64>,
}

impl Timers {
    /// The timers that were kept.
    pub(crate) fn from_rows(rows: impl Iterator<Item = TimerRow>) -> Self {
        let mut timers = Self { pending: rows.collect(), ..Self::default() };
        timers.find_earliest();
        timers
    }

    /// When the next is due.
    pub(crate) fn earliest_due_ms(&self) -> Option<i64> {
        self.earliest_due_ms
    }

    pub(crate) fn schedule(&mut self, row: TimerRow) {
        if self.pending.insert(row.clone()) {
            self.earliest_due_ms = Some(self.earliest_due_ms.map_or(row.due_ms, |earliest| earliest.min(row.due_ms)));
            self.touched.entry(row).or_insert(false);
        }
    }

    pub(crate) fn cancel(&mut self, row: TimerRow) {
        if self.pending.remove(&row) {
            self.find_earliest();
            self.touched.entry(row).or_insert(true);
        }
    }

    /// Takes the next timer out if it is due before `time_ms`.
    pub(crate) fn pop_due(&mut self, time_ms: i64) -> Option<TimerRow> {
        if self.earliest_due_ms? >= time_ms {
            return None;
        }
        let row = self.pending.pop_first()?;
        self.find_earliest();
        self.touched.entry(row.clone()).or_insert(true);
        Some(row)
    }

    /// The rows that this unit of work added (true) and removed (false).
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&TimerRow, bool)> {
        self.touched.iter().filter_map(|(row, &was)| {
            let is = self.pending.contains(row);
            (is != was).then_some((row, is))
        })
    }

    /// What the unit of work did is now so.
    pub(crate) fn commit(&mut self) {
        self.touched.clear();
    }

    /// All is again as before the unit of work.
    pub(crate) fn rollback(&mut self) {
        for (row, was) in std::mem::take(&mut self.touched) {
            if was {
                self.pending.insert(row);
            } else {
                self.pending.remove(&row);
            }
        }
        self.find_earliest();
    }

    fn find_earliest(&mut self) {
        self.earliest_due_ms = self.pending.first().map(|row| row.due_ms);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(due_ms: i64, key: &'static str) -> TimerRow {
        TimerRow { due_ms, processor: 0, key: Bytes::from_static(key.as_bytes()) }
    }

    #[test]
    fn rollback_restores_what_was() {
        let mut timers = Timers::from_rows([row(10, "a"), row(20, "b")].into_iter());
        timers.schedule(row(5, "c"));
        assert_eq!(timers.pop_due(6), Some(row(5, "c")));
        timers.cancel(row(10, "a"));
        timers.rollback();
        assert_eq!(timers.earliest_due_ms(), Some(10));
        assert_eq!(timers.changes().count(), 0);
        assert_eq!(timers.pop_due(10), None, "a timer fires only once its due time has passed");
        assert_eq!(timers.pop_due(11), Some(row(10, "a")));
    }

    #[test]
    fn a_row_that_came_and_went_is_no_change() {
        let mut timers = Timers::default();
        timers.schedule(row(5, "c"));
        timers.cancel(row(5, "c"));
        timers.schedule(row(6, "c"));
        assert_eq!(timers.changes().collect::<Vec<_>>(), [(&row(6, "c"), true)]);
    }

    /// Written by versions 0 and 1 of the row: to be read for ever.
    #[test]
    fn golden_row() {
        let golden = b"d\x80\x00\x01\x9b\x77\x4a\x2c\x00\x00\x02lot";
        let row = TimerRow { due_ms: 0x019b_774a_2c00, processor: 2, key: Bytes::from_static(b"lot") };
        assert_eq!(row.encode(), &golden[..]);
        assert_eq!(TimerRow::decode(&Bytes::from_static(golden), b""), Some(row.clone()));
        assert_eq!(TimerRow::decode(&Bytes::from_static(golden), b"\x01"), Some(row));
        assert_eq!(TimerRow::decode(&Bytes::from_static(golden), b"\x02"), None, "a later version");
        assert_eq!(TimerRow::decode(&Bytes::from_static(b"dshort"), b"\x01"), None);
    }

    proptest! {
        #[test]
        fn rows_round_trip_and_keep_their_order(mut rows in prop::collection::vec((any::<i64>(), any::<u16>(), ".{0,8}"), 2)) {
            let mut rows: Vec<TimerRow> = rows.drain(..)
                .map(|(due_ms, processor, key)| TimerRow { due_ms, processor, key: key.into_bytes().into() })
                .collect();
            let mut encoded: Vec<Bytes> = rows.iter().map(TimerRow::encode).collect();
            rows.sort();
            encoded.sort();
            prop_assert_eq!(encoded.iter().map(|row| TimerRow::decode(row, ROW_VALUE)).collect::<Option<Vec<_>>>(), Some(rows));
        }
    }
}
