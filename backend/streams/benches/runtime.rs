//! The runtime on the embedded log: how long a record takes from its append to its output, at 200 a second, and how many
//! a second go through when they wait. `cargo bench -p gavel-streams --bench runtime`.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::unwrap_used, reason = "a benchmark may end where it is")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
use gavel_log::{Cleanup, Consumer, Log, NewRecord, Start, TopicPartition, TopicSpec};
use gavel_streams::{Context, Processor, ProcessorError, Runtime, RuntimeOptions, SourceRecord, Timer, Topology};

const PACED: usize = 1000;
const PACE: Duration = Duration::from_millis(5);
const PILED: usize = 200_000;

/// Counts by key in state, and forwards each record. Joined to a table that nobody writes to, so that reading is
/// synchronised.
struct Counter;

impl Processor for Counter {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        let (Some(key), Some(value)) = (record.key.clone(), record.value.clone()) else { return Ok(()) };
        let count = context.get(0, &key)?.map_or(0, |bytes| u64::from_be_bytes(bytes[..].try_into().unwrap()));
        context.put(0, key.clone(), Bytes::copy_from_slice(&(count + 1).to_be_bytes()));
        context.forward(0, key, value);
        Ok(())
    }

    fn punctuate(&mut self, _: &mut dyn Context, _: &Timer) -> Result<(), ProcessorError> {
        Ok(())
    }
}

fn record(index: usize) -> NewRecord {
    NewRecord {
        topic: "stream".into(),
        partition: Some(0),
        key: Some(format!("key-{}", index % 1000).into()),
        value: Some(Bytes::copy_from_slice(&[7; 100])),
        headers: Vec::new(),
    }
}

fn read(consumer: &mut dyn Consumer, count: usize) {
    let (mut records, mut seen) = (Vec::new(), 0);
    while seen < count {
        consumer.poll(&mut records, 10_000, Duration::from_secs(1)).unwrap();
        seen += records.len();
        records.clear();
    }
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let log: Arc<dyn Log> = EmbeddedLog::open(folder.path().join("log"), EmbeddedOptions::default()).unwrap();
    let builder =
        Topology::builder("bench").source("table", "table").source("stream", "stream").clock("stream", "tick");
    let builder =
        builder.processor("p", || Counter, &["table", "stream"]).store("s", &["p"]).sink("out", "out", &["p"]);
    let topology = builder.build().unwrap();
    let external =
        ["table", "stream", "out"].map(|name| TopicSpec { name: name.into(), partitions: 1, cleanup: Cleanup::Keep });
    for spec in external.into_iter().chain(topology.topics(1)) {
        log.create_topic(&spec).unwrap();
    }
    let runtime =
        Runtime::start(&log, &[topology], &RuntimeOptions::new(folder.path().join("state"), "bench")).unwrap();
    let mut consumer = log.consumer(None).unwrap();
    consumer.assign(&[(TopicPartition::new("out", 0), Start::Earliest)]).unwrap();
    let producer = log.producer().unwrap();

    producer.send(record(0)).wait().unwrap();
    read(&mut *consumer, 1);
    let mut latencies: Vec<Duration> = (0..PACED)
        .map(|index| {
            let sent = Instant::now();
            drop(producer.send(record(index)));
            read(&mut *consumer, 1);
            let latency = sent.elapsed();
            std::thread::sleep(PACE.saturating_sub(latency));
            latency
        })
        .collect();
    latencies.sort();
    let at = |percent: usize| latencies[(PACED * percent / 100).min(PACED - 1)];
    println!("append to output at 200/s: p50 {:?}, p90 {:?}, p99 {:?}, max {:?}", at(50), at(90), at(99), at(100));

    let started = Instant::now();
    (0..PILED).for_each(|index| drop(producer.send(record(index))));
    read(&mut *consumer, PILED);
    println!("through: {:.0} records/s", PILED as f64 / started.elapsed().as_secs_f64());
    runtime.stop();
}
