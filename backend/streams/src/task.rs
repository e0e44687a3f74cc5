//! A task: one partition's processors at work, one unit of work at a time, over any state store. It has no log and no
//! clock; the runtime and the test driver hand it records and do the rest.
//!
//! The beats of a unit of work: `Task::run`; send `Task::outputs`, `Task::changes` and `Task::consumed`; commit
//! them; `Task::commit`. Or, at any time before that, `Task::rollback`.
//!
//! A panic rolls the unit back and runs it again without what was in hand, which goes to the dead letters. A clock
//! record advances partition time and fires timers even when it is itself a dead letter.

mod attempt;
mod emission;
mod unit;

use bytes::Bytes;
use gavel_log::NewRecord;

use attempt::{InHand, Poisons};
pub(crate) use emission::inherited;
pub use emission::{
    CAUSATION, DEAD_LETTER_ATTEMPTS, DEAD_LETTER_CAUSE, DEAD_LETTER_DETAIL, DEAD_LETTER_ORIGIN, INHERITED,
};
use emission::{Emission, Origin, Verdict};
use unit::Unit;

use crate::processor::{Processor, SourceRecord};
use crate::store::{StateStore, StoreError};
use crate::topology::Topology;

/// Cause of the dead letters of what asked for a larger record than the log takes.
const OUTPUT_TOO_LARGE: &str = "output_too_large";

/// Why a task stops. Nothing of the unit in hand is committed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A processor cannot read its state.
    #[error("processor {processor} of {topology}, partition {partition}: {detail}")]
    State {
        /// The topology.
        topology: String,
        /// The processor.
        processor: String,
        /// The partition.
        partition: u32,
        /// What is wrong.
        detail: String,
    },
    /// The local store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One change of a store in a unit of work.
#[derive(Debug)]
pub(crate) struct Change<'a> {
    pub(crate) store: usize,
    pub(crate) key: &'a Bytes,
    pub(crate) value: Option<&'a Bytes>,
}

/// The processors of one partition, their state and the unit of work in hand.
pub(crate) struct Task<S> {
    topology: Topology,
    partition: u32,
    processors: Vec<Box<dyn Processor>>,
    unit: Unit<S>,
    records: Vec<SourceRecord>,
    in_hand: InHand,
    poisons: Poisons,
}

impl<S: StateStore> Task<S> {
    /// Makes the processors and reads partition time and timers from the store.
    pub(crate) fn open(topology: &Topology, partition: u32, store: S) -> Result<Self, TaskError> {
        Ok(Self {
            topology: topology.clone(),
            partition,
            processors: topology.0.processors.iter().map(|node| (node.supplier)()).collect(),
            unit: Unit::open(store, topology.0.stores.len())?,
            records: Vec::new(),
            in_hand: InHand::Nothing,
            poisons: Poisons::default(),
        })
    }

    /// Processes records, in this order, as one unit of work, up to where it can be committed.
    pub(crate) fn run(&mut self, records: Vec<SourceRecord>) -> Result<(), TaskError> {
        debug_assert!(self.records.is_empty(), "the last unit of work was neither committed nor rolled back");
        self.records = records;
        self.attempt_until_done()
    }

    /// The records to send, in order of emission.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = NewRecord> {
        self.render(true)
    }

    /// The same without the headers of forwarded records, for those who do not look at them.
    pub(crate) fn bare_outputs(&self) -> impl Iterator<Item = NewRecord> {
        self.render(false)
    }

    fn render(&self, with_headers: bool) -> impl Iterator<Item = NewRecord> {
        let render =
            move |emission: &Emission| emission.render(&self.topology.0, self.partition, &self.records, with_headers);
        self.unit.emissions.iter().map(render)
    }

    /// How many records the unit of work holds.
    pub(crate) fn records(&self) -> usize {
        self.records.len()
    }

    /// The causes of the dead letters among the outputs.
    pub(crate) fn dead_letters(&self) -> impl Iterator<Item = &'static str> {
        self.unit.emissions.iter().filter_map(|emission| match emission {
            Emission::Forward { .. } => None,
            Emission::DeadRecord { verdict, .. } | Emission::DeadTimer { verdict, .. } => Some(verdict.cause),
        })
    }

    /// The final value of each key that was changed, store by store, in key order.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        self.unit.overlays.iter().enumerate().flat_map(|(store, overlay)| {
            overlay.iter().map(move |(key, value)| Change { store, key, value: value.as_ref() })
        })
    }

    /// For each source of which records were processed: the offset after the last.
    pub(crate) fn consumed(&self) -> Vec<(usize, u64)> {
        let mut next = vec![None; self.topology.0.sources.len()];
        for record in &self.records {
            next[record.source] = Some(record.offset + 1);
        }
        next.into_iter().enumerate().filter_map(|(source, next)| Some((source, next?))).collect()
    }

    /// Writes the unit of work to the store, after it was committed to the log.
    pub(crate) fn commit(&mut self) -> Result<(), TaskError> {
        self.unit.commit()?;
        self.records.clear();
        self.poisons = Poisons::default();
        Ok(())
    }

    /// Forgets the unit of work, and gives its records back.
    pub(crate) fn rollback(&mut self) -> Vec<SourceRecord> {
        self.forget();
        self.poisons = Poisons::default();
        std::mem::take(&mut self.records)
    }

    /// Runs the unit again, without the record that asked for the output of this index, which the log refused as too
    /// large. False if that output came of anything but a record: there is no way on.
    pub(crate) fn refuse_output(&mut self, output: usize) -> Result<bool, TaskError> {
        let Emission::Forward { sink, value, origin: Origin::Record(index), .. } = &self.unit.emissions[output] else {
            return Ok(false);
        };
        let topic = &self.topology.0.sinks[*sink].topic;
        let detail = format!("asked for a record of {} bytes to {topic}", value.len());
        self.poisons.records.push((*index, Verdict { cause: OUTPUT_TOO_LARGE, detail }));
        self.forget();
        self.attempt_until_done()?;
        Ok(true)
    }

    /// Partition time.
    pub(crate) fn time_ms(&self) -> i64 {
        self.unit.time_ms
    }

    /// When the next timer is due.
    pub(crate) fn earliest_due_ms(&self) -> Option<i64> {
        self.unit.timers.earliest_due_ms()
    }

    /// The committed state.
    pub(crate) fn store(&self) -> &S {
        &self.unit.store
    }

    /// The same, to be told what the next commit is to write besides.
    pub(crate) fn store_mut(&mut self) -> &mut S {
        &mut self.unit.store
    }

    /// Gives the store up, as a process does that dies; the unit of work in hand is lost.
    pub(crate) fn take_store(&mut self) -> S
    where
        S: Default,
    {
        std::mem::take(&mut self.unit.store)
    }

    fn forget(&mut self) {
        self.unit.rollback();
        self.processors.iter_mut().for_each(|processor| processor.on_rollback());
    }
}
