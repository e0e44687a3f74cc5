//! A topology on the driver: timers, dead letters, rollback, crashes, and that nothing depends on how records are batched.

mod headers;

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::processor::{Context, Processor, ProcessorError, SourceRecord, Timer};

const TABLE: &str = "table";
const STREAM: &str = "stream";

/// Counts stream records by key. A value is a command: `at N` schedules a timer, `off N` cancels it, `again N` schedules one
/// whose firing schedules the next a millisecond later, `bad` is rejected, `panic` panics, `sum` forwards the sum of
/// the table's values that were appended before this record. Counts live in a cache until the unit commits.
#[derive(Default)]
struct Counter {
    counts: BTreeMap<Bytes, u64>,
}

impl Counter {
    fn count(&mut self, context: &mut dyn Context, key: &Bytes) -> Result<u64, ProcessorError> {
        if !self.counts.contains_key(key) {
            let stored = context.get(0, key)?.map_or(0, |bytes| number(&bytes) as u64);
            self.counts.insert(key.clone(), stored);
        }
        let count = self.counts.entry(key.clone()).or_default();
        *count += 1;
        Ok(*count)
    }
}

fn number(bytes: &[u8]) -> i64 {
    std::str::from_utf8(bytes).unwrap().parse().unwrap()
}

fn table_key(record: &SourceRecord) -> Bytes {
    format!("{:020}/{:020}", record.append_ms, record.offset).into()
}

impl Processor for Counter {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        if record.source == 0 {
            context.put(1, table_key(record), record.value.clone().unwrap());
            return Ok(());
        }
        let Some(key) = record.key.clone() else { return Ok(()) };
        let value = record.value.clone().unwrap();
        let text = std::str::from_utf8(&value).unwrap();
        let (command, due_ms) =
            text.split_once(' ').map_or((text, 0), |(word, due)| (word, START_MS + number(due.as_bytes())));
        match command {
            "bad" => return Err(ProcessorError::Rejected { cause: "malformed", detail: "it says bad".into() }),
            "late" => {
                context.forward(0, key, value);
                return Err(ProcessorError::Rejected { cause: "malformed", detail: "too late".into() });
            }
            "at" => context.schedule(due_ms, key.clone()),
            "off" => context.cancel(due_ms, key.clone()),
            "again" => context.schedule(due_ms, Bytes::from_static(b"again")),
            "boom" => context.schedule(due_ms, Bytes::from_static(b"boom")),
            "sum" => {
                let before = |(key, _): &(Bytes, Bytes)| number(&key[..20]) < record.append_ms;
                let entries = context.scan_prefix(1, b"")?;
                let sum: i64 = entries.iter().filter(|entry| before(entry)).map(|(_, value)| number(value)).sum();
                context.forward(0, key.clone(), sum.to_string().into());
            }
            _ => {}
        }
        let count = self.count(context, &key)?;
        context.forward(0, key, format!("{text}#{count}").into());
        assert!(command != "panic", "it says panic");
        Ok(())
    }

    fn punctuate(&mut self, context: &mut dyn Context, timer: &Timer) -> Result<(), ProcessorError> {
        let due_ms = timer.due_ms - START_MS;
        context.forward(0, timer.key.clone(), format!("fired {due_ms}").into());
        assert!(timer.key != "boom", "it says boom");
        if timer.key == "again" && due_ms < 13 {
            context.schedule(timer.due_ms + 1, timer.key.clone());
        }
        Ok(())
    }

    fn on_rollback(&mut self) {
        self.counts.clear();
    }

    fn before_commit(&mut self, context: &mut dyn Context) -> Result<(), ProcessorError> {
        for (key, count) in std::mem::take(&mut self.counts) {
            context.put(0, key, count.to_string().into());
        }
        Ok(())
    }
}

fn topology() -> Topology {
    let builder = Topology::builder("counting").source("table", TABLE).source("stream", STREAM).clock("stream", "tick");
    builder
        .processor("counter", Counter::default, &["table", "stream"])
        .store("counts", &["counter"])
        .store("rows", &["counter"])
        .sink("out", "out", &["counter"])
        .build()
        .unwrap()
}

fn texts(driver: &mut TopologyTestDriver) -> Vec<String> {
    let text = |bytes: &Option<Bytes>| {
        bytes.as_deref().map_or("-".into(), |bytes| String::from_utf8_lossy(bytes).into_owned())
    };
    let line = |record: &NewRecord| format!("{} {}={}", record.topic, text(&record.key), text(&record.value));
    driver.drain_outputs().iter().map(line).collect()
}

#[test]
fn timers_fire_in_order_of_due_and_key_before_the_record_that_is_past_them() {
    let mut driver = TopologyTestDriver::new(&topology(), 1);
    for (key, command) in [("b", "at 10"), ("a", "at 10"), ("c", "at 9"), ("x", "at 5"), ("x", "off 5")] {
        driver.pipe(STREAM, 0, key, command, START_MS).unwrap();
    }
    driver.drain_outputs();
    driver.pipe(STREAM, 0, "k", "go", START_MS + 10).unwrap();
    assert_eq!(texts(&mut driver), ["out c=fired 9", "out k=go#1"], "due 10 is not past at 10");
    driver.pipe(TABLE, 0, "k", "1", START_MS + 99).unwrap();
    assert_eq!(texts(&mut driver), [""; 0], "another source's append time is no clock");
    driver.pipe(STREAM, 0, "k", "go", START_MS + 11).unwrap();
    assert_eq!(texts(&mut driver), ["out a=fired 10", "out b=fired 10", "out k=go#2"]);
    assert_eq!(driver.partition_time_ms(0), START_MS + 11);
}

#[test]
fn the_clock_appends_a_tick_for_each_timer_until_all_is_quiet() {
    let mut driver = TopologyTestDriver::new(&topology(), 1);
    driver.pipe(STREAM, 0, "k", "again 10", START_MS).unwrap();
    driver.drain_outputs();
    driver.advance_to(START_MS + 10).unwrap();
    assert_eq!(texts(&mut driver), [""; 0]);
    driver.advance_to(START_MS + 11).unwrap();
    assert_eq!(texts(&mut driver), ["out again=fired 10"]);
    assert_eq!(driver.run_until_quiet().unwrap(), START_MS + 14);
    assert_eq!(texts(&mut driver), ["out again=fired 11", "out again=fired 12", "out again=fired 13"]);
}

#[test]
fn a_timer_that_no_time_can_pass_waits_and_holds_nobody_up() {
    let mut driver = TopologyTestDriver::new(&topology(), 1);
    let last = i64::MAX - START_MS;
    for due in [last, last - 1] {
        driver.pipe(STREAM, 0, format!("{due}"), format!("at {due}"), START_MS).unwrap();
    }
    driver.drain_outputs();
    assert_eq!(driver.run_until_quiet().unwrap(), i64::MAX);
    assert_eq!(texts(&mut driver), [format!("out {0}=fired {0}", last - 1)]);
    assert_eq!(driver.earliest_due_ms(0), Some(i64::MAX));
}

#[test]
fn timers_scheduled_while_timers_fire_fire_too_if_they_are_due() {
    let mut driver = TopologyTestDriver::new(&topology(), 1);
    driver.pipe(STREAM, 0, "k", "again 10", START_MS).unwrap();
    driver.pipe(STREAM, 0, "z", "at 11", START_MS).unwrap();
    driver.drain_outputs();
    driver.pipe(STREAM, 0, "k", "go", START_MS + 13).unwrap();
    let fired = ["out again=fired 10", "out again=fired 11", "out z=fired 11", "out again=fired 12", "out k=go#2"];
    assert_eq!(texts(&mut driver), fired);
}

#[test]
fn a_panic_rolls_the_unit_back_and_leaves_its_record_out() {
    let mut driver = TopologyTestDriver::new(&topology(), 1).with_unit_records(10);
    for command in ["one", "panic", "two", "late", "boom 5"] {
        driver.enqueue(STREAM, 0, "k", command, START_MS).unwrap();
    }
    driver.run_until_quiet().unwrap();
    let expected = [
        "out k=one#1",
        "stream.dead-letters k=panic",
        "out k=two#2",
        "stream.dead-letters k=late",
        "out k=boom 5#3",
        "stream.dead-letters boom=-",
    ];
    assert_eq!(texts(&mut driver), expected);
    assert_eq!(driver.get("counts", 0, b"k"), Some(Bytes::from_static(b"3")));
    assert_eq!(driver.earliest_due_ms(0), None);
}

#[test]
fn partitions_keep_their_own_time_and_state() {
    let mut driver = TopologyTestDriver::new(&topology(), 2);
    driver.pipe(STREAM, 0, "k", "at 5", START_MS).unwrap();
    driver.pipe(STREAM, 1, "k", "go", START_MS + 50).unwrap();
    assert_eq!(texts(&mut driver), ["out k=at 5#1", "out k=go#1"]);
    assert_eq!((driver.partition_time_ms(0), driver.partition_time_ms(1)), (START_MS, START_MS + 50));
    assert!(matches!(driver.pipe(STREAM, 2, "k", "go", START_MS), Err(DriverError::UnknownPartition(2))));
    assert!(matches!(driver.pipe("x", 0, "k", "go", START_MS), Err(DriverError::UnknownTopic(_))));
}

/// One record to pipe: source, partition-local append time in milliseconds after the start, key, command.
type Step = (&'static str, i64, &'static str, &'static str);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let command =
        prop::sample::select(vec!["go", "at 3", "at 20", "off 20", "again 9", "bad", "sum", "panic", "boom 7"]);
    let stream = (0..4i64, prop::sample::select(vec!["a", "b"]), command)
        .prop_map(|(gap, key, value)| (STREAM, gap, key, value));
    let table =
        (0..4i64, prop::sample::select(vec!["1", "10", "100"])).prop_map(|(gap, value)| (TABLE, gap, "t", value));
    let of_times = |mut steps: Vec<Step>| {
        let mut at = 0;
        for step in &mut steps {
            at += step.1;
            step.1 = at;
        }
        steps
    };
    let streams = prop::collection::vec(stream, 0..30).prop_map(of_times);
    let tables = prop::collection::vec(table, 0..10).prop_map(of_times);
    (streams, tables).prop_map(|(streams, tables)| streams.into_iter().chain(tables).collect())
}

fn outcome(mut driver: TopologyTestDriver) -> (Vec<String>, Vec<(Bytes, Bytes)>) {
    driver.run_until_quiet().unwrap();
    (texts(&mut driver), driver.entries("counts", 0))
}

fn enqueued(driver: &mut TopologyTestDriver, steps: &[Step]) {
    for (topic, at, key, value) in steps {
        driver.enqueue(topic, 0, *key, *value, START_MS + at).unwrap();
    }
}

proptest! {
    #[test]
    fn batching_and_interleaving_change_nothing(steps in steps(), unit in 1..20usize, swap in any::<u64>()) {
        let mut one = TopologyTestDriver::new(&topology(), 1);
        enqueued(&mut one, &steps);
        let expected = outcome(one);

        // The same records per source, interleaved otherwise, in units of another size.
        let (mut tables, mut streams): (Vec<Step>, Vec<Step>) = steps.iter().partition(|step| step.0 == TABLE);
        tables.reverse();
        streams.reverse();
        let mut mixed = Vec::new();
        for turn in 0.. {
            let (first, second) = if swap >> (turn % 64) & 1 == 0 { (&mut tables, &mut streams) } else { (&mut streams, &mut tables) };
            let Some(step) = first.pop().or_else(|| second.pop()) else { break };
            mixed.push(step);
        }
        let mut other = TopologyTestDriver::bulk(&topology(), 1).with_unit_records(unit);
        enqueued(&mut other, &mixed);
        prop_assert_eq!(outcome(other), expected.clone());

        // The table runs ahead of the stream, as it may in a live run: a join on append times does not mind.
        let mut ahead = TopologyTestDriver::new(&topology(), 1);
        for (source, at, key, value) in &steps {
            if *source == TABLE {
                ahead.pipe(TABLE, 0, *key, *value, START_MS + at).unwrap();
            }
        }
        enqueued(&mut ahead, &steps.iter().filter(|step| step.0 == STREAM).copied().collect::<Vec<_>>());
        prop_assert_eq!(outcome(ahead), expected);
    }

    #[test]
    fn a_crash_at_any_beat_of_any_unit_changes_nothing(
        steps in steps(), unit in 1..5usize, crashes in prop::collection::vec((0..40usize, 0..4usize), 1..4),
    ) {
        let mut calm = TopologyTestDriver::new(&topology(), 1).with_unit_records(unit);
        enqueued(&mut calm, &steps);
        let expected = outcome(calm);

        let mut driver = TopologyTestDriver::new(&topology(), 1).with_unit_records(unit);
        enqueued(&mut driver, &steps);
        for (run_ms, beat) in crashes {
            driver.crash_next(0, Beat::ALL[beat]);
            driver.run_until(START_MS + run_ms as i64).unwrap();
        }
        prop_assert_eq!(outcome(driver), expected);
    }
}
