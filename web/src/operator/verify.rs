//! `gavel verify`.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use gavel_auctions::bidding;
use gavel_auctions::verify::{Asked, COMPARED, Difference, Outcome, Recorded, Report, VerifyError, verify};
use gavel_auctions::wire::topics;
use gavel_log::{Log, Record, Start, TopicPartition};

use super::OperatorError;

/// How many records are asked for at once, and how long each time.
const READ_RECORDS: usize = 10_000;
const READ_WAIT: Duration = Duration::from_secs(1);

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
    let sources = [topics::ITEMS, topics::BIDS].map(|topic| TopicPartition::new(topic, number));
    let committed = log.committed(&bidding::topology().map_err(VerifyError::from)?.group(), &sources)?;
    let mut recorded = Vec::new();
    for topic in COMPARED {
        recorded.extend(read(log, &TopicPartition::new(topic, number), out)?.into_iter().map(|record| Outcome {
            topic,
            offset: record.offset,
            key: record.key.unwrap_or_default(),
            value: record.value.unwrap_or_default(),
        }));
    }
    let (mut before, mut since) = (Asked::default(), Asked::default());
    for (index, source) in sources.iter().enumerate() {
        for record in read(log, source, out)? {
            // A group that forgot its offsets had processed all it was given.
            let is_committed = committed[index].is_none_or(|next| record.offset < next);
            let asked = if is_committed { &mut before } else { &mut since };
            let records = if index == 0 { &mut asked.items } else { &mut asked.commands };
            records.push(Recorded { append_ms: record.append_ms, value: record.value });
        }
    }
    Ok(verify(before, since, recorded)?)
}

/// All of a partition, from its very beginning to its end as it is now.
fn read(log: &dyn Log, partition: &TopicPartition, out: &mut dyn Write) -> Result<Vec<Record>, OperatorError> {
    let marks = log.watermarks(partition)?;
    if marks.low > 0 {
        return Err(OperatorError::Truncated { partition: partition.to_string(), low: marks.low });
    }
    let mut consumer = log.consumer(None)?;
    consumer.assign(&[(partition.clone(), Start::Earliest)])?;
    let mut records = Vec::new();
    while consumer.position(partition)? < marks.stable_end {
        consumer.poll(&mut records, READ_RECORDS, READ_WAIT)?;
        out.flush()?;
    }
    records.retain(|record| record.offset < marks.stable_end);
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
