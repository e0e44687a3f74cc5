//! Questions that no record waits for: the changelog's end, to be the next bound (see `local`), and how much waits in the
//! sources. Asked for one task at a time, while there is nothing else to do; under load that does not end, rarely.

use std::time::Duration;

use gavel_log::{Consumer, Log, LogError, TopicPartition};

use super::live_task::{LiveTask, Phase, Running};
use super::session::Session;
use crate::task::TaskError;
use crate::topology::Topology;

/// How often a task asks while it has nothing to do.
const IDLE: Duration = Duration::from_secs(2);
/// How often it asks all the same.
const BUSY: Duration = Duration::from_secs(30);

impl Session {
    /// Asks for one task, if it is time. A log that does not answer only leaves things as they are.
    pub(super) fn upkeep(&mut self, is_idle: bool) {
        let every = if is_idle { IDLE } else { BUSY };
        let asked = self.worker.monotonic();
        let passed = |since: Duration| asked.saturating_sub(since);
        let age = self.age();
        let mut failed = None;
        for (&partition, LiveTask { sources, phase }) in &mut self.tasks {
            let Phase::Running(running) = phase else { continue };
            let is_due = match running.upkept {
                Some(upkept) => passed(upkept) >= every,
                None => is_idle || age >= BUSY,
            };
            if !is_due || !running.upkeep.may_ask(asked) {
                continue;
            }
            running.upkept = Some(asked);
            if is_idle && let Err(error) = running.task.store_mut().flush_at_leisure() {
                // What was not written is nowhere now but in the changelog.
                failed = Some((partition, TaskError::from(error)));
                break;
            }
            match ask(&*self.worker.log, &*self.consumer, &self.worker.topology, sources, running) {
                Ok(()) => running.upkeep.answered(),
                Err(error) => {
                    tracing::debug!(partition = %sources[0], %error, "the log does not say how far it is");
                    running.upkeep.unanswered(error, asked, self.worker.monotonic());
                }
            }
            break;
        }
        if let Some((partition, error)) = failed {
            self.fail(partition, &error);
        }
    }
}

fn ask(
    log: &dyn Log,
    consumer: &dyn Consumer,
    topology: &Topology,
    sources: &[TopicPartition],
    running: &mut Running,
) -> Result<(), LogError> {
    let changelog = TopicPartition::new(topology.0.changelog.clone(), sources[0].partition);
    running.task.store_mut().stage_bound(log.stable_end(&changelog)?);
    let mut lag_records = 0;
    for (source, partition) in sources.iter().enumerate() {
        let end = log.stable_end(partition)?;
        let position = consumer.position(partition)?.max(running.next[source]);
        lag_records += end.saturating_sub(position) + running.queues.len_of(source) as u64;
    }
    running.lag_records = lag_records;
    Ok(())
}
