//! What the benchmarks put beside another implementation of the same job, on a Kafka, between topics of any prefixes: the bidding
//! topology alone, or a mere copy of the bids for comparison. Ends on SIGTERM.
//!
//! `gavel-load-subject bidding BOOTSTRAP IN OUT STATE_FOLDER THREADS`
//! `gavel-load-subject pass-through BOOTSTRAP IN OUT`

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use gavel_auctions::bidding;
use gavel_auctions::wire::topics;
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{ConsumedOffset, GroupConfig, Log, LogError, NewRecord, Record, TopicPartition, TopicSpec};
use gavel_streams::{Runtime, RuntimeOptions, Topology};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// As the product's binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Records in a transaction of the pass-through, at most.
const UNIT_RECORDS: usize = 16_384;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    let mut terminate = signal(SignalKind::terminate())?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["bidding", bootstrap, sources, outputs, state, threads] => {
            let threads = threads.parse().context("THREADS is a number")?;
            let runtime = bidding(&connect(bootstrap)?, sources, outputs, state, threads)?;
            terminate.recv().await;
            runtime.stop();
        }
        ["pass-through", bootstrap, sources, outputs] => {
            let log = connect(bootstrap)?;
            let (from, to) = (format!("{sources}{}", topics::BIDS), format!("{outputs}{}", topics::HISTORY));
            let copy = tokio::task::spawn_blocking(move || pass_through(&*log, &from, &to));
            tokio::select! {
                _ = terminate.recv() => std::process::exit(0),
                ended = copy => ended??,
            }
        }
        _ => bail!("gavel-load-subject bidding BOOTSTRAP IN OUT STATE_FOLDER THREADS | pass-through BOOTSTRAP IN OUT"),
    }
    Ok(())
}

fn connect(bootstrap: &str) -> Result<Arc<dyn Log>> {
    Ok(KafkaLog::connect(bootstrap, KafkaOptions::default())?)
}

fn bidding(log: &Arc<dyn Log>, sources: &str, outputs: &str, state: &str, threads: usize) -> Result<Runtime> {
    let topology = bidding::topology()?.relocated(sources, outputs);
    create_missing(&**log, &topology, sources, outputs)?;
    let options = RuntimeOptions { threads, ..RuntimeOptions::new(PathBuf::from(state), "one") };
    Ok(Runtime::start(log, &[topology], &options)?)
}

/// Consumer to transactional producer, bytes untouched.
fn pass_through(log: &dyn Log, from: &str, to: &str) -> Result<()> {
    let mut producer = log.transactional_producer(&format!("pass-through.{to}"))?;
    let group = GroupConfig { group: to.into(), instance: None, session_timeout: Duration::from_secs(10) };
    let mut consumer = log.consumer(Some(&group))?;
    consumer.subscribe(&[from])?;
    let to: Arc<str> = to.into();
    let mut records: Vec<Record> = Vec::new();
    loop {
        consumer.poll(&mut records, UNIT_RECORDS, Duration::from_millis(50))?;
        let mut next = BTreeMap::new();
        for record in &records {
            next.insert(record.partition, record.offset + 1);
        }
        if next.is_empty() {
            continue;
        }
        let consumed: Vec<_> = next
            .into_iter()
            .map(|(number, next)| ConsumedOffset { partition: TopicPartition::new(from, number), next })
            .collect();
        producer.begin()?;
        producer.send_offsets(&consumed, &consumer.group_metadata()?)?;
        for Record { key, value, partition, .. } in records.drain(..) {
            let topic = Arc::clone(&to);
            producer.send(NewRecord { topic, partition: Some(partition), key, value, headers: Vec::new() })?;
        }
        producer.commit()?;
    }
}

/// Makes what the driver has not made.
fn create_missing(log: &dyn Log, topology: &Topology, sources: &str, outputs: &str) -> Result<()> {
    let partitions = log.describe_topic(&format!("{sources}{}", topics::BIDS))?.partitions;
    let written: Vec<&str> = topology.sink_topics().collect();
    let product = topics::specs(partitions)
        .into_iter()
        .map(|spec| TopicSpec { name: format!("{outputs}{}", spec.name).into(), ..spec });
    let sinks = product.filter(|spec| written.contains(&&*spec.name));
    for spec in sinks.chain(topology.topics(partitions)) {
        match log.describe_topic(&spec.name) {
            Err(LogError::UnknownTopic(_)) => drop(log.create_topic(&spec)?),
            _ => continue,
        }
    }
    Ok(())
}
