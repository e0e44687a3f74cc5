//! One task by hand: limited units of work, what is too large, what is poison, and where it is when it comes back.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::processor::{Context, ProcessorError, Timer};
use crate::store::MemoryStore;

/// No record may be larger.
const LIMIT_BYTES: usize = 100;

/// Forwards what it is told with a count, which it keeps in a cache until the unit commits. `at N` schedules a timer, `wide`
/// forwards too much, `fat` keeps too much; timers named `bad`, `boom` and `wide` are rejected, panic and forward too much; a
/// count of a key `rotten` cannot be written back.
#[derive(Default)]
struct Teller {
    counts: BTreeMap<Bytes, Bytes>,
    calls: Arc<AtomicUsize>,
}

impl Processor for Teller {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let (key, value) = (record.key.clone().unwrap(), record.value.clone().unwrap());
        let text = std::str::from_utf8(&value).unwrap();
        let stored = self.counts.get(&key).cloned().map_or_else(|| context.get(0, &key), |count| Ok(Some(count)))?;
        let count = stored.map_or(0, |count| std::str::from_utf8(&count).unwrap().trim().parse::<u64>().unwrap()) + 1;
        let padding = if text == "fat" { LIMIT_BYTES } else { 0 };
        self.counts.insert(key.clone(), format!("{count}{}", " ".repeat(padding)).into());
        if let Some(due) = text.strip_prefix("at ") {
            context.schedule(due.parse().unwrap(), key.clone());
        }
        let padding = if text == "wide" { LIMIT_BYTES } else { 0 };
        context.forward(0, key, format!("{text}#{count}{}", " ".repeat(padding)).into());
        assert!(text != "panic", "it says panic");
        Ok(())
    }

    fn punctuate(&mut self, context: &mut dyn Context, timer: &Timer) -> Result<(), ProcessorError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if timer.key.starts_with(b"bad") {
            return Err(ProcessorError::Rejected { cause: "malformed", detail: "it says bad".into() });
        }
        let padding = if timer.key.starts_with(b"wide") { LIMIT_BYTES } else { 0 };
        context.forward(0, timer.key.clone(), format!("fired {}{}", timer.due_ms, " ".repeat(padding)).into());
        assert!(!timer.key.starts_with(b"boom"), "it says boom");
        Ok(())
    }

    fn on_rollback(&mut self) {
        self.counts.clear();
    }

    fn before_commit(&mut self, context: &mut dyn Context) -> Result<(), ProcessorError> {
        for (key, count) in std::mem::take(&mut self.counts) {
            assert!(key != "rotten", "it cannot be written");
            context.put(0, key, count);
        }
        Ok(())
    }
}

struct Desk {
    task: Task<MemoryStore>,
    queue: VecDeque<SourceRecord>,
    calls: Arc<AtomicUsize>,
    outputs: Vec<NewRecord>,
    units: usize,
    recalls: usize,
}

impl Desk {
    fn new(steps: usize) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        let of_processor = Arc::clone(&calls);
        let supplier = move || Teller { calls: Arc::clone(&of_processor), ..Teller::default() };
        let builder = Topology::builder("telling").source("in", "in").clock("in", "tick");
        let builder = builder.processor("teller", supplier, &["in"]).store("counts", &["teller"]);
        let topology = builder.sink("out", "out", &["teller"]).build().unwrap();
        let mut task = Task::open(&topology, 0, MemoryStore::new(2)).unwrap();
        task.limit_steps(steps);
        Self { task, queue: VecDeque::new(), calls, outputs: Vec::new(), units: 0, recalls: 0 }
    }

    fn append(&mut self, append_ms: i64, key: &str, value: &str) {
        let (key, value) = (Some(Bytes::from(key.to_owned())), Some(Bytes::from(value.to_owned())));
        let offset = self.queue.len() as u64;
        self.queue.push_back(SourceRecord { source: 0, offset, append_ms, key, value, headers: Vec::new() });
    }

    /// One unit of work of at most so many records.
    fn unit(&mut self, records: usize) {
        let records = self.queue.drain(..records.min(self.queue.len())).collect();
        self.task.run(records).unwrap();
        self.task.seal().unwrap();
        while let Some(detail) = self.too_large() {
            self.task.refuse(detail).unwrap();
            self.task.seal().unwrap();
        }
        self.outputs.extend(self.task.outputs());
        for record in self.task.take_rest().into_iter().rev() {
            self.queue.push_front(record);
        }
        self.task.commit().unwrap();
        self.units += 1;
    }

    /// One unit of work in batches of so many records, the outputs of each let go of before the next.
    fn unit_in_batches(&mut self, records: usize) {
        let mut sent = Vec::new();
        loop {
            let taken = records.min(self.queue.len()).min(self.task.room());
            if taken == 0 {
                self.task.seal().unwrap();
            } else {
                self.task.run(self.queue.drain(..taken).collect()).unwrap();
            }
            if self.task.take_recall() {
                sent.clear();
                self.recalls += 1;
            }
            sent.extend(self.task.outputs());
            self.task.drop_outputs();
            if taken == 0 {
                break;
            }
        }
        self.outputs.append(&mut sent);
        for record in self.task.take_rest().into_iter().rev() {
            self.queue.push_front(record);
        }
        self.task.commit().unwrap();
    }

    /// What a log would say that takes little.
    fn too_large(&self) -> Option<String> {
        let value = |value: Option<&Bytes>| value.map_or(0, Bytes::len);
        let outputs = self.task.outputs().map(|record| value(record.value.as_ref()));
        let sizes = outputs.chain(self.task.changes().map(|change| value(change.value)));
        sizes.max().filter(|size| *size > LIMIT_BYTES).map(|size| format!("{size} bytes"))
    }

    fn run(&mut self, records: usize) -> Vec<String> {
        while !self.queue.is_empty() {
            self.unit(records);
        }
        self.take_lines()
    }

    fn take_lines(&mut self) -> Vec<String> {
        let text = |bytes: &Option<Bytes>| String::from_utf8_lossy(bytes.as_deref().unwrap_or(b"-")).into_owned();
        let line = |record: NewRecord| format!("{} {}={}", record.topic, text(&record.key), text(&record.value));
        std::mem::take(&mut self.outputs).into_iter().map(line).collect()
    }

    fn next_offset(&self) -> Option<u64> {
        rows::read_offset(self.task.store(), "in").unwrap()
    }
}

fn crowd(desk: &mut Desk) {
    for index in 0..40 {
        desk.append(10, &format!("k{index:02}"), &format!("at {}", 20 + index % 3));
    }
    desk.append(50, "last", "go");
}

#[test]
fn timers_beyond_the_limit_fire_in_the_next_unit_before_the_same_record() {
    let mut whole = Desk::new(UNIT_STEPS);
    crowd(&mut whole);
    let expected = whole.run(100);
    for steps in [1, 3, 7] {
        let mut desk = Desk::new(steps);
        crowd(&mut desk);
        assert_eq!(desk.run(100), expected, "{steps} steps");
        assert_eq!(desk.units, 81_usize.div_ceil(steps));
    }
}

#[test]
fn the_record_that_made_timers_due_is_not_consumed_with_the_first_of_them() {
    let mut desk = Desk::new(UNIT_STEPS);
    crowd(&mut desk);
    desk.unit(40);
    assert_eq!(desk.next_offset(), Some(40));
    desk.task.limit_steps(15);
    desk.unit(100);
    assert_eq!((desk.next_offset(), desk.task.time_ms()), (Some(40), 50));
    assert_eq!(desk.task.earliest_due_ms(), Some(21), "14 timers of 20 and one of 21 have fired");
    assert_eq!(desk.queue.len(), 1);
    desk.task.limit_steps(100);
    desk.unit(100);
    assert_eq!(desk.next_offset(), Some(41));
}

#[test]
fn what_asks_for_too_much_is_found_and_put_aside() {
    for steps in [1, 5, UNIT_STEPS] {
        let mut desk = Desk::new(steps);
        for (index, line) in ["k go", "k wide", "k go", "f fat", "k go", "k wide"].into_iter().enumerate() {
            let (key, value) = line.split_once(' ').unwrap();
            desk.append(index as i64, key, value);
        }
        let letters = ["in.dead-letters k=wide", "in.dead-letters f=fat"];
        let expected = ["out k=go#1", letters[0], "out k=go#2", letters[1], "out k=go#3", letters[0]];
        assert_eq!(desk.run(100), expected);
        assert_eq!(desk.task.store().get(1, b"k").unwrap(), Some("3".into()));
        assert_eq!(desk.task.store().get(1, b"f").unwrap(), None);
        assert_eq!(desk.next_offset(), Some(6));
    }
}

#[test]
fn timers_that_cannot_be_handled_go_to_the_dead_letters() {
    let mut desk = Desk::new(UNIT_STEPS);
    for key in ["bad", "boom", "fine", "wide"] {
        desk.append(1, key, "at 5");
    }
    desk.run(100);
    desk.append(9, "k", "go");
    desk.unit(100);
    let causes = |record: &NewRecord| {
        let cause = record.headers.iter().find(|header| header.name == dead_letters::CAUSE);
        cause.map(|header| String::from_utf8(header.value.to_vec()).unwrap())
    };
    while !desk.queue.is_empty() {
        desk.unit(100);
    }
    let found: Vec<_> = desk.outputs.iter().map(causes).collect();
    let expected = [Some("malformed"), Some("panic"), None, Some(OUTPUT_TOO_LARGE), None];
    assert_eq!(found, expected.map(|cause| cause.map(String::from)));
}

#[test]
fn a_dead_letter_that_does_not_fit_keeps_its_origin_alone() {
    let mut desk = Desk::new(UNIT_STEPS);
    desk.append(1, &"k".repeat(SLIM_BYTES + 1), &format!("panic{}", " ".repeat(5000)));
    desk.append(1, "k", "panic");
    desk.queue[1].headers.push(Header { name: "correlation-id".into(), value: "c".into() });
    desk.task.run(desk.queue.drain(..1).collect()).unwrap();
    assert!(desk.task.slim_output(0).is_none(), "a forwarded record is not cut");
    desk.task.refuse("large".repeat(5000)).unwrap();
    let slim = desk.task.slim_output(0).unwrap();
    assert_eq!((slim.key, slim.value), (None, None));
    assert!(slim.headers.iter().map(|header| header.value.len()).sum::<usize>() < 2 * SLIM_BYTES);
    desk.task.commit().unwrap();
    desk.task.run(desk.queue.drain(..).collect()).unwrap();
    let slim = desk.task.slim_output(0).unwrap();
    assert_eq!(slim.key.as_deref(), Some(&b"k"[..]));
    assert!(slim.headers.iter().all(|header| header.name.starts_with(dead_letters::PREFIX)));
    assert!(slim.headers.iter().any(|header| header.name == dead_letters::ORIGIN && header.value == "in/0/1"));
}

#[test]
fn a_state_that_cannot_be_written_back_is_blamed_on_its_record() {
    let mut desk = Desk::new(UNIT_STEPS);
    for key in ["a", "rotten", "b"] {
        desk.append(1, key, "go");
    }
    assert_eq!(desk.run(100), ["out a=go#1", "in.dead-letters rotten=go", "out b=go#1"]);
}

#[test]
fn many_poisons_cost_a_few_attempts_each() {
    let mut desk = Desk::new(UNIT_STEPS);
    for index in 0..500 {
        desk.append(1, &format!("boom{index:03}"), "at 5");
    }
    for _ in 0..500 {
        desk.append(9, "k", "panic");
    }
    assert_eq!(desk.run(2000).len(), 1500);
    assert!(desk.calls.load(Ordering::SeqCst) < 4000, "{:?}", desk.calls);
}

#[test]
fn an_aborted_unit_is_tried_in_halves() {
    let mut desk = Desk::new(100);
    crowd(&mut desk);
    desk.task.run(desk.queue.drain(..40).collect()).unwrap();
    desk.task.narrow();
    let records = desk.task.rollback();
    assert_eq!((records.len(), desk.task.room()), (40, 20));
    desk.queue.extend(records);
    desk.unit(desk.task.room());
    assert_eq!(desk.task.room(), 40);
    desk.unit(desk.task.room());
    assert_eq!(desk.task.room(), 80);
}

#[test]
fn a_unit_in_batches_sends_what_a_whole_one_does() {
    let appended = |desk: &mut Desk| {
        crowd(desk);
        for key in ["a", "b", "panic", "c", "rotten", "d"] {
            desk.append(60, key, if key == "panic" { "panic" } else { "go" });
        }
        desk.append(61, "a", "at 62");
        desk.append(70, "a", "go");
    };
    let mut whole = Desk::new(UNIT_STEPS);
    appended(&mut whole);
    let expected = whole.run(100);
    for (steps, records) in [(3, 2), (7, 3), (50, 10), (UNIT_STEPS, 4), (UNIT_STEPS, 100)] {
        let mut desk = Desk::new(steps);
        appended(&mut desk);
        while !desk.queue.is_empty() {
            desk.unit_in_batches(records);
        }
        assert_eq!(desk.take_lines(), expected, "{steps} steps, {records} records");
        assert_eq!(desk.next_offset(), whole.next_offset());
        let state = |desk: &Desk| desk.task.store().scan_prefix(1, b"").unwrap();
        assert_eq!(state(&desk), state(&whole));
    }
}

#[test]
fn what_was_let_go_of_is_recalled_where_the_unit_is_begun_anew() {
    let mut desk = Desk::new(UNIT_STEPS);
    for key in ["a", "b", "c", "rotten"] {
        desk.append(1, key, "go");
    }
    desk.append(1, "d", "panic");
    desk.task.run(desk.queue.drain(..2).collect()).unwrap();
    desk.task.drop_outputs();
    assert!(!desk.task.take_recall());
    desk.task.run(desk.queue.drain(..3).collect()).unwrap();
    assert!(desk.task.take_recall(), "one of them panics");
    assert!(!desk.task.take_recall(), "it is told once");
    assert_eq!(desk.task.outputs().count(), 5);
    desk.task.drop_outputs();
    desk.task.seal().unwrap();
    assert!(desk.task.take_recall(), "one of them cannot be written back");
    assert_eq!(desk.task.outputs().count(), 2, "half of the steps");
    desk.task.rollback();
    assert!(!desk.task.take_recall());
}
