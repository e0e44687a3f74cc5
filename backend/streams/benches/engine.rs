//! How many records a second one core of the engine takes: the test driver in bulk, one small processor.
//! `cargo bench -p gavel-streams`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::Instant;

use bytes::Bytes;
use gavel_streams::driver::START_MS;
use gavel_streams::{Context, Processor, ProcessorError, SourceRecord, Timer, Topology, TopologyTestDriver};

const RECORDS: usize = 2_000_000;
const KEYS: usize = 10_000;

/// Counts by key in state, and forwards each record.
struct Counter;

impl Processor for Counter {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        let (Some(key), Some(value)) = (record.key.clone(), record.value.clone()) else { return Ok(()) };
        let count = context.get(0, &key)?.and_then(|bytes| Some(u64::from_be_bytes(bytes[..].try_into().ok()?)));
        context.put(0, key.clone(), Bytes::copy_from_slice(&(count.unwrap_or(0) + 1).to_be_bytes()));
        context.forward(0, key, value);
        Ok(())
    }

    fn punctuate(&mut self, _: &mut dyn Context, _: &Timer) -> Result<(), ProcessorError> {
        Ok(())
    }
}

/// Forwards each record.
struct Pass;

impl Processor for Pass {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        if let (Some(key), Some(value)) = (record.key.clone(), record.value.clone()) {
            context.forward(0, key, value);
        }
        Ok(())
    }

    fn punctuate(&mut self, _: &mut dyn Context, _: &Timer) -> Result<(), ProcessorError> {
        Ok(())
    }
}

fn measure<P: Processor + 'static>(name: &str, supplier: fn() -> P) {
    let builder = Topology::builder("bench").source("in", "in").clock("in", "tick").processor("p", supplier, &["in"]);
    let topology = builder.store("s", &["p"]).sink("out", "out", &["p"]).build().expect("the topology is sound");
    let keys: Vec<Bytes> = (0..KEYS).map(|key| format!("key-{key:08}").into()).collect();
    let value = Bytes::from_static(b"a value of some forty bytes, as they come");
    let mut driver = TopologyTestDriver::bulk(&topology, 1);
    for index in 0..RECORDS {
        let key = keys[index * 7919 % KEYS].clone();
        driver.enqueue("in", 0, key, value.clone(), START_MS + (index / 100) as i64).expect("the source exists");
    }
    let started = Instant::now();
    driver.run().expect("the processor does not fail");
    let per_second = RECORDS as f64 / started.elapsed().as_secs_f64();
    println!("{name:<28} {per_second:>12.0} records/s, {} outputs", driver.drain_outputs().len());
}

fn main() {
    measure("forward", || Pass);
    measure("read, write and forward", || Counter);
}
