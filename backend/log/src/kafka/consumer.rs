//! The consumer: librdkafka's callbacks and single messages turned into batches and events in order.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};

use super::KafkaOptions;
use super::client::{
    Callbacks, ask_end, ask_ends, committed_of, consumed_list, known_offset, number, owned_list, partition_list,
    raw_offset,
};
use super::closing::Closing;
use super::departure;
use super::error::log_error;
use super::reader_config::reader_config;
use super::rebalances::Rebalances;
use super::record::{Reader, client_time};
use crate::port::{
    ConsumedOffset, Consumer, ErrorClass, GroupConfig, GroupEvent, GroupMetadata, LogError, Record, Result, Start,
    TopicPartition,
};

/// How often librdkafka is asked whether it has begun what it was told.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// For how long librdkafka's connections sleep where nothing is to be read.
const SLEEP: Duration = Duration::from_secs(1);

/// How long a seek waits for its assignment to begin. What holds it up longer may be a rebalance, which only a poll lets
/// through.
const SEEK_WITHIN: Duration = Duration::from_secs(1);

/// See [`Consumer`].
pub(super) struct KafkaConsumer {
    consumer: Closing,
    /// Asks for the ends of partitions. The consumer's own connection answers only once its fetch has, which waits.
    asker: Arc<BaseConsumer<Callbacks>>,
    has_group: bool,
    /// What a static member leaves by: brokers, group, name.
    place: Option<(String, String, String)>,
    is_subscribed: bool,
    timeout: Duration,
    paused: HashSet<TopicPartition>,
    /// This reader's partitions, and where each was begun if that was asked; until something is read, that is its
    /// position.
    begun: RefCell<HashMap<TopicPartition, Option<u64>>>,
    /// The next offset of each partition that was sought.
    sought: HashMap<TopicPartition, u64>,
    reader: Reader,
    /// What the next poll has to tell: it came together with records.
    failure: Option<LogError>,
    /// A topic with a record that cannot be read; nothing is read past it.
    unreadable: Option<Arc<str>>,
}

impl KafkaConsumer {
    pub(super) fn connect(
        bootstrap: &str,
        group: Option<&GroupConfig>,
        options: &KafkaOptions,
        asker: Arc<BaseConsumer<Callbacks>>,
    ) -> Result<Self> {
        let consumer = reader_config(bootstrap, group).create_with_context(Rebalances::default());
        Ok(Self {
            consumer: Closing::new(consumer.map_err(|error| log_error(&error, ""))?, group.is_some()),
            asker,
            has_group: group.is_some(),
            place: group.and_then(|group| Some((bootstrap.to_owned(), group.group.clone(), group.instance.clone()?))),
            is_subscribed: false,
            timeout: options.request_timeout,
            paused: HashSet::new(),
            begun: RefCell::default(),
            sought: HashMap::new(),
            reader: Reader::default(),
            failure: None,
            unreadable: None,
        })
    }

    /// The offset that a start means now, and for an unknown topic, an error. What retention has dropped is passed.
    fn resolve(&self, partition: &TopicPartition, start: Start) -> Result<u64> {
        let ask = |end| ask_end(&self.asker, partition, end, self.timeout);
        Ok(match start {
            Start::Offset(at) => at.max(ask(Offset::Beginning)?),
            Start::Earliest => ask(Offset::Beginning)?,
            Start::Latest => ask(Offset::End)?,
        })
    }

    /// Where reading of an assigned partition began: what the group has committed, else the first record.
    fn begin_of(&self, partition: &TopicPartition) -> Result<u64> {
        let list = partition_list(std::slice::from_ref(partition))?;
        let found = self.consumer.committed_offsets(list, self.timeout);
        let found = found.map_err(|error| log_error(&error, &partition.topic))?;
        let start = committed_of(&found, partition)?.map_or(Start::Earliest, Start::Offset);
        self.resolve(partition, start)
    }

    /// What librdkafka has handed out of a partition, if it has of this assignment.
    fn read_up_to(&self, partition: &TopicPartition) -> Result<Option<u64>> {
        let positions = self.consumer.position().map_err(|error| log_error(&error, &partition.topic))?;
        let position = positions.find_partition(&partition.topic, number(partition.partition)?);
        Ok(position.and_then(|element| known_offset(element.offset())))
    }

    /// Takes what has come. Also says what went wrong, if anything did. While brokers are away librdkafka tells it many times a
    /// second, and what it has to say besides, such as a rebalance, waits behind: all of that is heard at once.
    fn gather(&mut self, records: &mut Vec<Record>, limit: usize, timeout: Duration) -> Option<LogError> {
        let deadline = Instant::now() + timeout;
        let mut wait = timeout;
        let mut failure = None;
        while records.len() < limit {
            match self.consumer.poll(wait) {
                Some(Ok(message)) => {
                    let read = self.reader.read(&message);
                    if read.is_err() {
                        self.unreadable = Some(rdkafka::Message::topic(&message).into());
                    }
                    drop(message);
                    if let Err(error) = read.and_then(|record| self.admit(record, records)) {
                        return Some(error);
                    }
                    wait = Duration::ZERO;
                }
                // An end was reached: whoever waits for a position looks again.
                Some(Err(KafkaError::PartitionEOF(_))) => wait = Duration::ZERO,
                Some(Err(error)) => {
                    let error = self.consumption_error(&error);
                    if error.class() != ErrorClass::Retry {
                        return Some(error);
                    }
                    failure = Some(error);
                    wait = Duration::ZERO;
                }
                None if wait.is_zero() || !self.consumer.context().is_empty() => break,
                None => {
                    wait = deadline.saturating_duration_since(Instant::now());
                    if wait.is_zero() {
                        break;
                    }
                }
            }
        }
        failure
    }

    /// Takes a record, unless it is from before the place that was sought. Where a group has no offset, librdkafka asks
    /// for the first one in the background, and goes by the answer even if it was told another place meanwhile: then it
    /// is told again.
    fn admit(&mut self, record: Record, records: &mut Vec<Record>) -> Result<()> {
        if !self.sought.is_empty() {
            let partition = TopicPartition::new(Arc::clone(&record.topic), record.partition);
            match self.sought.get_mut(&partition) {
                // A new assignment, which the next event tells of, reads where it will.
                Some(next) if record.offset < *next && self.consumer.context().is_empty() => {
                    let next = *next;
                    return self.put(&partition, next);
                }
                Some(next) => *next = record.offset + 1,
                None => {}
            }
        }
        records.push(record);
        Ok(())
    }

    /// Has a partition read from an offset on.
    fn put(&mut self, partition: &TopicPartition, offset: u64) -> Result<()> {
        self.when_begun(partition, SEEK_WITHIN, || self.try_seek(partition, offset))?;
        self.begun.borrow_mut().insert(partition.clone(), Some(offset));
        self.sought.insert(partition.clone(), offset);
        Ok(())
    }

    /// What is resumed after all was paused does not wake librdkafka's connections; a question does. Its answer tells nothing.
    fn wake(&self, partitions: &[TopicPartition]) {
        drop(ask_ends(&self.consumer, partitions, Offset::End, SLEEP));
    }

    /// A consumer that librdkafka has given up yields one error, then nothing for ever: this is how it is told apart.
    fn fenced(&self) -> Option<LogError> {
        self.consumer.client().fatal_error().map(|(_, reason)| LogError::Fenced(reason))
    }

    fn consumption_error(&self, error: &KafkaError) -> LogError {
        self.fenced().unwrap_or_else(|| match error {
            KafkaError::MessageConsumption(Code::FencedInstanceId) => LogError::Fenced(error.to_string()),
            _ => log_error(error, ""),
        })
    }

    fn forget(&mut self, records: &mut Vec<Record>, from: usize, partitions: &[TopicPartition]) {
        self.begun.borrow_mut().retain(|partition, _| !partitions.contains(partition));
        self.sought.retain(|partition, _| !partitions.contains(partition));
        self.paused.retain(|partition| !partitions.contains(partition));
        let is_gone = |record: &Record| {
            partitions.iter().any(|gone| gone.partition == record.partition && gone.topic == record.topic)
        };
        let kept: Vec<Record> = records.drain(from..).filter(|record| !is_gone(record)).collect();
        records.extend(kept);
    }

    fn require_assigned(&self, partition: &TopicPartition) -> Result<()> {
        let is_assigned = self.begun.borrow().contains_key(partition);
        is_assigned.then_some(()).ok_or_else(|| LogError::Misuse(format!("{partition} is not assigned")))
    }

    /// Tries until librdkafka, which begins an assignment in the background, is ready for it.
    fn when_begun(
        &self,
        what: &TopicPartition,
        within: Duration,
        mut attempt: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        let deadline = Instant::now() + within;
        while !attempt()? {
            if Instant::now() > deadline {
                return Err(LogError::Unavailable(format!("reading of {what} does not begin")));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// False while the partition's assignment has not begun.
    fn try_seek(&self, partition: &TopicPartition, offset: u64) -> Result<bool> {
        let next = ConsumedOffset { partition: partition.clone(), next: offset };
        let failed = |error| log_error(&error, &partition.topic);
        let sought: KafkaResult<TopicPartitionList> =
            self.consumer.seek_partitions(consumed_list(&[next])?, self.timeout);
        match sought.map_err(failed)?.elements().iter().find_map(|element| element.error().err()) {
            None => Ok(true),
            Some(error) if matches!(error.rdkafka_error_code(), Some(Code::State | Code::PreviousInProgress)) => {
                Ok(false)
            }
            Some(error) => Err(failed(error)),
        }
    }
}

impl Consumer for KafkaConsumer {
    fn subscribe(&mut self, topics: &[&str]) -> Result<()> {
        if !self.has_group {
            return Err(LogError::Misuse("to subscribe takes a group".into()));
        }
        let metadata = self.consumer.fetch_metadata(None, self.timeout).map_err(|error| log_error(&error, ""))?;
        let missing = topics.iter().find(|topic| !metadata.topics().iter().any(|found| found.name() == **topic));
        if let Some(topic) = missing {
            return Err(LogError::UnknownTopic((*topic).to_owned()));
        }
        self.is_subscribed = true;
        self.consumer.subscribe(topics).map_err(|error| log_error(&error, ""))
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<()> {
        if self.is_subscribed {
            return Err(LogError::Misuse("a subscribed reader is not assigned by hand".into()));
        }
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        let mut begun = HashMap::with_capacity(partitions.len());
        for (partition, start) in partitions {
            let offset = self.resolve(partition, *start)?;
            list.add_partition_offset(&partition.topic, number(partition.partition)?, raw_offset(offset)?)
                .map_err(|error| log_error(&error, &partition.topic))?;
            begun.insert(partition.clone(), Some(offset));
        }
        self.consumer.assign(&list).map_err(|error| log_error(&error, ""))?;
        // A partition that is assigned again loses its old position only when librdkafka gets to it.
        for (partition, _) in partitions {
            self.when_begun(partition, self.timeout, || Ok(self.read_up_to(partition)?.is_none()))?;
        }
        self.begun = RefCell::new(begun);
        self.sought.clear();
        self.paused.clear();
        Ok(())
    }

    fn poll(&mut self, records: &mut Vec<Record>, max_records: usize, timeout: Duration) -> Result<Vec<GroupEvent>> {
        if let Some(topic) = &self.unreadable {
            return Err(client_time(topic));
        }
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        let from = records.len();
        let failure = self.gather(records, from.saturating_add(max_records), timeout);
        let events = self.consumer.context().take();
        for event in &events {
            match event {
                GroupEvent::Assigned(partitions) => {
                    let unasked = partitions.iter().map(|partition| (partition.clone(), None));
                    self.begun.borrow_mut().extend(unasked);
                    self.sought.retain(|partition, _| !partitions.contains(partition));
                    self.paused.retain(|partition| !partitions.contains(partition));
                }
                GroupEvent::Revoked(partitions) => self.forget(records, from, partitions),
            }
        }
        if records.len() > from || !events.is_empty() {
            self.failure = failure;
            return Ok(events);
        }
        failure.or_else(|| self.fenced()).map_or(Ok(events), Err)
    }

    fn position(&self, partition: &TopicPartition) -> Result<u64> {
        self.require_assigned(partition)?;
        if let Some(read) = self.read_up_to(partition)? {
            return Ok(read);
        }
        if let Some(begun) = self.begun.borrow().get(partition).copied().flatten() {
            return Ok(begun);
        }
        let begun = self.begin_of(partition)?;
        self.begun.borrow_mut().insert(partition.clone(), Some(begun));
        Ok(begun)
    }

    fn seek(&mut self, partition: &TopicPartition, start: Start) -> Result<()> {
        self.require_assigned(partition)?;
        let offset = self.resolve(partition, start)?;
        self.put(partition, offset)
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        partitions.iter().try_for_each(|partition| self.require_assigned(partition))?;
        self.consumer.pause(&partition_list(partitions)?).map_err(|error| log_error(&error, ""))?;
        self.paused.extend(partitions.iter().cloned());
        Ok(())
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        partitions.iter().try_for_each(|partition| self.require_assigned(partition))?;
        self.consumer.resume(&partition_list(partitions)?).map_err(|error| log_error(&error, ""))?;
        let was_idle = self.paused.len() == self.begun.borrow().len();
        self.paused.retain(|partition| !partitions.contains(partition));
        if was_idle {
            self.wake(partitions);
        }
        Ok(())
    }

    fn group_metadata(&self) -> Result<GroupMetadata> {
        let metadata = self.consumer.group_metadata().filter(|_| self.has_group);
        let metadata = metadata.ok_or_else(|| LogError::Misuse("this reader is in no group".into()))?;
        Ok(GroupMetadata::new(metadata))
    }

    fn leave(self: Box<Self>) {
        let Self { consumer, place, .. } = *self;
        // Its heartbeats must have ended, or it would join again.
        drop(consumer);
        if let Some((bootstrap, group, instance)) = place
            && let Err(error) = departure::leave(&bootstrap, &group, &instance)
        {
            tracing::warn!(%error, group, "the group was not told that this member is gone; it waits the session timeout");
        }
    }

    fn commit(&mut self, offsets: &[ConsumedOffset]) -> Result<()> {
        self.consumer.commit(&consumed_list(offsets)?, CommitMode::Sync).map_err(|error| self.consumption_error(&error))
    }

    fn claim(&mut self, offsets: &[ConsumedOffset], owner: &str) -> Result<()> {
        let list = owned_list(offsets, owner)?;
        self.consumer.commit(&list, CommitMode::Sync).map_err(|error| self.consumption_error(&error))
    }
}
