//! The part of a session that processes what was read, batch by batch.

use super::Session;
use crate::runtime::interruption::Interruption;
use crate::runtime::live_task::{LiveTask, LogProgress, Phase, WorkError};

/// What became of a batch.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::runtime) struct Processed {
    pub(in crate::runtime) records: usize,
    /// Whether a task took all that it might, so that more is likely to wait.
    pub(in crate::runtime) is_behind: bool,
    /// Whether a task failed, and with it what it did in the unit of work.
    pub(in crate::runtime) has_failed: bool,
}

impl Session {
    /// Asks for all ends that tasks wait for at once, rather than have each ask for its own.
    fn ask_ends(&mut self) -> Result<(), Interruption> {
        let (mut askers, mut partitions) = (Vec::new(), Vec::new());
        let asked = self.worker.monotonic();
        for (&number, LiveTask { sources, phase }) in &self.tasks {
            let Phase::Running(running) = phase else { continue };
            for source in running.unasked(asked) {
                askers.push((number, source));
                partitions.push(sources[source].clone());
            }
        }
        if partitions.is_empty() {
            return Ok(());
        }
        let ends = self.worker.log.stable_ends(&partitions);
        let now = self.worker.monotonic();
        for ((number, source), end) in askers.into_iter().zip(ends) {
            let Some(running) = self.tasks.get_mut(&number).and_then(LiveTask::running) else { continue };
            match end {
                Ok(end) => running.gate.tell(source, end),
                Err(error) => running.put_off(error, asked, now)?,
            }
        }
        Ok(())
    }

    /// Processes a batch and, if it came to anything, the rest of its unit of work, which is committed. True if so.
    pub(super) fn begin_unit(&mut self) -> Result<bool, Interruption> {
        let processed = self.process()?;
        if processed.records > 0 {
            self.last_unit = Some(self.worker.monotonic());
            self.finish_unit(processed)?;
        }
        Ok(processed.records > 0)
    }

    /// Has each running task process a batch of what it may.
    pub(in crate::runtime) fn process(&mut self) -> Result<Processed, Interruption> {
        self.ask_ends()?;
        let share = self.share(self.worker.options.max_batch_records);
        let mut processed = Processed::default();
        let mut failed = Vec::new();
        for (&partition, LiveTask { sources, phase }) in &mut self.tasks {
            let Phase::Running(running) = phase else { continue };
            let progress = LogProgress { log: &*self.worker.log, consumer: &*self.consumer, sources };
            match running.work(share, &progress, &*self.worker.options.clock) {
                Ok(records) => {
                    processed.records += records;
                    processed.is_behind |= 2 * records >= share;
                }
                Err(WorkError::Task(error)) => failed.push((partition, error)),
                Err(WorkError::Interrupted(interruption)) => return Err(interruption),
            }
        }
        processed.has_failed = !failed.is_empty();
        failed.iter().for_each(|(partition, error)| self.fail(*partition, error));
        Ok(processed)
    }
}
