//! What a transaction on Kafka costs: by how many partitions it touches, one right after the other and with pauses.
//!
//! `cargo bench -p gavel-tests --bench transactions`
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{
    Cleanup, ConsumedOffset, Consumer, GroupConfig, Log, NewRecord, TopicPartition, TopicSpec, TransactionalProducer,
};
use gavel_tests::kafka::Kafka;
use hdrhistogram::Histogram;

const PARTITIONS: u32 = 16;
/// A broker compiles what it runs often: its first transactions say nothing of the later ones.
const WARM_UP: Duration = Duration::from_secs(20);
const ROUNDS: usize = 500;

/// One member of a group, and the transactions it commits.
struct Bench {
    producer: Box<dyn TransactionalProducer>,
    consumer: Box<dyn Consumer>,
    topic: Arc<str>,
    source: TopicPartition,
    consumed: u64,
}

impl Bench {
    fn new(log: &dyn Log) -> Result<Self> {
        let topic: Arc<str> = "out".into();
        log.create_topic(&TopicSpec { name: Arc::clone(&topic), partitions: PARTITIONS, cleanup: Cleanup::Keep })?;
        log.create_topic(&TopicSpec { name: "in".into(), partitions: 1, cleanup: Cleanup::Keep })?;
        let session_timeout = Duration::from_secs(600);
        let group = GroupConfig { group: "bench".into(), instance: Some("one".into()), session_timeout };
        let mut consumer = log.consumer(Some(&group))?;
        consumer.subscribe(&["in"])?;
        while consumer.poll(&mut Vec::new(), 1, Duration::from_millis(100))?.is_empty() {}
        let producer = log.transactional_producer("bench")?;
        Ok(Self { producer, consumer, topic, source: TopicPartition::new("in", 0), consumed: 0 })
    }

    /// One record to each of so many partitions, and an offset.
    fn transaction(&mut self, partitions: u32) -> Result<()> {
        self.producer.begin()?;
        self.consumed += 1;
        let consumed = ConsumedOffset { partition: self.source.clone(), next: self.consumed };
        self.producer.send_offsets(&[consumed], &self.consumer.group_metadata()?)?;
        for partition in 0..partitions {
            self.producer.send(NewRecord {
                topic: Arc::clone(&self.topic),
                partition: Some(partition),
                key: Some("a key".into()),
                value: Some("a value, not too long".into()),
                headers: Vec::new(),
            })?;
        }
        Ok(self.producer.commit()?)
    }

    fn measure(&mut self, partitions: u32, pause: Duration) -> Result<Histogram<u64>> {
        let mut histogram = Histogram::new(3)?;
        for _ in 0..ROUNDS {
            std::thread::sleep(pause);
            let begun = Instant::now();
            self.transaction(partitions)?;
            histogram.record(u64::try_from(begun.elapsed().as_micros())?)?;
        }
        Ok(histogram)
    }
}

fn main() -> Result<()> {
    let kafka = Kafka::start()?;
    let mut bench = Bench::new(&*KafkaLog::connect(&kafka.bootstrap(), KafkaOptions::default())?)?;
    let begun = Instant::now();
    while begun.elapsed() < WARM_UP {
        bench.transaction(PARTITIONS)?;
    }
    for pause in [Duration::ZERO, Duration::from_millis(10)] {
        for partitions in [1, 4, 8, PARTITIONS] {
            let histogram = bench.measure(partitions, pause)?;
            let [p50, p99] = [50.0, 99.0].map(|at| histogram.value_at_percentile(at) as f64 / 1000.0);
            println!("{partitions:2} partitions, {pause:?} between: p50 {p50:.1} ms, p99 {p99:.1} ms");
        }
    }
    Ok(())
}
