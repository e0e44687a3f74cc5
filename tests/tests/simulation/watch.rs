//! What must hold at every moment: read from the topics alone, as any reader would, and known apart from who wrote it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use gavel_auctions::wire::{CompletionRecord, Decision, HistoryRecord, Outcome, topics};
use gavel_domain::ItemId;
use gavel_log::{Record, TopicPartition};

use crate::log::broker::Broker;
use crate::mark::Mark;

/// What is known of an item.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Sequences seen; dense from 1.
    sequence: u64,
    price_minor: i64,
    ends_at_ms: Option<i64>,
    pub(crate) completion: Option<CompletionRecord>,
}

/// Reads the public topics as they grow.
pub(crate) struct Watch {
    partitions: u32,
    /// Up to where each partition is read.
    read: BTreeMap<TopicPartition, u64>,
    pub(crate) items: BTreeMap<ItemId, Known>,
    /// The history's causes and decisions: one of each command.
    pub(crate) decided: BTreeMap<String, Decision>,
    notices: BTreeSet<String>,
}

impl Watch {
    pub(crate) fn new(partitions: u32) -> Self {
        let (read, items, decided) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { partitions, read, items, decided, notices: BTreeSet::new() }
    }

    /// Looks at what is new.
    pub(crate) fn look(&mut self, broker: &Broker) -> Result<()> {
        for number in 0..self.partitions {
            self.each(broker, topics::HISTORY, number, Self::history)?;
            self.each(broker, topics::COMPLETE, number, |watch, record| watch.completion(broker, record))?;
            self.each(broker, topics::NOTICES, number, Self::notice)?;
        }
        Ok(())
    }

    fn each(
        &mut self,
        broker: &Broker,
        topic: &str,
        number: u32,
        check: impl Fn(&mut Self, &Record) -> Result<()>,
    ) -> Result<()> {
        let name = TopicPartition::new(topic, number);
        let partition = broker.partition(&name)?;
        let from = self.read.get(&name).copied().unwrap_or(0);
        if from < partition.stable_end() {
            for record in partition.committed(from) {
                check(self, record).with_context(|| format!("{name}/{}", record.offset))?;
            }
            self.read.insert(name, partition.stable_end());
        }
        Ok(())
    }

    fn history(&mut self, record: &Record) -> Result<()> {
        let decided: HistoryRecord = serde_json::from_slice(record.value.as_deref().unwrap_or_default())?;
        let cause = cause(record)?;
        let other = self.decided.insert(cause.clone(), decided.decision);
        ensure!(other.is_none(), "{cause} is decided twice");
        let Some(sequence) = decided.sequence else { return Ok(()) };
        let known = self.items.entry(decided.item_id).or_default();
        ensure!(sequence == known.sequence + 1, "sequence {sequence} follows {}", known.sequence);
        let price_minor = decided.price_minor.context("a sequenced record has a price")?;
        ensure!(price_minor >= known.price_minor, "the price fell from {} to {price_minor}", known.price_minor);
        if known.ends_at_ms.is_some_and(|before| decided.ends_at_ms > Some(before)) {
            Mark::Extended.hit();
        }
        (known.sequence, known.price_minor, known.ends_at_ms) = (sequence, price_minor, decided.ends_at_ms);
        if let Some(completion) = &known.completion {
            ensure!(sequence < completion.sequence, "sequence {sequence} comes after the completion");
        }
        Ok(())
    }

    fn completion(&mut self, broker: &Broker, record: &Record) -> Result<()> {
        let completion: CompletionRecord = serde_json::from_slice(record.value.as_deref().unwrap_or_default())?;
        let known = self.items.entry(completion.item_id).or_default();
        ensure!(known.completion.is_none(), "a second completion of {}", completion.item_id);
        ensure!(completion.sequence > known.sequence, "the completion is not the last");
        match completion.outcome {
            Outcome::Withdrawn => Mark::Withdrawn.hit(),
            Outcome::Sold => Mark::Sold.hit(),
            _ => {}
        }
        if completion.outcome != Outcome::Withdrawn {
            let cause = cause(record)?;
            let (time_ms, is_tick) = partition_time(broker, &cause)?;
            ensure!(
                time_ms > completion.ended_at_ms,
                "{cause} at {time_ms} ended it before {}",
                completion.ended_at_ms
            );
            if is_tick {
                Mark::Ticked.hit();
            }
        }
        known.completion = Some(completion);
        Ok(())
    }

    fn notice(&mut self, record: &Record) -> Result<()> {
        let value: serde_json::Value = serde_json::from_slice(record.value.as_deref().unwrap_or_default())?;
        let id = value["notice_id"].as_str().context("a notice has an id")?;
        ensure!(self.notices.insert(id.to_owned()), "notice {id} was given twice");
        Ok(())
    }

    /// At the end: the completion of each is the one after its last sequence.
    pub(crate) fn check_ends(&self) -> Result<()> {
        for (item, known) in &self.items {
            let completion = known.completion.as_ref().with_context(|| format!("{item} has not ended"))?;
            ensure!(completion.sequence == known.sequence + 1, "{item}: a gap before the completion");
        }
        Ok(())
    }
}

/// The record that caused this one.
fn cause(record: &Record) -> Result<String> {
    let cause = record.header("causation").context("an output names its cause")?;
    Ok(String::from_utf8(cause.to_vec())?)
}

/// Partition time after this record, as far as it can be known, and whether it is a tick. An item comes in at any time.
fn partition_time(broker: &Broker, cause: &str) -> Result<(i64, bool)> {
    let mut parts = cause.split('/');
    let mut part = || parts.next().context("topic/partition/offset");
    let (topic, number, offset) = (part()?, part()?.parse()?, part()?.parse()?);
    let offset = if topic == topics::BIDS { offset } else { u64::MAX };
    let partition = broker.partition(&TopicPartition::new(topics::BIDS, number))?;
    let until = partition.committed(0).take_while(|record| record.offset <= offset);
    let (mut time_ms, mut is_tick) = (i64::MIN, false);
    for record in until {
        time_ms = time_ms.max(record.append_ms);
        is_tick = record.offset == offset && record.key.is_none();
    }
    Ok((time_ms, is_tick))
}
