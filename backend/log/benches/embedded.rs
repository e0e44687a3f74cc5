//! The embedded log's figures: latency of a durable append at 1, 8 and 64 writers (one sync serves all who wait), from
//! append to delivery, records a second in transactions, and records a second read, from memory and from disk.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints, and fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
use gavel_log::{Cleanup, Log, NewRecord, Start, TopicPartition, TopicSpec};
use hdrhistogram::Histogram;

const PARTITIONS: u32 = 12;

fn open(folder: &Path, cache_bytes: usize) -> Arc<EmbeddedLog> {
    EmbeddedLog::open(folder, EmbeddedOptions { cache_bytes, ..EmbeddedOptions::default() }).unwrap()
}

fn topic(log: &dyn Log, name: &str) -> Arc<str> {
    let name: Arc<str> = name.into();
    log.create_topic(&TopicSpec { name: name.clone(), partitions: PARTITIONS, cleanup: Cleanup::Keep }).unwrap();
    name
}

fn record(topic: &Arc<str>, number: u32) -> NewRecord {
    NewRecord {
        topic: topic.clone(),
        partition: Some(number % PARTITIONS),
        key: Some(Bytes::copy_from_slice(&number.to_be_bytes())),
        value: Some(Bytes::from_static(&[b'x'; 100])),
        headers: Vec::new(),
    }
}

fn print(name: &str, histogram: &Histogram<u64>) {
    let [p50, p99, most] = [0.5, 0.99, 1.0].map(|quantile| histogram.value_at_quantile(quantile));
    println!("{name}: p50 {p50} us, p99 {p99} us, max {most} us ({} samples)", histogram.len());
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap()
}

/// Each writer appends one record after the other, waiting for each.
fn append_latency(log: &Arc<EmbeddedLog>, writers: u32) {
    let topic = topic(&**log, "latency");
    let rounds = (6400 / writers).min(1000);
    let start = Instant::now();
    let threads: Vec<_> = (0..writers)
        .map(|writer| {
            let (producer, topic) = (log.producer().unwrap(), topic.clone());
            std::thread::spawn(move || {
                let mut histogram = Histogram::<u64>::new(3).unwrap();
                for _ in 0..rounds {
                    let begin = Instant::now();
                    producer.send(record(&topic, writer)).wait().unwrap();
                    histogram.record(micros(begin)).unwrap();
                }
                histogram
            })
        })
        .collect();
    let mut all = Histogram::<u64>::new(3).unwrap();
    threads.into_iter().for_each(|thread| all.add(thread.join().unwrap()).unwrap());
    let rate = f64::from(writers * rounds) / start.elapsed().as_secs_f64();
    print(&format!("durable append, {writers} writers, {rate:.0}/s"), &all);
}

/// From the send of a record until a waiting consumer holds it.
fn delivery_latency(log: &Arc<EmbeddedLog>) {
    let topic = topic(&**log, "delivery");
    let mut consumer = log.consumer(None).unwrap();
    consumer.assign(&[(TopicPartition::new(topic.clone(), 0), Start::Latest)]).unwrap();
    let producer = log.producer().unwrap();
    let mut histogram = Histogram::<u64>::new(3).unwrap();
    let mut records = Vec::new();
    for _ in 0..1000 {
        let begin = Instant::now();
        let delivery = producer.send(record(&topic, 0));
        while records.is_empty() {
            consumer.poll(&mut records, 10, Duration::from_secs(1)).unwrap();
        }
        histogram.record(micros(begin)).unwrap();
        delivery.wait().unwrap();
        records.clear();
    }
    print("append, sync and deliver", &histogram);
}

fn append_rate(log: &Arc<EmbeddedLog>, total: u32, per_transaction: u32) {
    let topic = topic(&**log, "rate");
    let mut producer = log.transactional_producer("bench").unwrap();
    let start = Instant::now();
    for first in (0..total).step_by(per_transaction as usize) {
        producer.begin().unwrap();
        (first..first + per_transaction).for_each(|number| producer.send(record(&topic, number)).unwrap());
        producer.commit().unwrap();
    }
    let rate = f64::from(total) / start.elapsed().as_secs_f64();
    println!("transactions of {per_transaction} records: {rate:.0} records/s");
}

fn scan_rate(log: &Arc<EmbeddedLog>, name: &str, total: usize) {
    let topic = topic(&**log, "rate");
    let all: Vec<_> =
        (0..PARTITIONS).map(|number| (TopicPartition::new(topic.clone(), number), Start::Earliest)).collect();
    let mut consumer = log.consumer(None).unwrap();
    consumer.assign(&all).unwrap();
    let start = Instant::now();
    let mut count = 0;
    let mut records = Vec::new();
    while count < total {
        consumer.poll(&mut records, 1000, Duration::from_secs(1)).unwrap();
        count += records.len();
        records.clear();
    }
    let rate = count as f64 / start.elapsed().as_secs_f64();
    println!("scan {name}: {rate:.0} records/s");
}

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), 512 << 20);
    for writers in [1, 8, 64] {
        append_latency(&log, writers);
    }
    delivery_latency(&log);
    append_rate(&log, 100_000, 1000);
    append_rate(&log, 1_900_000, 5000);
    scan_rate(&log, "from memory", 2_000_000);
    drop(log);
    let start = Instant::now();
    let log = open(folder.path(), 0);
    println!("open again: {:?}", start.elapsed());
    scan_rate(&log, "from disk", 2_000_000);
}
