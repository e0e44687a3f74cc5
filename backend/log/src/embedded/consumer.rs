//! The consumer: positions, the poll loop, and its part in a group. Waiting is on a condition variable that the writer
//! and the coordinator ring; the hot tail is read from memory, older chunks from the store, both outside the lock.

mod poll;

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Condvar, MutexGuard};
use std::time::{Duration, Instant};

use super::Handle;
use super::group::{Joining, MemberId, Membership, Step};
use super::reading::Reading;
use super::state::State;
use super::writer::{Append, Job, Reply};
use crate::port::{
    ConsumedOffset, Consumer, GroupConfig, GroupEvent, GroupMetadata, LogError, Record, Result, Start, TopicPartition,
};

/// A reader of committed records.
pub(super) struct EmbeddedConsumer {
    handle: Arc<Handle>,
    wake: Arc<Condvar>,
    readings: Vec<Reading>,
    /// Which partition is served first, so that none starves.
    turn: usize,
    group: Option<Joined>,
}

/// Its part in a group.
struct Joined {
    config: GroupConfig,
    name: Arc<str>,
    topics: BTreeMap<Arc<str>, u32>,
    member: Option<MemberId>,
}

impl EmbeddedConsumer {
    /// A consumer with nothing assigned yet.
    pub(super) fn new(handle: Arc<Handle>, group: Option<&GroupConfig>) -> Self {
        let group = group.map(|config| Joined {
            config: config.clone(),
            name: config.group.as_str().into(),
            topics: BTreeMap::new(),
            member: None,
        });
        Self { handle, wake: Arc::new(Condvar::new()), readings: Vec::new(), turn: 0, group }
    }

    fn reading(&mut self, partition: &TopicPartition) -> Result<&mut Reading> {
        let found = self.readings.iter_mut().find(|reading| reading.name == *partition);
        found.ok_or_else(|| unassigned(partition))
    }

    /// Replaces what is read; `begin` says where, under the lock.
    fn replace(&mut self, readings: Vec<Reading>, begin: impl Fn(&State, usize, &Reading) -> u64) {
        let handle = Arc::clone(&self.handle);
        let mut state = handle.core.state();
        self.unwatch(&mut state);
        for (index, mut reading) in readings.into_iter().enumerate() {
            reading.position = begin(&state, index, &reading);
            state.partitions.entry(reading.id).or_default().watchers.push(Arc::clone(&self.wake));
            self.readings.push(reading);
        }
    }

    fn unwatch(&mut self, state: &mut MutexGuard<'_, State>) {
        for reading in self.readings.drain(..) {
            if let Some(partition) = state.partitions.get_mut(&reading.id) {
                partition.watchers.retain(|watcher| !Arc::ptr_eq(watcher, &self.wake));
            }
        }
    }

    fn join(&mut self) {
        let Some(group) = &mut self.group else { return };
        let id = self.handle.core.next_number();
        let joining = Joining {
            instance: group.config.instance.clone(),
            topics: group.topics.clone(),
            session_timeout: group.config.session_timeout,
            wake: Arc::clone(&self.wake),
        };
        let mut state = self.handle.core.state();
        let members = state.groups.entry(Arc::clone(&group.name)).or_default();
        if let Some(old) = group.member.replace(id).filter(|_| group.config.instance.is_none()) {
            members.leave(old);
        }
        members.join(id, joining, Instant::now());
    }

    /// One look at the group: an event to pass on, if there is one.
    fn coordinate(&mut self) -> Result<Option<GroupEvent>> {
        let Some((name, id, instance)) = self
            .group
            .as_ref()
            .and_then(|group| Some((Arc::clone(&group.name), group.member?, group.config.instance.clone())))
        else {
            return Ok(None);
        };
        let step = {
            let mut state = self.handle.core.state();
            state.groups.entry(Arc::clone(&name)).or_default().poll(id, instance.as_deref(), Instant::now())
        };
        match step {
            Step::Nothing => Ok(None),
            Step::Fenced => Err(LogError::Fenced(format!("another member of group {name} has this instance id"))),
            Step::Revoked(partitions) => {
                self.replace(Vec::new(), |_, _, _| 0);
                Ok(Some(GroupEvent::Revoked(partitions)))
            }
            Step::Assigned(partitions) => {
                let found: Result<_> = partitions.iter().map(|name| Reading::new(&self.handle.core, name)).collect();
                self.replace(found?, |state, _, reading| state.committed(&name, reading.id).unwrap_or_default());
                Ok(Some(GroupEvent::Assigned(partitions)))
            }
            Step::Expired => {
                let lost = self.readings.iter().map(|reading| reading.name.clone()).collect::<Vec<_>>();
                self.replace(Vec::new(), |_, _, _| 0);
                self.join();
                Ok((!lost.is_empty()).then_some(GroupEvent::Revoked(lost)))
            }
        }
    }

    fn membership(&self) -> Result<Membership> {
        let group = self.group.as_ref().ok_or_else(|| LogError::Misuse("this consumer is in no group".into()))?;
        let mut state = self.handle.core.state();
        let members = state.groups.entry(Arc::clone(&group.name)).or_default();
        Ok(match group.member {
            Some(id) => members.membership(Arc::clone(&group.name), id),
            None => Membership { group: Arc::clone(&group.name), member: None },
        })
    }
}

impl Consumer for EmbeddedConsumer {
    fn subscribe(&mut self, topics: &[&str]) -> Result<()> {
        let found: Result<BTreeMap<_, _>> = topics
            .iter()
            .map(|name| self.handle.core.topic(name).map(|topic| (Arc::clone(&topic.spec.name), topic.spec.partitions)))
            .collect();
        let group = self.group.as_mut().ok_or_else(|| LogError::Misuse("this consumer is in no group".into()))?;
        if group.member.is_some() {
            return Err(subscribed());
        }
        group.topics = found?;
        self.join();
        Ok(())
    }

    fn assign(&mut self, partitions: &[(TopicPartition, Start)]) -> Result<()> {
        if self.group.as_ref().is_some_and(|group| group.member.is_some()) {
            return Err(subscribed());
        }
        let found: Result<_> = partitions.iter().map(|(name, _)| Reading::new(&self.handle.core, name)).collect();
        self.replace(found?, |state, index, reading| state.resolve(reading.id, partitions[index].1));
        Ok(())
    }

    fn poll(&mut self, records: &mut Vec<Record>, max_records: usize, timeout: Duration) -> Result<Vec<GroupEvent>> {
        let now = Instant::now();
        let deadline = now.checked_add(timeout).unwrap_or(now + Duration::from_secs(86_400));
        let limit = records.len().saturating_add(max_records);
        let outcome = self.poll_until(records, limit, deadline);
        if let Some((name, id)) = self.group.as_ref().and_then(|group| Some((&group.name, group.member?))) {
            let mut state = self.handle.core.state();
            state.groups.entry(Arc::clone(name)).or_default().polled(id, Instant::now());
        }
        outcome
    }

    fn position(&self, partition: &TopicPartition) -> Result<u64> {
        let found = self.readings.iter().find(|reading| reading.name == *partition);
        found.map(|reading| reading.position).ok_or_else(|| unassigned(partition))
    }

    fn seek(&mut self, partition: &TopicPartition, start: Start) -> Result<()> {
        let handle = Arc::clone(&self.handle);
        let reading = self.reading(partition)?;
        reading.position = handle.core.state().resolve(reading.id, start);
        Ok(())
    }

    fn pause(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        partitions.iter().try_for_each(|partition| self.reading(partition).map(|reading| reading.paused = true))
    }

    fn resume(&mut self, partitions: &[TopicPartition]) -> Result<()> {
        partitions.iter().try_for_each(|partition| self.reading(partition).map(|reading| reading.paused = false))
    }

    fn group_metadata(&self) -> Result<GroupMetadata> {
        Ok(GroupMetadata::new(self.membership()?))
    }

    fn leave(self: Box<Self>) {
        let place = self.group.as_ref().and_then(|group| Some((Arc::clone(&group.name), group.member?)));
        if let Some((name, id)) = place {
            self.handle.core.state().groups.entry(name).or_default().leave(id);
        }
    }

    fn commit(&mut self, offsets: &[ConsumedOffset]) -> Result<()> {
        let membership = self.membership()?;
        let found: Result<Vec<_>> = offsets
            .iter()
            .map(|offset| Ok((membership.clone(), self.handle.core.partition(&offset.partition)?, offset.next)))
            .collect();
        let (waiter, done) = sync_channel(1);
        let append = Append { records: Vec::new(), offsets: found?, owner: None, reply: Reply::Commit(waiter) };
        self.handle.enqueue(Job::Append(append));
        done.recv().unwrap_or_else(|_| Err(LogError::Unavailable("the log was closed".into())))
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        let handle = Arc::clone(&self.handle);
        let mut state = handle.core.state();
        self.unwatch(&mut state);
        if let Some((name, id)) = self.group.as_ref().and_then(|group| Some((&group.name, group.member?))) {
            state.groups.entry(Arc::clone(name)).or_default().fall_silent(id, Instant::now());
        }
    }
}

fn subscribed() -> LogError {
    LogError::Misuse("this consumer has subscribed already".into())
}

fn unassigned(partition: &TopicPartition) -> LogError {
    LogError::Misuse(format!("{partition} is not assigned to this consumer"))
}
