//! Resolving dead letters of one topic, exactly once.
//!
//! All resolvers of a topic share one transactional id: who begins fences the others, and then reads what they had
//! committed. So whoever commits knows all that was resolved before.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use gavel_log::{Header, Log, LogError, NewRecord, Record, TransactionalProducer};

use super::{
    ATTEMPTS, BY, CORRECTS, DeadLetter, DeadLetterError, Kind, Ledger, PREFIX, Place, RESOLUTION, RESOLVES, Resolution,
    State, TOPIC_SUFFIX, TOPOLOGY, fetch, partitions,
};

/// How long an answer to a commit is waited for, and how often it is asked for.
const COMMIT_WITHIN: Duration = Duration::from_secs(30);
const COMMIT_AGAIN: Duration = Duration::from_millis(200);

/// The one who resolves the dead letters of a topic.
pub struct Resolver {
    log: Arc<dyn Log>,
    topic: Arc<str>,
    /// Who it is, to be recorded.
    by: String,
    producer: Box<dyn TransactionalProducer>,
    ledger: Ledger,
    /// Corrections of its own, newer than the ledger.
    corrected: BTreeMap<Place, Bytes>,
}

impl Resolver {
    /// Begins to resolve, and fences whoever did before. `is_awaited` as for [`super::read`].
    ///
    /// # Errors
    /// [`DeadLetterError`].
    pub fn begin(
        log: &Arc<dyn Log>,
        topic: &str,
        by: &str,
        is_awaited: &mut dyn FnMut() -> bool,
    ) -> Result<Self, DeadLetterError> {
        let partitions: Vec<_> = partitions(&**log, topic)?.collect();
        let producer = log.transactional_producer(&format!("gavel.{topic}"))?;
        let mut ledger = Ledger::default();
        for partition in &partitions {
            // To the very end: what another resolver committed may be above a transaction that is still open.
            ledger.read(&**log, partition, log.end(partition)?, is_awaited)?;
        }
        Ok(Self {
            log: Arc::clone(log),
            topic: topic.into(),
            by: by.into(),
            producer,
            ledger,
            corrected: BTreeMap::new(),
        })
    }

    /// The letters of the topic that wait.
    pub fn waiting(&self) -> impl Iterator<Item = &DeadLetter> {
        self.ledger.0.values().filter(|letter| letter.state == State::Waiting)
    }

    /// Sends a letter back to where its record came from, with its correction if there is one. Answers where that was.
    ///
    /// # Errors
    /// [`DeadLetterError`]; nothing is sent then, `Unknown` aside.
    pub fn replay(&mut self, place: &Place) -> Result<Place, DeadLetterError> {
        let letter = self.letter(place)?;
        let (origin, record) = self.returned(letter)?;
        let resolution = self.resolution(letter, Resolution::Replayed);
        self.commit(place, vec![record, resolution])?;
        self.ledger.0.remove(place);
        Ok(origin)
    }

    /// Says that nothing more is to become of a letter.
    ///
    /// # Errors
    /// [`DeadLetterError`].
    pub fn discard(&mut self, place: &Place) -> Result<(), DeadLetterError> {
        let resolution = self.resolution(self.letter(place)?, Resolution::Discarded);
        self.commit(place, vec![resolution])?;
        self.ledger.0.remove(place);
        Ok(())
    }

    /// Has another value be sent back than the letter's own, which stays. The last correction counts.
    ///
    /// # Errors
    /// [`DeadLetterError`].
    pub fn correct(&mut self, place: &Place, value: Bytes) -> Result<(), DeadLetterError> {
        let letter = self.letter(place)?;
        if letter.kind == Kind::Timer {
            return Err(DeadLetterError::Timer(place.clone()));
        }
        let correction = self.note(letter, vec![header(CORRECTS, place.offset.to_string())], Some(value.clone()));
        self.commit(place, vec![correction])?;
        self.corrected.insert(place.clone(), value);
        Ok(())
    }

    fn letter(&self, place: &Place) -> Result<&DeadLetter, DeadLetterError> {
        let letter = self.ledger.0.get(place).ok_or_else(|| DeadLetterError::NoLetter(place.clone()))?;
        match &letter.state {
            State::Waiting => Ok(letter),
            State::Resolved { resolution, by, .. } => {
                Err(DeadLetterError::Resolved { place: place.clone(), resolution: *resolution, by: by.clone() })
            }
        }
    }

    /// The record as it goes back, and where it came from.
    fn returned(&self, letter: &DeadLetter) -> Result<(Place, NewRecord), DeadLetterError> {
        let place = || letter.place.clone();
        if letter.kind == Kind::Timer {
            return Err(DeadLetterError::Timer(place()));
        }
        let (Some(topology), Some(origin)) = (&letter.topology, letter.origin.clone()) else {
            return Err(DeadLetterError::NoTopology(place()));
        };
        if self.topic.strip_suffix(TOPIC_SUFFIX) != Some(&*origin.partition.topic) {
            return Err(DeadLetterError::Elsewhere { place: place(), origin });
        }
        let whole = if letter.kind == Kind::Cut { &origin } else { &letter.place };
        let gone = || DeadLetterError::Gone { place: place(), origin: origin.clone() };
        let Record { key, value, mut headers, .. } = fetch(&*self.log, whole)?.ok_or_else(gone)?;
        let value = match (self.corrected.get(&letter.place), letter.correction()) {
            (Some(corrected), _) => Some(corrected.clone()),
            (None, Some(correction)) => fetch(&*self.log, &correction)?.ok_or_else(gone)?.value,
            (None, None) => value,
        };
        headers.retain(|header| !header.name.starts_with(PREFIX));
        headers.push(header(TOPOLOGY, topology.clone()));
        headers.push(header(ATTEMPTS, letter.attempts.to_string()));
        let (topic, partition) = (origin.partition.topic.clone(), Some(origin.partition.partition));
        Ok((origin, NewRecord { topic, partition, key, value, headers }))
    }

    fn resolution(&self, letter: &DeadLetter, resolution: Resolution) -> NewRecord {
        let resolves = header(RESOLVES, letter.place.offset.to_string());
        self.note(letter, vec![resolves, header(RESOLUTION, resolution.as_str())], None)
    }

    /// A record about a letter, next to it.
    fn note(&self, letter: &DeadLetter, mut headers: Vec<Header>, value: Option<Bytes>) -> NewRecord {
        headers.push(header(BY, self.by.clone()));
        let (topic, partition) = (Arc::clone(&self.topic), Some(letter.place.partition.partition));
        NewRecord { topic, partition, key: letter.key.clone(), value, headers }
    }

    fn commit(&mut self, place: &Place, records: Vec<NewRecord>) -> Result<(), DeadLetterError> {
        let deadline = Instant::now() + COMMIT_WITHIN;
        self.producer.begin().map_err(|error| self.refused(error))?;
        let mut outcome = records.into_iter().try_for_each(|record| self.producer.send(record));
        let is_sent = outcome.is_ok();
        if is_sent {
            outcome = self.producer.commit();
        }
        while is_sent && matches!(outcome, Err(LogError::Unavailable(_))) && Instant::now() < deadline {
            std::thread::sleep(COMMIT_AGAIN);
            outcome = self.producer.commit();
        }
        match outcome {
            Err(error @ LogError::Unavailable(_)) if is_sent => Err(DeadLetterError::Unknown(place.clone(), error)),
            Err(error) => {
                // One that cannot be aborted is, by the next who begins.
                drop(self.producer.abort());
                Err(self.refused(error))
            }
            Ok(()) => Ok(()),
        }
    }

    fn refused(&self, error: LogError) -> DeadLetterError {
        match error {
            LogError::Fenced(_) => DeadLetterError::Overtaken(self.topic.to_string()),
            error => error.into(),
        }
    }
}

fn header(name: &'static str, value: impl Into<Bytes>) -> Header {
    Header { name: name.into(), value: value.into() }
}
