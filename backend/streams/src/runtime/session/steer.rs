//! The part of a session that follows orders: what its tasks may take, what they read ahead, and when a drain is done.

use std::time::Duration;

use gavel_log::{Consumer, TopicPartition};

use super::Session;
use crate::control::{Mode, Regime};
use crate::runtime::interruption::Interruption;
use crate::runtime::live_task::{LiveTask, Phase, Running};

/// Reading of a source is halted while this many batches of it wait.
const BUFFERED_BATCHES: usize = 2;

impl Session {
    /// Has the tasks follow the orders as they are now.
    pub(super) fn obey(&mut self) {
        let options = &self.worker.options;
        let (now_ms, max_records) = (options.clock.now_ms(), self.share(options.max_unit_records));
        let seen = self.worker.board.regime(self.worker.topology.name());
        let regime = seen.map(|(regime, _)| regime);
        self.control_next = seen.map(|(_, next)| next);
        if regime != self.regime && (self.regime.is_some() || regime != Some(Regime::default())) {
            tracing::info!("{}: {}", self.worker.topology.name(), in_words(regime));
        }
        self.regime = regime;
        for running in self.tasks.values_mut().filter_map(LiveTask::running) {
            running.obey(regime, self.partitions, max_records, now_ms);
        }
    }

    /// Looks whether tasks that are drained have come to the end.
    pub(super) fn look_for_ends(&mut self) {
        let (now_ms, asked) = (self.worker.options.clock.now_ms(), self.worker.monotonic());
        for LiveTask { sources, phase } in self.tasks.values_mut() {
            let Phase::Running(running) = phase else { continue };
            let Some(Mode::Draining { until_ms }) = running.throttle.mode() else { continue };
            if running.is_drained || now_ms <= until_ms || !running.upkeep.may_ask(asked) {
                continue;
            }
            if running.drain_ends.is_none() {
                let ends: Result<Vec<u64>, _> = self.worker.log.stable_ends(sources).into_iter().collect();
                match ends {
                    Ok(ends) => running.drain_ends = Some(ends),
                    Err(error) => running.upkeep.unanswered(error, asked, self.worker.monotonic()),
                }
            }
            running.is_drained = running.has_read_up_to(until_ms, &*self.consumer, sources);
        }
    }

    /// Halts the reading of what is not processed now, or of which too much waits for another, and resumes it later.
    pub(super) fn balance_reading(&mut self) -> Result<(), Interruption> {
        let limit = BUFFERED_BATCHES * self.share(self.worker.options.max_batch_records);
        for LiveTask { sources, phase } in self.tasks.values_mut() {
            let Phase::Running(running) = phase else { continue };
            for (source, partition) in sources.iter().enumerate() {
                let halt = running.is_paused() || running.queues.len_of(source) >= limit;
                if halt != running.halted[source] {
                    let partition = std::slice::from_ref(partition);
                    if halt {
                        self.consumer.pause(partition)?;
                    } else {
                        self.consumer.resume(partition)?;
                    }
                    running.halted[source] = halt;
                }
            }
        }
        Ok(())
    }
}

impl Running {
    fn obey(&mut self, regime: Option<Regime>, partitions: u32, max_records: usize, now_ms: i64) {
        let before = self.throttle.mode();
        self.throttle.obey(regime, partitions, now_ms);
        if self.throttle.mode() != before {
            (self.is_drained, self.drain_ends) = (false, None);
        }
        self.allowance = self.throttle.allowance(max_records, now_ms);
    }

    /// Whether nothing is processed for now.
    fn is_paused(&self) -> bool {
        !matches!(self.throttle.mode(), Some(Mode::Running | Mode::Draining { .. }))
    }

    /// Whether all that was appended up to this time is processed. The ends were asked later.
    fn has_read_up_to(&self, until_ms: i64, consumer: &dyn Consumer, sources: &[TopicPartition]) -> bool {
        let Some(ends) = &self.drain_ends else { return false };
        let is_read = |(source, end): (usize, &u64)| {
            self.gate.is_past(source, until_ms) || consumer.position(&sources[source]).is_ok_and(|next| next >= *end)
        };
        self.queues.head().is_none_or(|head| head.append_ms > until_ms) && ends.iter().enumerate().all(is_read)
    }
}

fn in_words(regime: Option<Regime>) -> String {
    let Some(Regime { mode, rate_per_s }) = regime else { return "waits for its orders".into() };
    let rate = rate_per_s.map_or_else(String::new, |rate_per_s| format!(", {rate_per_s} records a second"));
    match mode {
        Mode::Running => format!("runs{rate}"),
        Mode::Paused => "paused by order".into(),
        Mode::Draining { until_ms } => {
            let until = Duration::from_millis(until_ms.max(0).unsigned_abs());
            format!("drains what was appended up to {:.3} (epoch seconds){rate}", until.as_secs_f64())
        }
    }
}
