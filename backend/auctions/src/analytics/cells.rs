//! The table of cells, with those touched since the last commit in memory.

use std::collections::BTreeMap;

use bytes::Bytes;
use gavel_streams::{Context, ProcessorError};

use crate::wire::analytics::{MeasureRecord, MeasureTag, WINDOW_MS};
use crate::wire::{Measure, SCHEMA_VERSION};

const CELLS: usize = 0;
const ANALYTICS: usize = 0;

/// Which cell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cell {
    measure: Measure,
    window_start_ms: i64,
    dimension: String,
    currency: String,
}

impl Cell {
    /// The cell of an event's time.
    pub(super) fn at(measure: Measure, at_ms: i64, dimension: impl Into<String>, currency: &str) -> Self {
        let window_start_ms = at_ms.div_euclid(WINDOW_MS) * WINDOW_MS;
        Self { measure, window_start_ms, dimension: dimension.into(), currency: currency.into() }
    }

    fn key(&self) -> Bytes {
        let Self { measure, window_start_ms, dimension, currency } = self;
        format!("{}/{window_start_ms}/{currency}/{dimension}", measure.as_str()).into()
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    count: i64,
    sum: i64,
}

/// The cells that this unit of work touched.
#[derive(Debug, Default)]
pub(super) struct Cells(BTreeMap<Cell, Tally>);

impl Cells {
    /// Counts one event of `amount` into a cell.
    pub(super) fn add(&mut self, context: &mut dyn Context, cell: Cell, amount: i64) -> Result<(), ProcessorError> {
        let tally = match self.0.entry(cell) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let stored = context.get(CELLS, &entry.key().key())?;
                entry.insert(stored.map(|bytes| decode(&bytes)).transpose()?.unwrap_or_default())
            }
        };
        tally.count += 1;
        tally.sum = tally.sum.saturating_add(amount);
        Ok(())
    }

    /// Writes the touched cells to state and to the sink, in order.
    pub(super) fn flush(&mut self, context: &mut dyn Context) {
        for (cell, tally) in std::mem::take(&mut self.0) {
            context.put(CELLS, cell.key(), encode(tally));
            let record = MeasureRecord {
                kind: MeasureTag::Measure,
                v: SCHEMA_VERSION,
                measure: cell.measure,
                window_start_ms: cell.window_start_ms,
                dimension: cell.dimension,
                currency: cell.currency,
                partition: context.partition(),
                count: tally.count,
                sum: tally.sum,
            };
            let value = serde_json::to_vec(&record).expect("a struct of strings and numbers is JSON");
            context.forward(ANALYTICS, Bytes::from_static(cell.measure.as_str().as_bytes()), value.into());
        }
    }

    /// Forgets what was not written.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

fn encode(tally: Tally) -> Bytes {
    [tally.count.to_be_bytes(), tally.sum.to_be_bytes()].concat().into()
}

fn decode(bytes: &[u8]) -> Result<Tally, ProcessorError> {
    let number = |part: &[u8]| part.try_into().ok().map(i64::from_be_bytes);
    let tally = bytes.split_at_checked(8).and_then(|(count, sum)| Some(Tally { count: number(count)?, sum: number(sum)? }));
    tally.ok_or_else(|| ProcessorError::State("a cell is not two numbers".into()))
}
