//! `gavel replay`: topologies over what was recorded, beside the live ones. They read the same sources, and write under a prefix of
//! their own, each record once, however often the replay is broken off and begun again.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use gavel_auctions::wire::topics;
use gavel_log::{Log, LogError, Record, Start, TopicPartition, TopicSpec};
use gavel_streams::runtime::{RuntimeStatus, Span, TaskState};
use gavel_streams::{Runtime, RuntimeOptions, Topology};
use serde::{Deserialize, Serialize};

use super::OperatorError;
use super::scope::Scope;
use super::status::now_ms;
use crate::house::topics::topologies;

/// How often it is told how far it is.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How long one record is waited for.
const READ_WAIT: Duration = Duration::from_secs(1);

/// Where a replay begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// At the first record.
    Beginning,
    /// At the first record appended at or after this time.
    TimeMs(i64),
    /// At these offsets of `topic/partition`; what is not named, at its beginning.
    Offsets(BTreeMap<String, u64>),
}

/// A replay to make.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Replay {
    /// Where it begins.
    pub from: From,
    /// What the names of all topics that it writes begin with.
    pub to: String,
    /// What is to be replayed: everything, a topology or a processor.
    pub scope: String,
}

impl Replay {
    /// Does it, up to what was appended until now.
    pub(super) fn run(&self, log: &Arc<dyn Log>, out: &mut dyn Write) -> Result<(), OperatorError> {
        let scope = Scope::find(&self.scope)?;
        let meant =
            topologies()?.into_iter().filter(|topology| scope.topologies.iter().any(|name| name == topology.name()));
        let meant: Vec<Topology> = meant.map(|topology| topology.relocated("", &self.to)).collect();
        let until_ms = now_ms();
        let mut from = BTreeMap::new();
        for topology in &meant {
            prepare(&**log, topology, &self.to)?;
            from.extend(self.starts(&**log, topology)?);
        }
        self.check_names(&**log, &meant)?;
        let state = tempfile::tempdir()?;
        let span = Some(Span { from, until_ms });
        let options = RuntimeOptions { span, ..RuntimeOptions::new(state.path(), "replay") };
        let runtime = Runtime::start(log, &meant, &options)?;
        let told = watch(&runtime, &**log, &meant, out);
        runtime.stop();
        told?;
        Ok(writeln!(out, "replayed into {}*, up to what was appended until this began", self.to)?)
    }

    /// Offsets of what is not read were meant for something else.
    fn check_names(&self, log: &dyn Log, meant: &[Topology]) -> Result<(), OperatorError> {
        let From::Offsets(offsets) = &self.from else { return Ok(()) };
        let read = meant.iter().map(|topology| sources(log, topology)).collect::<Result<Vec<_>, _>>()?.concat();
        let is_read = |named: &&String| read.iter().any(|partition| partition.to_string() == **named);
        match offsets.keys().find(|named| !is_read(named)) {
            Some(named) => Err(OperatorError::Told(format!("{named} is not read by what is to be replayed"))),
            None => Ok(()),
        }
    }

    /// Where each source of a topology begins.
    fn starts(&self, log: &dyn Log, topology: &Topology) -> Result<BTreeMap<TopicPartition, u64>, OperatorError> {
        let mut starts = BTreeMap::new();
        for partition in sources(log, topology)? {
            let start = match &self.from {
                From::Beginning => None,
                From::TimeMs(time_ms) => Some(first_at(log, &partition, *time_ms)?),
                From::Offsets(offsets) => offsets.get(&partition.to_string()).copied(),
            };
            starts.extend(start.map(|start| (partition, start)));
        }
        Ok(starts)
    }
}

/// All partitions that a topology reads.
fn sources(log: &dyn Log, topology: &Topology) -> Result<Vec<TopicPartition>, LogError> {
    let mut partitions = Vec::new();
    for topic in topology.source_topics() {
        partitions.extend((0..log.describe_topic(topic)?.partitions).map(|number| TopicPartition::new(topic, number)));
    }
    Ok(partitions)
}

/// Makes the topics that the topology writes to, as those that it is a copy of are.
fn prepare(log: &dyn Log, topology: &Topology, prefix: &str) -> Result<(), OperatorError> {
    let mut partitions = 0;
    for topic in topology.source_topics() {
        partitions = log.describe_topic(topic)?.partitions;
    }
    let copy = |spec: TopicSpec| TopicSpec { name: format!("{prefix}{}", spec.name).into(), ..spec };
    let written: Vec<&str> = topology.sink_topics().collect();
    let sinks = topics::specs(partitions).into_iter().map(copy).filter(|spec| written.contains(&&*spec.name));
    for spec in sinks.chain(topology.topics(partitions)) {
        log.create_topic(&spec)?;
    }
    Ok(())
}

/// The offset of the first record appended at or after a time: append times rise within a partition.
fn first_at(log: &dyn Log, partition: &TopicPartition, time_ms: i64) -> Result<u64, OperatorError> {
    let marks = log.watermarks(partition)?;
    let (mut low, mut high) = (marks.low, marks.stable_end);
    let mut consumer = log.consumer(None)?;
    while low < high {
        let middle = low + (high - low) / 2;
        consumer.assign(&[(partition.clone(), Start::Offset(middle))])?;
        let mut records: Vec<Record> = Vec::new();
        while records.is_empty() && consumer.position(partition)? < high {
            consumer.poll(&mut records, 1, READ_WAIT)?;
        }
        match records.first() {
            // What lies between is no record: the end of a transaction, or what compaction took.
            Some(record) if record.append_ms < time_ms => low = record.offset + 1,
            _ => high = middle,
        }
    }
    Ok(low)
}

/// Tells how far the replay is, until it is done.
fn watch(runtime: &Runtime, log: &dyn Log, meant: &[Topology], out: &mut dyn Write) -> Result<(), OperatorError> {
    let (mut tasks, mut all) = (0, 0);
    for topology in meant {
        let partitions = sources(log, topology)?;
        // Each task has one partition of each source.
        tasks += partitions.len() / topology.source_topics().count().max(1);
        all += log.stable_ends(&partitions).into_iter().sum::<Result<u64, LogError>>()?;
    }
    loop {
        let status = runtime.status();
        if let Some(reason) = status.errors().next().filter(|_| status.threads.iter().any(|thread| !thread.running)) {
            return Err(OperatorError::Told(format!("the replay stopped: {reason}")));
        }
        if is_done(&status, tasks) {
            return Ok(());
        }
        let done: u64 = status.tasks().flat_map(|task| task.positions.values()).sum();
        writeln!(out, "{} of {all} offsets", done.min(all))?;
        out.flush()?;
        std::thread::sleep(TELL_EVERY);
    }
}

fn is_done(status: &RuntimeStatus, tasks: usize) -> bool {
    let drained = status.tasks().filter(|task| task.state == TaskState::Drained).count();
    drained == tasks
}
