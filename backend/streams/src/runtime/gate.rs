//! Synchronised reading: whether a record may be processed, or must wait for the sources before its own.
//!
//! A record waits until each earlier source has been read past its append time, or to that source's end as the log tells it
//! after the record was received. That is the stable end: what an open transaction holds below the true one is not waited
//! for, so nobody who hangs can stop the others; a processor that needs it joins on append times, or parks. One question
//! covers all that is received by then, so a batch asks at most once, and not at all while the earlier sources are ahead.
//! Append times are taken to rise within a partition.

use gavel_log::LogError;

use crate::control::Allowance;
use crate::order::Queues;
use crate::processor::SourceRecord;

/// What the gate must know of the log.
pub(super) trait Progress {
    /// Up to where a source has been read.
    fn position(&self, source: usize) -> Result<u64, LogError>;
    /// Its stable end now.
    fn end(&self, source: usize) -> Result<u64, LogError>;
}

#[derive(Debug, Clone, Default)]
struct Asked {
    /// The end as it was told.
    end: u64,
    /// For each source: the offset below which its records had been received then.
    covers: Vec<u64>,
}

/// The gate of one task.
#[derive(Debug)]
pub(super) struct Gate {
    /// For each source: the append time of the last record received.
    last_append_ms: Vec<i64>,
    /// For each source: the offset after the last record received.
    received: Vec<u64>,
    /// For each source: the last question.
    asked: Vec<Option<Asked>>,
}

impl Gate {
    pub(super) fn new(sources: usize) -> Self {
        Self { last_append_ms: vec![i64::MIN; sources], received: vec![0; sources], asked: vec![None; sources] }
    }

    /// Takes note of a record that was received.
    pub(super) fn receive(&mut self, record: &SourceRecord) {
        let last = &mut self.last_append_ms[record.source];
        *last = record.append_ms.max(*last);
        self.received[record.source] = record.offset + 1;
    }

    /// The sources whose ends the next record waits for, of which the log has not told them since the record came.
    pub(super) fn unasked(&self, queues: &Queues) -> Vec<usize> {
        let unasked = |record: &SourceRecord| {
            (0..record.source)
                .filter(|&earlier| !self.is_ahead(earlier, record) && !self.is_told(earlier, record))
                .collect()
        };
        queues.head().map_or_else(Vec::new, unasked)
    }

    /// Takes note of a source's end, as it is now.
    pub(super) fn tell(&mut self, source: usize, end: u64) {
        self.asked[source] = Some(Asked { end, covers: self.received.clone() });
    }

    /// Whether a record of a source was received that was appended after this time.
    pub(super) fn is_past(&self, source: usize, append_ms: i64) -> bool {
        self.last_append_ms[source] > append_ms
    }

    /// Takes what may be processed now off the queues, in order, as much as is allowed.
    pub(super) fn take(
        &mut self,
        queues: &mut Queues,
        allowance: Allowance,
        progress: &dyn Progress,
    ) -> Result<Vec<SourceRecord>, LogError> {
        let Allowance { records: max_records, until_ms } = allowance;
        let mut batch = Vec::with_capacity(max_records.min(queues.len()));
        // Nothing is read meanwhile: one look at each position is enough.
        let mut positions = vec![None; self.asked.len()];
        while batch.len() < max_records {
            let Some(head) = queues.head().filter(|head| head.append_ms <= until_ms) else { break };
            match self.is_open(head, &mut positions, progress) {
                Ok(true) => batch.extend(queues.pop()),
                Ok(false) => break,
                // What is taken is good; the question is put again with the next batch.
                Err(_) if !batch.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        Ok(batch)
    }

    fn is_open(
        &mut self,
        record: &SourceRecord,
        positions: &mut [Option<u64>],
        progress: &dyn Progress,
    ) -> Result<bool, LogError> {
        for (earlier, position) in positions.iter_mut().enumerate().take(record.source) {
            if self.is_ahead(earlier, record) {
                continue;
            }
            if !self.is_told(earlier, record) {
                self.tell(earlier, progress.end(earlier)?);
            }
            let end = self.asked[earlier].as_ref().map_or(0, |asked| asked.end);
            let position = match position {
                Some(position) => *position,
                None => *position.insert(progress.position(earlier)?),
            };
            if position < end {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether a source has been read past the record's append time.
    fn is_ahead(&self, earlier: usize, record: &SourceRecord) -> bool {
        self.last_append_ms[earlier] > record.append_ms
    }

    /// Whether a source's end was asked after the record was received.
    fn is_told(&self, earlier: usize, record: &SourceRecord) -> bool {
        self.asked[earlier].as_ref().is_some_and(|asked| asked.covers[record.source] > record.offset)
    }
}

#[cfg(test)]
mod tests;
