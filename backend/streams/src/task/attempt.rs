//! Running a unit of work, step by step: each record in order, timers where partition time passes them, again without what
//! cannot be.
//!
//! A unit takes so many steps at most; timers that are due beyond that, and the record that made them due, are of the
//! next unit, which goes on where this one ended. What is poison is found in one more attempt, which ends with it: so
//! however many there are, no step is taken more than a few times.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::emission::{Emission, Origin, Verdict};
use super::unit::Scope;
use super::{Task, TaskError};
use crate::dead_letters::is_for_another;
use crate::processor::{ProcessorError, Timer};
use crate::store::StateStore;
use crate::timers::TimerRow;

/// Cause of the dead letters of a panic.
const PANIC: &str = "panic";

/// One thing that a unit of work does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// The record of this index.
    Record(usize),
    Timer(TimerRow),
}

/// How far an attempt at the unit of work is.
#[derive(Debug, Default)]
pub(super) struct Attempt {
    /// How many steps it took.
    pub(super) steps: usize,
    /// How many of the records are processed.
    pub(super) consumed: usize,
    /// The last step, whom a panic is blamed on.
    in_hand: Option<Step>,
    /// Whether it is the whole that fails, and not the last step alone.
    pub(super) is_whole: bool,
    /// Whether it ends here, before all is done.
    is_over: bool,
}

impl<S: StateStore> Task<S> {
    pub(super) fn attempt_until_done(&mut self) -> Result<(), TaskError> {
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.attempt())) {
                Ok(outcome) => return outcome,
                Err(panic) => self.blame(Verdict { cause: PANIC, detail: panic_message(&*panic) })?,
            }
        }
    }

    /// Ends the unit of work: it can be committed once all of it is sent.
    pub(crate) fn seal(&mut self) -> Result<(), TaskError> {
        loop {
            match catch_unwind(AssertUnwindSafe(|| self.try_seal())) {
                Ok(outcome) => return outcome,
                Err(panic) => self.blame(Verdict { cause: PANIC, detail: panic_message(&*panic) })?,
            }
            self.attempt_until_done()?;
        }
    }

    /// The unit of work cannot be as it is. The next attempt leaves out the step in hand; where it may have been another, it
    /// takes half of the steps, down to one.
    pub(super) fn blame(&mut self, verdict: Verdict) -> Result<(), TaskError> {
        let Attempt { steps, in_hand, is_whole, .. } = std::mem::take(&mut self.attempt);
        self.forget();
        match in_hand {
            _ if is_whole && steps > 1 => self.limit = steps / 2,
            Some(step) if !self.is_poison(&step) => self.poison = Some((step, verdict)),
            _ => return Err(self.state_error(0, format!("{} without any step: {}", verdict.cause, verdict.detail))),
        }
        Ok(())
    }

    fn is_poison(&self, step: &Step) -> bool {
        self.poison.as_ref().is_some_and(|(poison, _)| poison == step)
    }

    fn attempt(&mut self) -> Result<(), TaskError> {
        let clock = self.topology.0.clock.as_ref().map(|clock| clock.source);
        for index in self.attempt.consumed..self.records.len() {
            if self.is_full() {
                break;
            }
            if Some(self.records[index].source) == clock {
                self.unit.time_ms = self.unit.time_ms.max(self.records[index].append_ms);
                self.fire_due(index)?;
                if self.is_full() {
                    break;
                }
            }
            self.process(index)?;
            self.attempt.consumed = index + 1;
        }
        Ok(())
    }

    fn try_seal(&mut self) -> Result<(), TaskError> {
        self.attempt.is_whole = true;
        for processor in 0..self.processors.len() {
            self.before_commit(processor)?;
        }
        let consumed = self.consumed();
        let sources = &self.topology.0.sources;
        self.unit.write_rows(consumed.into_iter().map(|(source, next)| (&*sources[source].topic, next)));
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.attempt.is_over || self.attempt.steps >= self.limit
    }

    /// Begins a step. If it is to be left out, the unit of work ends with it, and this is why.
    fn begin(&mut self, step: Step) -> Option<Verdict> {
        let verdict =
            if self.is_poison(&step) { self.poison.as_ref().map(|(_, verdict)| verdict.clone()) } else { None };
        self.attempt.steps += 1;
        self.attempt.is_over = verdict.is_some();
        self.attempt.in_hand = Some(step);
        verdict
    }

    /// Fires what partition time has passed, also what is scheduled meanwhile.
    fn fire_due(&mut self, index: usize) -> Result<(), TaskError> {
        while !self.is_full()
            && let Some(row) = self.unit.timers.pop_due(self.unit.time_ms)
        {
            let timer = Timer { due_ms: row.due_ms, key: row.key.clone() };
            let processor = usize::from(row.processor);
            if let Some(verdict) = self.begin(Step::Timer(row)) {
                self.unit.emissions.push(Emission::DeadTimer { index, timer, verdict });
                continue;
            }
            let effects = self.unit.effects;
            let mut scope = Scope {
                unit: &mut self.unit,
                node: &self.topology.0.processors[processor],
                processor,
                partition: self.partition,
                origin: Origin::Timer(index),
                record: self.records.get(index),
                behalf: None,
            };
            match self.processors[processor].punctuate(&mut scope, &timer) {
                Ok(()) => {}
                Err(ProcessorError::Rejected { cause, detail }) => {
                    assert!(effects == self.unit.effects, "rejected ({cause}) after it had an effect");
                    let verdict = Verdict { cause, detail };
                    self.unit.emissions.push(Emission::DeadTimer { index, timer, verdict });
                }
                Err(ProcessorError::State(detail)) => return Err(self.state_error(processor, detail)),
            }
        }
        Ok(())
    }

    fn process(&mut self, index: usize) -> Result<(), TaskError> {
        if let Some(verdict) = self.begin(Step::Record(index)) {
            self.unit.emissions.push(Emission::DeadRecord { index, verdict });
            return Ok(());
        }
        let record = &self.records[index];
        if is_for_another(&record.headers, &self.topology.0.declared_name) {
            return Ok(());
        }
        for &processor in &self.topology.0.sources[record.source].readers {
            let effects = self.unit.effects;
            let mut scope = Scope {
                unit: &mut self.unit,
                node: &self.topology.0.processors[processor],
                processor,
                partition: self.partition,
                origin: Origin::Record(index),
                record: Some(record),
                behalf: None,
            };
            match self.processors[processor].process(&mut scope, record) {
                Ok(()) => {}
                Err(ProcessorError::Rejected { cause, detail }) => {
                    assert!(effects == self.unit.effects, "rejected ({cause}) after it had an effect");
                    self.unit.emissions.push(Emission::DeadRecord { index, verdict: Verdict { cause, detail } });
                }
                Err(ProcessorError::State(detail)) => return Err(self.state_error(processor, detail)),
            }
        }
        Ok(())
    }

    fn before_commit(&mut self, processor: usize) -> Result<(), TaskError> {
        let mut scope = Scope {
            unit: &mut self.unit,
            node: &self.topology.0.processors[processor],
            processor,
            partition: self.partition,
            origin: Origin::Unit,
            record: None,
            behalf: None,
        };
        let outcome = self.processors[processor].before_commit(&mut scope);
        outcome.map_err(|error| self.state_error(processor, error.to_string()))
    }

    fn state_error(&self, processor: usize, detail: String) -> TaskError {
        TaskError::State {
            topology: self.topology.name().into(),
            processor: self.topology.0.processors[processor].name.clone(),
            partition: self.partition,
            detail,
        }
    }
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no message").into()
}
