//! The order in which a task takes the records that were read: of the sources' heads the lowest (append time, source).

use std::collections::VecDeque;

use crate::processor::SourceRecord;

/// Records read and not yet processed, one queue for each source.
#[derive(Debug)]
pub(crate) struct Queues {
    sources: Vec<VecDeque<SourceRecord>>,
    len: usize,
}

impl Queues {
    /// Empty queues for so many sources.
    pub(crate) fn new(sources: usize) -> Self {
        Self { sources: (0..sources).map(|_| VecDeque::new()).collect(), len: 0 }
    }

    /// Adds a record behind those of its source.
    pub(crate) fn push(&mut self, record: SourceRecord) {
        self.len += 1;
        self.sources[record.source].push_back(record);
    }

    /// Puts records back that were taken, in the order in which they were.
    pub(crate) fn put_back(&mut self, records: Vec<SourceRecord>) {
        self.len += records.len();
        for record in records.into_iter().rev() {
            self.sources[record.source].push_front(record);
        }
    }

    /// How many records wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many of one source wait.
    pub(crate) fn len_of(&self, source: usize) -> usize {
        self.sources[source].len()
    }

    /// The next record of all.
    pub(crate) fn head(&self) -> Option<&SourceRecord> {
        let heads = self.sources.iter().filter_map(VecDeque::front);
        heads.min_by_key(|record| (record.append_ms, record.source))
    }

    /// Takes the next record of all.
    pub(crate) fn pop(&mut self) -> Option<SourceRecord> {
        let source = self.head()?.source;
        self.len -= 1;
        self.sources[source].pop_front()
    }
}
