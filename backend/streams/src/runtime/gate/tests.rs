//! When a record waits, and how often the log is asked.

use std::cell::Cell;

use super::*;

/// A source 0 that has been read to `position` of `end`.
struct Earlier {
    position: u64,
    end: u64,
    questions: Cell<usize>,
    looks: Cell<usize>,
}

impl Progress for Earlier {
    fn position(&self, _: usize) -> Result<u64, LogError> {
        self.looks.set(self.looks.get() + 1);
        Ok(self.position)
    }

    fn end(&self, _: usize) -> Result<u64, LogError> {
        self.questions.set(self.questions.get() + 1);
        Ok(self.end)
    }
}

fn earlier(position: u64, end: u64) -> Earlier {
    Earlier { position, end, questions: Cell::new(0), looks: Cell::new(0) }
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
        let batch = self.gate.take(&mut self.queues, at_most(100), progress).unwrap();
        batch.iter().map(|record| (record.source, record.offset)).collect()
    }
}

fn at_most(records: usize) -> Allowance {
    Allowance { records, until_ms: i64::MAX }
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
fn what_was_told_ahead_is_not_asked() {
    let mut reader = Reader::new();
    assert!(reader.gate.unasked(&reader.queues).is_empty(), "nothing waits");
    reader.receive(1, 0, 50);
    assert_eq!(reader.gate.unasked(&reader.queues), [0]);
    reader.gate.tell(0, 3);
    assert!(reader.gate.unasked(&reader.queues).is_empty());
    let progress = earlier(3, 9);
    assert_eq!(reader.take(&progress), [(1, 0)]);
    assert_eq!(progress.questions.get(), 0);
    reader.receive(1, 1, 51);
    assert_eq!(reader.gate.unasked(&reader.queues), [0], "it came after the answer");
    reader.receive(0, 0, 60);
    assert!(reader.gate.unasked(&reader.queues).is_empty(), "the source is ahead");
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
    assert_eq!((progress.questions.get(), progress.looks.get()), (1, 1));
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

/// A log of two partitions to which records are appended in order of time, and a reader of each that lags as it likes.
struct Race {
    /// Source and append time of each record, in the order in which they are appended.
    timeline: Vec<(usize, i64)>,
    appended: usize,
    ends: [u64; 2],
    read: [usize; 2],
}

impl Race {
    fn records(&self, source: usize) -> Vec<i64> {
        let appended = self.timeline[..self.appended].iter();
        appended.filter(|(of, _)| *of == source).map(|(_, append_ms)| *append_ms).collect()
    }
}

impl Progress for Race {
    fn position(&self, source: usize) -> Result<u64, LogError> {
        Ok(self.read[source] as u64)
    }

    fn end(&self, source: usize) -> Result<u64, LogError> {
        Ok(self.ends[source])
    }
}

proptest::proptest! {
    #[test]
    fn every_record_comes_after_all_earlier_ones_of_the_sources_before(
        gaps in proptest::collection::vec((0..2usize, 0..3i64), 0..60),
        turns in proptest::collection::vec((0..4usize, 0..4usize), 0..120),
    ) {
        let mut at = 0;
        let timeline = gaps.into_iter().map(|(source, gap)| { at += gap; (source, at) }).collect();
        let mut race = Race { timeline, appended: 0, ends: [0, 0], read: [0, 0] };
        let mut reader = Reader::new();
        let mut taken: Vec<(usize, i64)> = Vec::new();
        // Random turns, then enough to finish.
        let rest = (0..400).map(|turn| (turn % 4, 3));
        for (action, count) in turns.into_iter().chain(rest) {
            match action {
                0 => for _ in 0..count.min(race.timeline.len() - race.appended) {
                    race.ends[race.timeline[race.appended].0] += 1;
                    race.appended += 1;
                },
                1 | 2 => {
                    let source = action - 1;
                    for (offset, append_ms) in race.records(source).into_iter().enumerate().skip(race.read[source]).take(count) {
                        reader.receive(source, offset as u64, append_ms);
                        race.read[source] += 1;
                    }
                }
                _ => {
                    let batch = reader.gate.take(&mut reader.queues, at_most(count + 1), &race).unwrap();
                    taken.extend(batch.iter().map(|record| (record.source, record.append_ms)));
                }
            }
        }
        proptest::prop_assert_eq!(taken.len(), race.timeline.len(), "all are taken in the end");
        for (index, (source, append_ms)) in taken.iter().enumerate() {
            let late = taken[index..].iter().any(|(other, at)| other < source && at < append_ms);
            proptest::prop_assert!(!late, "{:?} in {:?}", (source, append_ms), taken);
        }
    }
}

#[test]
fn what_was_appended_after_the_end_of_an_allowance_stays() {
    let mut reader = Reader::new();
    for (offset, append_ms) in [40, 50, 60].into_iter().enumerate() {
        reader.receive(0, offset as u64, append_ms);
    }
    let allowance = Allowance { records: 9, until_ms: 50 };
    let batch = reader.gate.take(&mut reader.queues, allowance, &earlier(0, 9)).unwrap();
    assert_eq!(batch.iter().map(|record| record.offset).collect::<Vec<_>>(), [0, 1]);
    assert!(reader.gate.is_past(0, 50) && !reader.gate.is_past(0, 60));
    assert_eq!(reader.take(&earlier(0, 9)), [(0, 2)]);
}
