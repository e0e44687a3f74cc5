//! The poll loop: look at the group, plan under the lock, read outside it, or sleep.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use super::super::chunk::Chunk;
use super::super::state::State;
use super::EmbeddedConsumer;
use crate::port::{GroupEvent, Record, Result, Start};

/// What to read of one partition.
struct Fetch {
    index: usize,
    end: u64,
    /// The chunks, if they are in memory.
    hot: Option<Vec<Chunk>>,
}

impl EmbeddedConsumer {
    /// Settles positions that were overtaken by retention, and lists what there is to read. True if a position moved.
    fn plan(&mut self, state: &State, wanted: usize) -> (Vec<Fetch>, bool) {
        let mut fetches = Vec::new();
        let mut moved = false;
        let count = self.readings.len();
        for index in (0..count).map(|step| (self.turn + step) % count) {
            let reading = &mut self.readings[index];
            let Some(partition) = state.partitions.get(&reading.id).filter(|_| !reading.paused) else { continue };
            if reading.position < partition.low || reading.position > partition.end {
                reading.position = partition.low;
                moved = true;
            }
            if reading.position < partition.end && wanted > 0 {
                let hot = partition.hot(reading.position, wanted);
                fetches.push(Fetch { index, end: partition.end, hot });
            }
        }
        self.turn = self.turn.wrapping_add(1);
        (fetches, moved)
    }

    /// Reads as planned. True if a position moved.
    fn fetch(&mut self, fetches: Vec<Fetch>, records: &mut Vec<Record>, limit: usize) -> Result<bool> {
        let mut moved = false;
        for fetch in fetches {
            if records.len() >= limit {
                break;
            }
            let reading = &mut self.readings[fetch.index];
            let (before, id, core) = (reading.position, reading.id, &self.handle.core);
            let low = || core.state().resolve(id, Start::Earliest);
            match fetch.hot {
                Some(chunks) => reading.take(chunks.into_iter().map(Ok), low, records, limit)?,
                None => {
                    let chunks = core.store.chunks(id, before)?;
                    let known = chunks.take_while(|chunk| chunk.as_ref().map_or(true, |chunk| chunk.base < fetch.end));
                    reading.take(known, low, records, limit)?;
                    if records.len() < limit {
                        reading.pass_to(fetch.end, low)?;
                    }
                }
            }
            moved |= reading.position > before;
        }
        Ok(moved)
    }

    /// Sleeps until rung, until `deadline`, or until a silent member of the group is to be given up. Not at all when
    /// the group has news, whose ring may have come before the state was locked.
    fn sleep(&self, state: MutexGuard<'_, State>, now: Instant, deadline: Instant) {
        let joined = self.group.as_ref().and_then(|group| Some((state.groups.get(&group.name)?, group.member?)));
        if joined.is_some_and(|(group, id)| group.has_news(id)) {
            return;
        }
        let expiry = joined.and_then(|(group, _)| group.next_expiry());
        let until = expiry.map_or(deadline, |expiry| expiry.min(deadline));
        drop(
            self.wake.wait_timeout(state, until.saturating_duration_since(now)).unwrap_or_else(PoisonError::into_inner),
        );
    }

    /// Polls until there is something to return, or the deadline.
    pub(super) fn poll_until(
        &mut self,
        records: &mut Vec<Record>,
        limit: usize,
        deadline: Instant,
    ) -> Result<Vec<GroupEvent>> {
        let handle = Arc::clone(&self.handle);
        loop {
            if let Some(event) = self.coordinate()? {
                return Ok(vec![event]);
            }
            let state = handle.core.state();
            let (fetches, mut moved) = self.plan(&state, limit.saturating_sub(records.len()));
            let now = Instant::now();
            if !fetches.is_empty() || moved {
                drop(state);
                let before = records.len();
                moved |= self.fetch(fetches, records, limit)?;
                if moved || records.len() > before {
                    return Ok(Vec::new());
                }
            } else if now < deadline {
                self.sleep(state, now, deadline);
                continue;
            }
            if now >= deadline {
                return Ok(Vec::new());
            }
        }
    }
}
