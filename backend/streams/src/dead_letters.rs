//! Dead letters: the records that could not be processed, and what became of them.
//!
//! Next to each source there is a topic of dead letters, with as many partitions. It holds three kinds of records, told
//! apart by their headers, and none of them is ever changed:
//!
//! | record | headers | value |
//! |---|---|---|
//! | letter | `dead-letter-cause`, `-detail`, `-origin`, `-attempts`, `-topology`, `-kind` | as it was |
//! | correction | `dead-letter-corrects`: the letter's offset; `-by` | what is to be sent back in its place |
//! | resolution | `dead-letter-resolves`: the letter's offset; `-resolution`, `-by` | none |
//!
//! [`read`] tells what became of each letter. A [`Resolver`] corrects, sends back or discards them, alone: it fences every
//! other of the same topic, and what it sends back goes out in one transaction with the resolution, so that no letter
//! is sent back twice.
//!
//! A record that is sent back carries the name of the topology that had put it aside. Other topologies of the same source
//! have had it already, and pass over it.

mod letter;
mod resolver;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use gavel_log::{Header, Log, LogError, Record, TopicPartition, scan};

pub use letter::{DeadLetter, Kind, Resolution, State};
pub use resolver::Resolver;

/// Why a record became a dead letter: a short stable word.
pub const CAUSE: &str = "dead-letter-cause";
/// The same, for people.
pub const DETAIL: &str = "dead-letter-detail";
/// Where the record was: `topic/partition/offset`.
pub const ORIGIN: &str = "dead-letter-origin";
/// How often it has been tried, over all its returns.
pub const ATTEMPTS: &str = "dead-letter-attempts";
/// Which topology put it aside. On a record that was sent back: whom alone it is for.
pub const TOPOLOGY: &str = "dead-letter-topology";
/// What of it is here, if it is not the record as it was: `cut` or `timer`.
pub const KIND: &str = "dead-letter-kind";
/// On a correction: the offset of its letter.
pub const CORRECTS: &str = "dead-letter-corrects";
/// On a resolution: the offset of its letter.
pub const RESOLVES: &str = "dead-letter-resolves";
/// What became of it: `replayed` or `discarded`.
pub const RESOLUTION: &str = "dead-letter-resolution";
/// Who resolved or corrected it.
pub const BY: &str = "dead-letter-by";

/// Begins the names of the headers above.
pub(crate) const PREFIX: &str = "dead-letter-";
/// What is appended to a topic's name for its dead letters.
pub const TOPIC_SUFFIX: &str = ".dead-letters";

/// Why dead letters cannot be read or resolved.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The log refused.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It is not `topic/partition/offset`.
    #[error("{0:?} is no place of a record, such as auctions.bids.dead-letters/0/17")]
    NoPlace(String),
    /// Nothing is there, or something else.
    #[error("there is no dead letter at {0}")]
    NoLetter(Place),
    /// Somebody was first.
    #[error("{place} was {resolution} already, by {by}")]
    Resolved {
        /// The letter.
        place: Place,
        /// What became of it.
        resolution: Resolution,
        /// By whom.
        by: String,
    },
    /// A timer is no record.
    #[error("{0} is a timer that could not be handled, no record: there is nothing to send back; discard it")]
    Timer(Place),
    /// It was put aside by a version that did not say who did.
    #[error("{0} does not say which topology put it aside, so it cannot be sent back to that one alone; discard it")]
    NoTopology(Place),
    /// Its topology reads and writes in another place than its origin.
    #[error(
        "{place} is of a topology that runs beside the one its origin {origin} is read by, and is not sent back there"
    )]
    Elsewhere {
        /// The letter.
        place: Place,
        /// The record.
        origin: Place,
    },
    /// The letter is not whole, and its record is gone.
    #[error("{place} was too large to be kept whole, and its record is not at {origin} any more; discard it")]
    Gone {
        /// The letter.
        place: Place,
        /// Where the record was.
        origin: Place,
    },
    /// Another resolver has begun.
    #[error("somebody else is resolving dead letters of {0} just now; see with list, and try again")]
    Overtaken(String),
    /// The log did not say whether it was committed.
    #[error("whether {0} was resolved the log does not say: {1}; see with list once it answers")]
    Unknown(Place, LogError),
    /// Nobody waits for it any more.
    #[error("nobody waits for it any more")]
    Abandoned,
}

/// Where a record is: `topic/partition/offset`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The partition.
    pub partition: TopicPartition,
    /// The offset.
    pub offset: u64,
}

impl Place {
    /// Where a record that was read is.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let partition = TopicPartition::new(record.topic.clone(), record.partition);
        Self { partition, offset: record.offset }
    }
}

impl Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.partition, self.offset)
    }
}

impl FromStr for Place {
    type Err = DeadLetterError;

    fn from_str(text: &str) -> Result<Self, DeadLetterError> {
        let read = || {
            let (rest, offset) = text.rsplit_once('/')?;
            let (topic, partition) = rest.rsplit_once('/')?;
            let partition = TopicPartition::new(topic, partition.parse().ok()?);
            (!topic.is_empty()).then_some(Self { partition, offset: offset.parse().ok()? })
        };
        read().ok_or_else(|| DeadLetterError::NoPlace(text.into()))
    }
}

/// Whether a record that was sent back is for another topology than this.
pub(crate) fn is_for_another(headers: &[Header], topology: &str) -> bool {
    headers.iter().any(|header| header.name == TOPOLOGY && header.value != topology)
}

/// The topics of dead letters, sorted.
///
/// # Errors
/// As the log refuses.
pub fn topics(log: &dyn Log) -> Result<Vec<String>, LogError> {
    Ok(log.topics()?.into_iter().filter(|topic| topic.ends_with(TOPIC_SUFFIX)).collect())
}

/// The dead letters of a topic, in the order of their places, with what became of them so far. `is_awaited` is asked now and
/// then whether anybody still waits for them.
///
/// # Errors
/// [`DeadLetterError`].
pub fn read(
    log: &dyn Log,
    topic: &str,
    is_awaited: &mut dyn FnMut() -> bool,
) -> Result<Vec<DeadLetter>, DeadLetterError> {
    let mut letters = Vec::new();
    for partition in partitions(log, topic)? {
        letters.extend(read_partition(log, &partition, is_awaited)?);
    }
    Ok(letters)
}

/// The same of one partition.
///
/// # Errors
/// [`DeadLetterError`].
pub fn read_partition(
    log: &dyn Log,
    partition: &TopicPartition,
    is_awaited: &mut dyn FnMut() -> bool,
) -> Result<Vec<DeadLetter>, DeadLetterError> {
    let mut ledger = Ledger::default();
    ledger.read(log, partition, log.stable_end(partition)?, is_awaited)?;
    Ok(ledger.0.into_values().collect())
}

/// A record by its place; `None` where it is gone, or never was.
///
/// # Errors
/// As the log refuses.
pub fn fetch(log: &dyn Log, place: &Place) -> Result<Option<Record>, LogError> {
    let marks = log.watermarks(&place.partition)?;
    if !(marks.low..marks.stable_end).contains(&place.offset) {
        return Ok(None);
    }
    let mut found = None;
    scan(log, &place.partition, place.offset..place.offset + 1, |record| {
        found = Some(record);
        Ok::<_, LogError>(())
    })?;
    Ok(found)
}

fn partitions(log: &dyn Log, topic: &str) -> Result<impl Iterator<Item = TopicPartition>, LogError> {
    let spec = log.describe_topic(topic)?;
    Ok((0..spec.partitions).map(move |partition| TopicPartition::new(spec.name.clone(), partition)))
}

/// The letters of a topic, without their values.
#[derive(Default)]
struct Ledger(BTreeMap<Place, DeadLetter>);

impl Ledger {
    /// Adds a partition, up to an end.
    fn read(
        &mut self,
        log: &dyn Log,
        partition: &TopicPartition,
        end: u64,
        is_awaited: &mut dyn FnMut() -> bool,
    ) -> Result<(), DeadLetterError> {
        let low = log.watermarks(partition)?.low;
        scan(log, partition, low..end, |record| {
            self.add(&record);
            if is_awaited() { Ok(()) } else { Err(DeadLetterError::Abandoned) }
        })
    }

    fn add(&mut self, record: &Record) {
        let offset = |name| letter::text(record, name).and_then(|offset| offset.parse().ok());
        let of = |offset| Place { partition: Place::of(record).partition, offset };
        if let Some(letter) = offset(CORRECTS).and_then(|offset| self.0.get_mut(&of(offset))) {
            letter.correction = Some(record.offset);
        } else if let Some(letter) = offset(RESOLVES).and_then(|offset| self.0.get_mut(&of(offset))) {
            letter.resolve(record);
        } else if record.header(CAUSE).is_some() {
            self.0.insert(Place::of(record), DeadLetter::of(record));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_is_written() {
        let text = "auctions.bids.dead-letters/3/42";
        let place: Place = text.parse().unwrap();
        assert_eq!(
            (&*place.partition.topic, place.partition.partition, place.offset),
            ("auctions.bids.dead-letters", 3, 42)
        );
        assert_eq!(place.to_string(), text);
        for text in ["", "auctions.bids", "auctions.bids/3", "/3/42", "auctions.bids/x/42", "auctions.bids/3/-1"] {
            assert!(text.parse::<Place>().is_err(), "{text}");
        }
    }
}
