//! The bidding topology alone on a Kafka, between topics of any prefixes: what the benchmarks run beside another
//! implementation of the same job. Ends on SIGTERM.
//!
//! `gavel-bidding BOOTSTRAP IN OUT STATE_FOLDER [THREADS]`

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use gavel_auctions::bidding;
use gavel_auctions::wire::topics;
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{Log, LogError, TopicSpec};
use gavel_streams::{Runtime, RuntimeOptions, Topology};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// As the product's binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).with_writer(std::io::stderr).init();
    let mut terminate = signal(SignalKind::terminate())?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    ensure!(arguments.len() >= 4, "gavel-bidding BOOTSTRAP IN OUT STATE_FOLDER [THREADS]");
    let [bootstrap, sources, outputs, state] = [0, 1, 2, 3].map(|index| arguments[index].clone());
    let threads = arguments.get(4).map_or(Ok(1), |threads| threads.parse()).context("THREADS is a number")?;
    let running = tokio::task::spawn_blocking(move || -> Result<Runtime> {
        let log: Arc<dyn Log> = KafkaLog::connect(&bootstrap, KafkaOptions::default())?;
        let topology = bidding::topology()?.relocated(&sources, &outputs);
        create_missing(&*log, &topology, &sources, &outputs)?;
        let options = RuntimeOptions { threads, ..RuntimeOptions::new(PathBuf::from(state), "one") };
        Ok(Runtime::start(&log, &[topology], &options)?)
    });
    let runtime = running.await??;
    terminate.recv().await;
    tokio::task::spawn_blocking(move || runtime.stop()).await?;
    Ok(())
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
