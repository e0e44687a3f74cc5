//! Running a unit of work: each record in order, timers where partition time passes them, again without what panicked.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::emission::{Emission, Origin, Verdict};
use super::unit::Scope;
use super::{Task, TaskError};
use crate::processor::{ProcessorError, Timer};
use crate::store::StateStore;
use crate::timers::TimerRow;

/// Cause of the dead letters of a panic.
const PANIC: &str = "panic";

/// What the processors have in hand: whom a panic is blamed on.
#[derive(Debug, Clone, Default)]
pub(super) enum InHand {
    #[default]
    Nothing,
    Record(usize),
    Timer(TimerRow),
}

/// What the next attempt at the unit of work leaves out.
#[derive(Debug, Default)]
pub(super) struct Poisons {
    pub(super) records: Vec<(usize, Verdict)>,
    pub(super) timers: Vec<(TimerRow, Verdict)>,
}

impl Poisons {
    fn of_record(&self, index: usize) -> Option<&Verdict> {
        self.records.iter().find(|(poison, _)| *poison == index).map(|(_, verdict)| verdict)
    }

    fn of_timer(&self, row: &TimerRow) -> Option<&Verdict> {
        self.timers.iter().find(|(poison, _)| poison == row).map(|(_, verdict)| verdict)
    }
}

impl<S: StateStore> Task<S> {
    pub(super) fn attempt_until_done(&mut self) -> Result<(), TaskError> {
        loop {
            let panic = match catch_unwind(AssertUnwindSafe(|| self.attempt())) {
                Ok(outcome) => return outcome,
                Err(panic) => panic_message(&*panic),
            };
            let verdict = Verdict { cause: PANIC, detail: panic };
            match std::mem::take(&mut self.in_hand) {
                InHand::Record(index) => self.poisons.records.push((index, verdict)),
                InHand::Timer(row) => self.poisons.timers.push((row, verdict)),
                InHand::Nothing => {
                    return Err(self.state_error(0, format!("panicked while committing: {}", verdict.detail)));
                }
            }
            self.forget();
        }
    }

    fn attempt(&mut self) -> Result<(), TaskError> {
        let clock = self.topology.0.clock.as_ref().map(|clock| clock.source);
        for index in 0..self.records.len() {
            if Some(self.records[index].source) == clock {
                self.unit.time_ms = self.unit.time_ms.max(self.records[index].append_ms);
                self.fire_due(index)?;
            }
            self.process(index)?;
        }
        self.in_hand = InHand::Nothing;
        for processor in 0..self.processors.len() {
            self.before_commit(processor)?;
        }
        self.unit.write_rows();
        Ok(())
    }

    /// Fires what partition time has passed, also what is scheduled meanwhile.
    fn fire_due(&mut self, index: usize) -> Result<(), TaskError> {
        while let Some(row) = self.unit.timers.pop_due(self.unit.time_ms) {
            let timer = Timer { due_ms: row.due_ms, key: row.key.clone() };
            if let Some(verdict) = self.poisons.of_timer(&row) {
                let verdict = verdict.clone();
                self.unit.emissions.push(Emission::DeadTimer { index, timer, verdict });
                continue;
            }
            let processor = usize::from(row.processor);
            self.in_hand = InHand::Timer(row);
            let mut scope = Scope {
                unit: &mut self.unit,
                node: &self.topology.0.processors[processor],
                processor,
                partition: self.partition,
                origin: Origin::Timer(index),
                behalf: None,
            };
            match self.processors[processor].punctuate(&mut scope, &timer) {
                Ok(()) => {}
                Err(ProcessorError::Rejected { cause, detail }) => {
                    let topology = self.topology.name();
                    tracing::warn!(
                        topology,
                        partition = self.partition,
                        cause,
                        detail,
                        "a timer was rejected and dropped"
                    );
                }
                Err(ProcessorError::State(detail)) => return Err(self.state_error(processor, detail)),
            }
        }
        Ok(())
    }

    fn process(&mut self, index: usize) -> Result<(), TaskError> {
        if let Some(verdict) = self.poisons.of_record(index) {
            let verdict = verdict.clone();
            self.unit.emissions.push(Emission::DeadRecord { index, verdict });
            return Ok(());
        }
        self.in_hand = InHand::Record(index);
        let record = &self.records[index];
        for &processor in &self.topology.0.sources[record.source].readers {
            let effects = self.unit.effects;
            let mut scope = Scope {
                unit: &mut self.unit,
                node: &self.topology.0.processors[processor],
                processor,
                partition: self.partition,
                origin: Origin::Record(index),
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
