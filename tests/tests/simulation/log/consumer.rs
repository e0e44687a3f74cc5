//! Consumers: what they read, and what their group tells them.

use std::collections::BTreeMap;
use std::time::Duration;

use gavel_log::{
    ConsumedOffset, Consumer, GroupConfig, GroupEvent, GroupMetadata, LogError, Record, Result, Start, TopicPartition,
};

use super::SimulatedLog;
use super::broker::Broker;
use super::group::{Joining, MemberId, Membership, News};
use crate::mark::Mark;

pub(super) struct SimulatedConsumer {
    log: SimulatedLog,
    readings: BTreeMap<TopicPartition, Reading>,
    group: Option<Joined>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    position: u64,
    is_paused: bool,
}

struct Joined {
    config: GroupConfig,
    topics: Vec<(String, u32)>,
    member: Option<MemberId>,
}

impl SimulatedConsumer {
    pub(super) fn new(log: SimulatedLog, group: Option<&GroupConfig>) -> Self {
        let group = group.map(|config| Joined { config: config.clone(), topics: Vec::new(), member: None });
        Self { log, readings: BTreeMap::new(), group }
    }

    fn reading(&mut self, partition: &TopicPartition) -> Result<&mut Reading> {
        self.readings.get_mut(partition).ok_or_else(|| unassigned(partition))
    }

    /// What the group has to say.
    fn coordinate(&mut self, broker: &mut Broker) -> Result<Option<GroupEvent>> {
        let Some(joined) = &mut self.group else { return Ok(None) };
        let Some(id) = joined.member else { return Ok(None) };
        if broker.reach_coordinator(&joined.config.group).is_err() {
            return Ok(None);
        }
        let now_ms = broker.time.now_ms();
        let group = broker.groups.entry(joined.config.group.clone()).or_default();
        match group.poll(id, joined.instance(), now_ms)? {
            News::None => Ok(None),
            News::Event(event) => {
                self.readings.clear();
                if let GroupEvent::Assigned(partitions) = &event {
                    let begin = |partition: &TopicPartition| {
                        let position = group.committed.get(partition).copied().unwrap_or(0);
                        (partition.clone(), Reading { position, is_paused: false })
                    };
                    self.readings = partitions.iter().map(begin).collect();
                }
                let (GroupEvent::Assigned(partitions) | GroupEvent::Revoked(partitions)) = &event;
                // The runtime names its member and its transactions alike.
                if broker.is_open(joined.instance()) {
                    Mark::MovedInUnit.hit();
                }
                broker.tell(&(id, partitions), || format!("{} member {id}: {event:?}", joined.instance()));
                Ok(Some(event))
            }
            News::Expired => {
                joined.join(broker);
                let lost: Vec<TopicPartition> = std::mem::take(&mut self.readings).into_keys().collect();
                Ok((!lost.is_empty()).then_some(GroupEvent::Revoked(lost)))
            }
        }
    }

    fn read(&mut self, broker: &mut Broker, records: &mut Vec<Record>, max_records: usize) {
        let is_slow = broker.strikes(Mark::ReaderSlow);
        let limit = if broker.strikes(Mark::ReaderInPieces) { max_records.min(2) } else { max_records };
        let mut left = if is_slow { 0 } else { limit };
        let first = broker.random.below(self.readings.len());
        let mut readings: Vec<_> = self.readings.iter_mut().collect();
        readings.rotate_left(first);
        for (partition, reading) in readings {
            if reading.is_paused || broker.reach(partition).is_err() {
                continue;
            }
            let Ok(found) = broker.partition(partition) else { continue };
            while left > 0 {
                match found.next(reading.position) {
                    Ok(record) => {
                        records.push(record.clone());
                        reading.position = record.offset + 1;
                        left -= 1;
                    }
                    Err(end) => {
                        reading.position = end;
                        break;
                    }
                }
            }
        }
    }

    fn membership(&self) -> Result<Membership> {
        let joined = self.group.as_ref().ok_or_else(no_group)?;
        let id = joined.member.ok_or_else(no_group)?;
        let mut broker = self.log.broker();
        Ok(broker.groups.entry(joined.config.group.clone()).or_default().membership(&joined.config.group, id))
    }
}

impl Joined {
    fn instance(&self) -> &str {
        self.config.instance.as_deref().unwrap_or_default()
    }

    fn join(&mut self, broker: &mut Broker) {
        let id = broker.next_number();
        self.member = Some(id);
        let who = Joining {
            instance: self.instance().into(),
            topics: self.topics.clone(),
            session_ms: self.config.session_timeout.as_millis() as i64,
        };
        let now_ms = broker.time.now_ms();
        broker.groups.entry(self.config.group.clone()).or_default().join(id, who, now_ms);
    }
}

impl Consumer for SimulatedConsumer {
    fn subscribe(&mut self, topics: &[&str]) -> Result<()> {
        let joined = self.group.as_mut().ok_or_else(no_group)?;
        self.log.call(|broker| {
            let found = topics.iter().map(|topic| Ok(((*topic).to_owned(), broker.spec(topic)?.partitions)));
            joined.topics = found.collect::<Result<_>>()?;
            joined.join(broker);
            Ok(())
        })
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<()> {
        let broker = self.log.enter()?;
        let begin = |(partition, start): &(TopicPartition, Start)| {
            let position = match *start {
                Start::Earliest => 0,
                Start::Offset(offset) => offset,
                Start::Latest => broker.partition(partition)?.stable_end(),
            };
            Ok((partition.clone(), Reading { position, is_paused: false }))
        };
        self.readings = partitions.iter().map(begin).collect::<Result<_>>()?;
        Ok(())
    }

    fn poll(&mut self, records: &mut Vec<Record>, max_records: usize, _: Duration) -> Result<Vec<GroupEvent>> {
        let log = self.log.clone();
        let mut broker = log.enter()?;
        let event = self.coordinate(&mut broker)?;
        if event.is_none() {
            self.read(&mut broker, records, max_records);
        }
        Ok(event.into_iter().collect())
    }

    fn position(&self, partition: &TopicPartition) -> Result<u64> {
        drop(self.log.enter()?);
        self.readings.get(partition).map(|reading| reading.position).ok_or_else(|| unassigned(partition))
    }

    fn seek(&mut self, partition: &TopicPartition, start: Start) -> Result<()> {
        self.log.call(|_| Ok(()))?;
        let position = match start {
            Start::Earliest => 0,
            Start::Offset(offset) => offset,
            Start::Latest => self.log.broker().partition(partition)?.stable_end(),
        };
        self.reading(partition)?.position = position;
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        partitions.iter().try_for_each(|partition| self.reading(partition).map(|reading| reading.is_paused = true))
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        partitions.iter().try_for_each(|partition| self.reading(partition).map(|reading| reading.is_paused = false))
    }

    fn group_metadata(&self) -> Result<GroupMetadata> {
        Ok(GroupMetadata::new(self.membership()?))
    }

    fn leave(self: Box<Self>) {
        let Some((joined, id)) = self.group.as_ref().and_then(|joined| Some((joined, joined.member?))) else { return };
        let left = self.log.call(|broker| {
            broker.groups.entry(joined.config.group.clone()).or_default().leave(id);
            Ok(())
        });
        // Where the log cannot be told, it is as if it was dropped.
        left.unwrap_or_default();
    }

    fn commit(&mut self, offsets: &[ConsumedOffset]) -> Result<()> {
        let proof = self.membership()?;
        self.log.call(|broker| {
            let group = broker.groups.entry(proof.group.clone()).or_default();
            group.check(&proof)?;
            let committed = offsets.iter().map(|offset| (offset.partition.clone(), offset.next));
            group.committed.extend(committed);
            Ok(())
        })
    }
}

fn no_group() -> LogError {
    LogError::Misuse("this consumer is in no group".into())
}

fn unassigned(partition: &TopicPartition) -> LogError {
    LogError::Misuse(format!("{partition} is not assigned to this consumer"))
}
