//! When a record waits, and how often the log is asked.

use std::cell::Cell;

use super::*;

/// A source 0 that has been read to `position` of `end`.
struct Earlier {
    position: u64,
    end: u64,
    questions: Cell<usize>,
}

impl Progress for Earlier {
    fn position(&self, _: usize) -> Result<u64, LogError> {
        Ok(self.position)
    }

    fn end(&self, _: usize) -> Result<u64, LogError> {
        self.questions.set(self.questions.get() + 1);
        Ok(self.end)
    }
}

fn earlier(position: u64, end: u64) -> Earlier {
    Earlier { position, end, questions: Cell::new(0) }
}

struct Reader {
    gate: Gate,
    queues: Queues,
}

impl Reader {
    fn new() -> Self {
        Self { gate: Gate::new(2), queues: Queues::new(2) }
    }

    fn receive(&mut self, source: usize, offset: u64, append_ms: i64) {
        let record = SourceRecord { source, offset, append_ms, key: None, value: None, headers: Vec::new() };
        self.gate.receive(&record);
        self.queues.push(record);
    }

    fn take(&mut self, progress: &Earlier) -> Vec<(usize, u64)> {
        let batch = self.gate.take(&mut self.queues, 100, progress).unwrap();
        batch.iter().map(|record| (record.source, record.offset)).collect()
    }
}

#[test]
fn the_first_source_never_waits() {
    let mut reader = Reader::new();
    reader.receive(0, 0, 50);
    let progress = earlier(0, 9);
    assert_eq!(reader.take(&progress), [(0, 0)]);
    assert_eq!(progress.questions.get(), 0);
}

#[test]
fn a_record_waits_for_the_end_as_it_was_when_it_came() {
    let mut reader = Reader::new();
    reader.receive(1, 0, 50);
    assert_eq!(reader.take(&earlier(3, 5)), []);
    let later = earlier(5, 9);
    assert_eq!(reader.take(&later), [(1, 0)], "what came after the question is not waited for");
    assert_eq!(later.questions.get(), 0);
}

#[test]
fn one_question_covers_all_that_was_received() {
    let mut reader = Reader::new();
    (0..50).for_each(|offset| reader.receive(1, offset, 50));
    let progress = earlier(5, 5);
    assert_eq!(reader.take(&progress).len(), 50);
    assert_eq!(progress.questions.get(), 1);
    reader.receive(1, 50, 50);
    assert_eq!(reader.take(&progress).len(), 1);
    assert_eq!(progress.questions.get(), 2, "a record received later is not covered");
}

#[test]
fn no_question_while_the_earlier_source_is_ahead() {
    let mut reader = Reader::new();
    reader.receive(1, 0, 50);
    reader.receive(1, 1, 60);
    reader.receive(0, 7, 50);
    reader.receive(0, 8, 61);
    let progress = earlier(9, 9);
    assert_eq!(reader.take(&progress), [(0, 7), (1, 0), (1, 1), (0, 8)]);
    assert_eq!(progress.questions.get(), 0);
}

#[test]
fn an_equal_append_time_is_not_past() {
    let mut reader = Reader::new();
    reader.receive(0, 0, 50);
    reader.receive(1, 0, 50);
    assert_eq!(reader.take(&earlier(1, 2)), [(0, 0)]);
}
