//! What is in the log: topics read to their ends, and written down as `gavel backtest` reads them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use gavel_log::{Log, Record, Start, TopicPartition};
use serde_json::{Value, json};

use crate::house::run;

/// All committed records of a topic, partition by partition.
pub fn records(log: &dyn Log, topic: &str) -> Result<Vec<Record>> {
    let mut all = Vec::new();
    for partition in 0..log.describe_topic(topic)?.partitions {
        let partition = TopicPartition::new(topic, partition);
        let mut consumer = log.consumer(None)?;
        consumer.assign(&[(partition.clone(), Start::Earliest)])?;
        while consumer.position(&partition)? < log.watermarks(&partition)?.stable_end {
            consumer.poll(&mut all, 1000, Duration::from_secs(1))?;
        }
    }
    Ok(all)
}

/// The records of a topic whose values are JSON objects.
pub fn values(log: &dyn Log, topic: &str) -> Result<Vec<Value>> {
    let value = |record: Record| Ok(serde_json::from_slice(&record.value.context("a value")?)?);
    records(log, topic)?.into_iter().map(value).collect()
}

/// Of each key, the one record of a topic.
pub fn one_by_key(log: &dyn Log, topic: &str) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for record in records(log, topic)? {
        let key = String::from_utf8(record.key.context("a key")?.to_vec())?;
        let value = serde_json::from_slice(&record.value.context("a value")?)?;
        ensure!(found.insert(key.clone(), value).is_none(), "{topic} has a second record of {key}");
    }
    Ok(found)
}

/// Writes down what `gavel backtest` needs, runs it in `folder`, and answers what it gives.
pub fn backtest(log: &dyn Log, folder: &Path) -> Result<String> {
    std::fs::write(folder.join("items"), lines(log, "auctions.items")?)?;
    std::fs::write(folder.join("bids"), lines(log, "auctions.bids")?)?;
    let out = run(&["backtest", "--items", "items", "--bids", "bids", "--out", "out"], folder)?;
    ensure!(out.status.success(), "backtest: {}", String::from_utf8_lossy(&out.stderr));
    Ok(std::fs::read_to_string(folder.join("out"))?)
}

/// Of each key, the one completion in what `gavel backtest` gave.
pub fn completions(backtest: &str) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    for line in backtest.lines() {
        let output: Value = serde_json::from_str(line)?;
        if output["topic"] == "auctions.items-complete" {
            let key = output["key"].as_str().context("a key")?.to_owned();
            ensure!(found.insert(key.clone(), output["value"].clone()).is_none(), "a second completion of {key}");
        }
    }
    Ok(found)
}

/// A topic as backtest reads it.
fn lines(log: &dyn Log, topic: &str) -> Result<String> {
    let mut text = String::new();
    for record in records(log, topic)? {
        let value: Value = serde_json::from_slice(&record.value.context("a value")?)?;
        writeln!(text, "{}", json!({"append_ms": record.append_ms, "partition": record.partition, "value": value}))?;
    }
    Ok(text)
}
