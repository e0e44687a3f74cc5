//! The unit of work in hand: what the processors of a task did since the last commit, over the state committed before.

use std::sync::Arc;

use bytes::Bytes;

use crate::processor::{Cause, Context, ProcessorError, SourceRecord};
use crate::store::{Overlay, StateStore, StoreError, merged};
use crate::task::emission::{Emission, Origin};
use crate::task::rows::{damaged, offset_row, read_time, time_row};
use crate::timers::{ROW_PREFIX, ROW_VALUE, TimerRow, Timers};
use crate::topology::{ProcessorNode, TASK_STORE};

/// State of a task: the committed store, and the unit of work over it.
pub(super) struct Unit<S> {
    pub(super) store: S,
    /// One for each store, the task store's first.
    pub(super) overlays: Vec<Overlay>,
    pub(super) timers: Timers,
    pub(super) emissions: Vec<Emission>,
    pub(super) time_ms: i64,
    committed_time_ms: i64,
    /// Counts writes, timers and forwards: a rejected record must have had none.
    pub(super) effects: u64,
}

impl<S: StateStore> Unit<S> {
    /// Reads partition time and the timers from the store.
    pub(super) fn open(store: S, stores: usize) -> Result<Self, StoreError> {
        let time_ms = read_time(&store)?;
        let rows = store.scan_prefix(TASK_STORE, &[ROW_PREFIX])?;
        let rows: Option<Vec<TimerRow>> = rows.iter().map(|(row, value)| TimerRow::decode(row, value)).collect();
        Ok(Self {
            store,
            overlays: vec![Overlay::default(); stores],
            timers: Timers::from_rows(rows.ok_or_else(damaged)?.into_iter()),
            emissions: Vec::new(),
            time_ms,
            committed_time_ms: time_ms,
            effects: 0,
        })
    }

    /// Writes partition time, timers and what was consumed (topic, next offset) into the overlay of the task store: the
    /// last step before the commit.
    pub(super) fn write_rows<'a>(&mut self, consumed: impl Iterator<Item = (&'a str, u64)>) {
        let overlay = &mut self.overlays[TASK_STORE];
        if self.time_ms != self.committed_time_ms {
            let (row, time) = time_row(self.time_ms);
            overlay.insert(row, Some(time));
        }
        for (topic, next) in consumed {
            let (row, next) = offset_row(topic, next);
            overlay.insert(row, Some(next));
        }
        for (row, pending) in self.timers.changes() {
            overlay.insert(row.encode(), pending.then(|| Bytes::from_static(ROW_VALUE)));
        }
    }

    /// What was done is now the committed state.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        self.store.apply(&mut self.overlays)?;
        self.timers.commit();
        self.emissions.clear();
        self.committed_time_ms = self.time_ms;
        Ok(())
    }

    /// All is again as it was at the last commit.
    pub(super) fn rollback(&mut self) {
        self.overlays.iter_mut().for_each(Overlay::clear);
        self.timers.rollback();
        self.emissions.clear();
        self.time_ms = self.committed_time_ms;
    }

    /// The value of a key as of now.
    pub(super) fn get(&self, store: usize, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        match self.overlays[store].get(key) {
            Some(value) => Ok(value.clone()),
            None => self.store.get(store, key),
        }
    }

    /// The entries with a prefix as of now.
    pub(super) fn scan_prefix(&self, store: usize, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let committed = self.store.scan_prefix(store, prefix)?;
        Ok(merged(committed, self.overlays[store].with_prefix(prefix)))
    }
}

/// The unit of work as one processor sees it while it handles one record or timer.
pub(super) struct Scope<'a, S> {
    pub(super) unit: &'a mut Unit<S>,
    pub(super) node: &'a ProcessorNode,
    pub(super) processor: usize,
    pub(super) partition: u32,
    pub(super) origin: Origin,
    /// The record in hand, or the one that made the timer in hand due.
    pub(super) record: Option<&'a SourceRecord>,
    /// On whose behalf it forwards, if not the origin's.
    pub(super) behalf: Option<Arc<Cause>>,
}

impl<S> Scope<'_, S> {
    fn row(&self, due_ms: i64, key: Bytes) -> TimerRow {
        TimerRow { due_ms, processor: self.processor as u16, key }
    }
}

impl<S: StateStore> Context for Scope<'_, S> {
    fn partition(&self) -> u32 {
        self.partition
    }

    fn partition_time_ms(&self) -> i64 {
        self.unit.time_ms
    }

    fn get(&mut self, store: usize, key: &[u8]) -> Result<Option<Bytes>, ProcessorError> {
        self.unit.get(self.node.stores[store], key).map_err(unreadable)
    }

    fn put(&mut self, store: usize, key: Bytes, value: Bytes) {
        self.unit.effects += 1;
        self.unit.overlays[self.node.stores[store]].insert(key, Some(value));
    }

    fn delete(&mut self, store: usize, key: Bytes) {
        self.unit.effects += 1;
        self.unit.overlays[self.node.stores[store]].insert(key, None);
    }

    fn scan_prefix(&mut self, store: usize, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, ProcessorError> {
        self.unit.scan_prefix(self.node.stores[store], prefix).map_err(unreadable)
    }

    fn schedule(&mut self, due_ms: i64, key: Bytes) {
        self.unit.effects += 1;
        let row = self.row(due_ms, key);
        self.unit.timers.schedule(row);
    }

    fn cancel(&mut self, due_ms: i64, key: Bytes) {
        self.unit.effects += 1;
        let row = self.row(due_ms, key);
        self.unit.timers.cancel(row);
    }

    fn cause(&self) -> Option<Cause> {
        match (&self.behalf, self.origin, self.record) {
            (Some(cause), ..) => Some((**cause).clone()),
            (None, Origin::Record(_), Some(record)) => Some(record.cause()),
            (None, Origin::Timer(_), Some(record)) => {
                Some(Cause { source: record.source, offset: record.offset, headers: Vec::new() })
            }
            (None, Origin::Unit, _) | (None, _, None) => None,
        }
    }

    fn forward(&mut self, sink: usize, key: Bytes, value: Bytes) {
        self.unit.effects += 1;
        let sink = self.node.sinks[sink];
        let behalf = self.behalf.clone();
        self.unit.emissions.push(Emission::Forward { sink, key, value, origin: self.origin, behalf });
    }

    fn on_behalf_of(&mut self, cause: Cause) -> Box<dyn Context + '_> {
        Box::new(Scope { unit: &mut *self.unit, behalf: Some(Arc::new(cause)), ..*self })
    }
}

fn unreadable(error: StoreError) -> ProcessorError {
    ProcessorError::State(error.problem)
}
