//! `gavel verify`.

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::Arc;

use gavel_auctions::bidding;
use gavel_auctions::verify::{Asked, COMPARED, Difference, Outcome, Recorded, Report, VerifyError, verify};
use gavel_auctions::wire::{headers, topics};
use gavel_log::{Log, Record, TopicPartition, scan};
use gavel_streams::dead_letters::{self, Kind, State, TOPIC_SUFFIX};

use super::OperatorError;

/// Recomputes every outcome from the log, and says what is recorded otherwise.
pub(super) fn run(log: &Arc<dyn Log>, out: &mut dyn Write) -> Result<(), OperatorError> {
    let partitions = log.describe_topic(topics::BIDS)?.partitions;
    let (mut agreed, mut differences) = (0, 0);
    for number in 0..partitions {
        let report = partition(&**log, number, out)?;
        tracing::debug!(partition = number, agreed = report.agreed, "recomputed");
        agreed += report.agreed;
        differences += report.differences.len();
        for difference in &report.differences {
            writeln!(out, "{}", told(number, difference))?;
        }
    }
    if differences > 0 {
        return Err(OperatorError::Differences { differences, agreed });
    }
    Ok(writeln!(out, "{agreed} decisions and completions in {partitions} partitions, all as recomputed from the log")?)
}

/// What had been committed is asked first, then what is recorded, then what was asked by then: see [`verify`].
fn partition(log: &dyn Log, number: u32, out: &mut dyn Write) -> Result<Report, OperatorError> {
    let bidding = bidding::topology().map_err(VerifyError::from)?;
    let sources = [topics::ITEMS, topics::BIDS].map(|topic| TopicPartition::new(topic, number));
    let committed = log.committed(&bidding.group(), &sources)?;
    let mut recorded = Vec::new();
    for topic in COMPARED {
        let records = read(log, &TopicPartition::new(topic, number), out)?;
        let own = records.into_iter().filter(|record| !headers::is_sent_back(record));
        recorded.extend(own.map(|record| Outcome {
            topic,
            offset: record.offset,
            key: record.key.unwrap_or_default(),
            value: record.value.unwrap_or_default(),
        }));
    }
    let (mut before, mut since) = (Asked::default(), Asked::default());
    for (index, source) in sources.iter().enumerate() {
        let records = read(log, source, out)?;
        let resolved = resolved(log, source, bidding.name(), out)?;
        for record in records {
            // A group that forgot its offsets had processed all it was given.
            let is_committed = committed[index].is_none_or(|next| record.offset < next);
            let asked = if is_committed { &mut before } else { &mut since };
            let records = if index == 0 { &mut asked.items } else { &mut asked.commands };
            let for_whom = record.header(headers::DEAD_LETTER_TOPOLOGY);
            let is_for_others = for_whom.is_some_and(|topology| *topology != bidding.name());
            // Without a value it is put aside, as it was, or passed over; but its time counts.
            let value = if is_for_others || resolved.contains(&record.offset) { None } else { record.value };
            records.push(Recorded { append_ms: record.append_ms, value });
        }
    }
    Ok(verify(before, since, recorded)?)
}

/// The offsets of a source's records that were put aside and then sent back or discarded by an operator: even if they could
/// be processed now, what became of them is another record, or nothing.
fn resolved(
    log: &dyn Log,
    source: &TopicPartition,
    topology: &str,
    out: &mut dyn Write,
) -> Result<BTreeSet<u64>, OperatorError> {
    let letters = TopicPartition::new(format!("{}{TOPIC_SUFFIX}", source.topic), source.partition);
    let letters = dead_letters::read_partition(log, &letters, &mut || out.flush().is_ok())?;
    let resolved = letters.into_iter().filter(|letter| {
        letter.state != State::Waiting && letter.kind != Kind::Timer && letter.topology.as_deref() == Some(topology)
    });
    Ok(resolved.filter_map(|letter| letter.origin).map(|origin| origin.offset).collect())
}

/// All of a partition, from its very beginning to its end as it is now.
fn read(log: &dyn Log, partition: &TopicPartition, out: &mut dyn Write) -> Result<Vec<Record>, OperatorError> {
    let marks = log.watermarks(partition)?;
    if marks.low > 0 {
        return Err(OperatorError::Truncated { partition: partition.to_string(), low: marks.low });
    }
    let mut records = Vec::new();
    scan(log, partition, 0..marks.stable_end, |record| {
        records.push(record);
        Ok::<_, OperatorError>(out.flush()?)
    })?;
    Ok(records)
}

fn told(partition: u32, difference: &Difference) -> String {
    let Difference { topic, key, recorded, replayed } = difference;
    let (place, recorded) = match recorded {
        Some((offset, recorded)) => (format!("offset {offset}"), recorded.as_str()),
        None => ("missing".to_owned(), "nothing"),
    };
    let replayed = replayed.as_deref().unwrap_or("nothing");
    format!("{topic}, partition {partition}, {place}, item {key}: recorded {recorded}, recomputed {replayed}")
}
