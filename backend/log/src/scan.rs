//! Reads a stretch of one partition, once, from its first offset to its last.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::port::{Log, LogError, Record, Start, TopicPartition};

/// Records asked for at a time, and how long each time.
const RECORDS_MAX: usize = 10_000;
const POLL_WAIT: Duration = Duration::from_millis(500);
/// How long nothing may come: longer than any transaction is left open.
const SILENCE_MAX: Duration = Duration::from_secs(70);

/// Hands over the committed records of these offsets, in order. Where the stretch reaches beyond the partition's stable end,
/// that is waited for.
///
/// # Errors
/// `Unavailable` where the log does not get there, and as it refuses; what `take` fails with.
pub fn scan<E: From<LogError>>(
    log: &dyn Log,
    partition: &TopicPartition,
    offsets: Range<u64>,
    mut take: impl FnMut(Record) -> Result<(), E>,
) -> Result<(), E> {
    if offsets.is_empty() {
        return Ok(());
    }
    let mut consumer = log.consumer(None)?;
    consumer.assign(&[(partition.clone(), Start::Offset(offsets.start))])?;
    let mut records = Vec::new();
    let (mut position, mut moved) = (offsets.start, Instant::now());
    loop {
        consumer.poll(&mut records, RECORDS_MAX, POLL_WAIT)?;
        records.drain(..).filter(|record| offsets.contains(&record.offset)).try_for_each(&mut take)?;
        let now = consumer.position(partition)?;
        if now >= offsets.end {
            return Ok(());
        }
        if now > position {
            (position, moved) = (now, Instant::now());
        } else if moved.elapsed() > SILENCE_MAX {
            let stuck = format!("{partition} is not read beyond offset {now}; a transaction may be open there");
            return Err(LogError::Unavailable(stuck).into());
        }
    }
}
