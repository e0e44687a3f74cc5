//! A task: one partition's processors at work, one unit of work at a time, over any state store. It has no log and no
//! clock; the runtime and the test driver hand it records and do the rest.
//!
//! The beats of a unit of work: `Task::run`, once or, while much waits, several times; `Task::seal`; send `Task::outputs`,
//! `Task::changes` and `Task::consumed`; commit them; `Task::commit`. Or, at any time before that, `Task::rollback`. Outputs may be
//! sent, and let go of by `Task::drop_outputs`, before the unit is sealed.
//!
//! A panic rolls the unit back and runs it again up to what was in hand, which goes to the dead letters; so does what asks
//! for more than the log takes. Outputs that were let go of are then recalled: all of them are made again.
//!
//! A clock record advances partition time and fires timers even when it is itself a dead letter. So does one that was sent back to
//! another topology: it is passed over.
//!
//! A unit of work takes a limited number of records and timers. Records it does not reach are given back by
//! `Task::take_rest`; timers it does not reach fire in the next unit, before the same record.

mod attempt;
mod emission;
pub(crate) mod rows;
mod unit;

use bytes::Bytes;
use gavel_log::{Header, NewRecord};

use attempt::{Attempt, Step};
pub(crate) use emission::inherited;
pub use emission::{CAUSATION, INHERITED};
use emission::{Emission, Places, Verdict};
use unit::Unit;

use crate::dead_letters::{self, Kind};
use crate::processor::{Processor, SourceRecord};
use crate::store::{StateStore, StoreError};
use crate::topology::Topology;

/// Cause of the dead letters of what asked for a larger record than the log takes.
const OUTPUT_TOO_LARGE: &str = "output_too_large";
/// Records and timers at most in one unit of work.
const UNIT_STEPS: usize = 32_768;
/// What is left of a key or a header of a dead letter that the log does not take whole.
const SLIM_BYTES: usize = 1_000;

/// Why a task stops, while others go on. Nothing of the unit in hand is committed.
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
    /// A source ends before what was processed of it: it is not the topic that the state is of.
    #[error("{partition} ends at {end}, but was processed up to {next}")]
    Truncated {
        /// The source.
        partition: String,
        /// The next offset to process.
        next: u64,
        /// Its end.
        end: u64,
    },
    /// The group has processed more than the state knows of: the changelog lost its end, or is another.
    #[error(
        "{partition} was processed up to {committed}, but its state reaches to {state} only: the changelog is not whole"
    )]
    Behind {
        /// The source.
        partition: String,
        /// The next offset to process, as the group has it.
        committed: u64,
        /// The same, as the state has it.
        state: u64,
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

/// The outputs of the unit of work in hand that were let go of.
#[derive(Default)]
struct Sent {
    any: bool,
    /// The causes of the dead letters among them.
    dead_letters: Vec<&'static str>,
    /// Whether they are void, for the unit of work was begun anew.
    is_recalled: bool,
}

/// The processors of one partition, their state and the unit of work in hand.
pub(crate) struct Task<S> {
    topology: Topology,
    partition: u32,
    processors: Vec<Box<dyn Processor>>,
    unit: Unit<S>,
    records: Vec<SourceRecord>,
    attempt: Attempt,
    /// The step that the next attempt leaves out, and ends with.
    poison: Option<(Step, Verdict)>,
    sent: Sent,
    /// How many steps the next unit of work may take. Halved where one was too much, doubled by each that was not.
    limit: usize,
    most_steps: usize,
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
            attempt: Attempt::default(),
            poison: None,
            sent: Sent::default(),
            limit: UNIT_STEPS,
            most_steps: UNIT_STEPS,
        })
    }

    /// Begins a unit of work with these records, or goes on with it, in this order. Where it becomes full it leaves the rest.
    /// Takes at least one step.
    pub(crate) fn run(&mut self, mut records: Vec<SourceRecord>) -> Result<(), TaskError> {
        self.records.append(&mut records);
        self.attempt_until_done()
    }

    /// How many records more the unit of work may take.
    pub(crate) fn room(&self) -> usize {
        if self.is_full() || self.attempt.consumed < self.records.len() { 0 } else { self.limit - self.attempt.steps }
    }

    /// The records to send, in order of emission.
    pub(crate) fn outputs(&self) -> impl Iterator<Item = NewRecord> {
        self.render(Some(self.places()))
    }

    /// The same without the headers of forwarded records, for those who do not look at them.
    pub(crate) fn bare_outputs(&self) -> impl Iterator<Item = NewRecord> {
        self.render(None)
    }

    fn render(&self, mut places: Option<Places>) -> impl Iterator<Item = NewRecord> {
        let render = move |emission: &Emission| {
            emission.render(&self.topology.0, self.partition, &self.records, places.as_mut())
        };
        self.unit.emissions.iter().map(render)
    }

    fn places(&self) -> Places {
        Places::new(&self.topology.0, self.partition)
    }

    /// The same output, if it is a dead letter, in a form that the log takes: without value and inherited headers. Its
    /// origin says where the whole is.
    pub(crate) fn slim_output(&self, output: usize) -> Option<NewRecord> {
        let emission = self.unit.emissions.get(output).filter(|emission| emission.cause().is_some())?;
        let mut record = emission.render(&self.topology.0, self.partition, &self.records, Some(&mut self.places()));
        record.value = None;
        record.key = record.key.filter(|key| key.len() <= SLIM_BYTES);
        record.headers.retain(|header| header.name.starts_with(dead_letters::PREFIX));
        record.headers.iter_mut().for_each(|header| header.value.truncate(SLIM_BYTES));
        if record.headers.iter().all(|header| header.name != dead_letters::KIND) {
            record.headers.push(Header { name: dead_letters::KIND.into(), value: Kind::CUT.into() });
        }
        Some(record)
    }

    /// How many records the unit of work consumed.
    pub(crate) fn records(&self) -> usize {
        self.attempt.consumed
    }

    /// Lets go of the outputs, which were sent.
    pub(crate) fn drop_outputs(&mut self) {
        self.sent.any |= !self.unit.emissions.is_empty();
        self.sent.dead_letters.extend(self.unit.emissions.iter().filter_map(Emission::cause));
        self.unit.emissions.clear();
    }

    /// Whether outputs that were let go of are void, since this was last asked.
    pub(crate) fn take_recall(&mut self) -> bool {
        std::mem::take(&mut self.sent.is_recalled)
    }

    /// The causes of the dead letters among the outputs.
    pub(crate) fn dead_letters(&self) -> impl Iterator<Item = &'static str> {
        let held = self.unit.emissions.iter().filter_map(Emission::cause);
        self.sent.dead_letters.iter().copied().chain(held)
    }

    /// The final value of each key that was changed, store by store, in the order in which keys were first changed.
    pub(crate) fn changes(&self) -> impl Iterator<Item = Change<'_>> {
        self.unit.overlays.iter().enumerate().flat_map(|(store, overlay)| {
            overlay.iter().map(move |(key, value)| Change { store, key, value: value.as_ref() })
        })
    }

    /// For each source of which records were processed: the offset after the last. Where only timers fired, the offset of
    /// the record that made them due, which is still to be processed.
    pub(crate) fn consumed(&self) -> Vec<(usize, u64)> {
        let mut next = vec![None; self.topology.0.sources.len()];
        for record in &self.records[..self.attempt.consumed] {
            next[record.source] = Some(record.offset + 1);
        }
        if self.attempt.consumed == 0
            && let Some(record) = self.records.first()
        {
            next[record.source] = Some(record.offset);
        }
        next.into_iter().enumerate().filter_map(|(source, next)| Some((source, next?))).collect()
    }

    /// Takes the records that the unit of work did not reach, once its outputs are sent.
    pub(crate) fn take_rest(&mut self) -> Vec<SourceRecord> {
        self.records.split_off(self.attempt.consumed)
    }

    /// Writes the unit of work to the store, after it was committed to the log.
    pub(crate) fn commit(&mut self) -> Result<(), TaskError> {
        self.unit.commit()?;
        self.limit = self.limit.saturating_mul(2).min(self.most_steps);
        self.clear();
        Ok(())
    }

    /// Forgets the unit of work, and gives its records back.
    pub(crate) fn rollback(&mut self) -> Vec<SourceRecord> {
        self.forget();
        let records = std::mem::take(&mut self.records);
        self.clear();
        records
    }

    /// Has the next unit of work take half of the steps of this one, whose commit was aborted.
    pub(crate) fn narrow(&mut self) {
        self.limit = (self.attempt.steps / 2).max(1);
    }

    /// Runs the unit of work again, because it asks for a record that the log refuses as too large: with fewer steps, in the
    /// end without the one that asks for it.
    pub(crate) fn refuse(&mut self, detail: String) -> Result<(), TaskError> {
        self.attempt.is_whole = true;
        self.blame(Verdict { cause: OUTPUT_TOO_LARGE, detail })?;
        self.attempt_until_done()
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
        self.sent = Sent { is_recalled: self.sent.any || self.sent.is_recalled, ..Sent::default() };
        self.unit.rollback();
        self.processors.iter_mut().for_each(|processor| processor.on_rollback());
    }

    fn clear(&mut self) {
        self.records.clear();
        self.attempt = Attempt::default();
        self.poison = None;
        self.sent = Sent::default();
    }

    /// Has units of work take no more steps than this.
    #[cfg(test)]
    pub(crate) fn limit_steps(&mut self, steps: usize) {
        (self.limit, self.most_steps) = (steps, steps);
    }
}

#[cfg(test)]
mod tests;
