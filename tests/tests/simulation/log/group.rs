//! A group: who is in it, which partitions are whose, and how far it has read. As Kafka's: a rebalance takes from all, and
//! gives once all have let go; who is silent for too long is given up; a static member comes back to what it had.

use std::collections::{BTreeMap, BTreeSet};

use gavel_log::{GroupEvent, LogError, Result, TopicPartition};

use super::partition::TransactionId;
use crate::mark::Mark;

/// The number of a member. One that joins again is another.
pub(super) type MemberId = u64;

/// What proves membership: the member and its generation.
#[derive(Debug, Clone)]
pub(super) struct Membership {
    pub(super) group: String,
    pub(super) member: MemberId,
    pub(super) generation: Option<u64>,
}

/// What a member says when it joins.
#[derive(Debug, Clone)]
pub(super) struct Joining {
    pub(super) instance: String,
    /// With their numbers of partitions.
    pub(super) topics: Vec<(String, u32)>,
    pub(super) session_ms: i64,
}

#[derive(Debug)]
struct Member {
    who: Joining,
    seen_ms: i64,
    owned: Vec<TopicPartition>,
    generation: Option<u64>,
    duty: Duty,
}

/// What a member is to be told, or to do.
#[derive(Debug, PartialEq, Eq)]
enum Duty {
    /// Nothing.
    Work,
    /// To hear that its partitions are taken.
    Revoke,
    /// To poll once more, by which it lets go.
    LetGo,
    /// To wait for the others.
    Wait,
    /// To hear what is its own.
    Take(Vec<TopicPartition>),
}

/// What a poll tells.
pub(super) enum News {
    None,
    Event(GroupEvent),
    /// It was given up, and may join again.
    Expired,
}

#[derive(Debug, Default)]
pub(super) struct Group {
    members: BTreeMap<MemberId, Member>,
    generation: u64,
    is_rebalancing: bool,
    pub(super) committed: BTreeMap<TopicPartition, u64>,
    /// Partitions whose offsets are part of a transaction that has not ended.
    pub(super) pending: BTreeMap<TransactionId, BTreeSet<TopicPartition>>,
    /// Who had each partition last.
    owners: BTreeMap<TopicPartition, String>,
}

impl Group {
    pub(super) fn join(&mut self, id: MemberId, who: Joining, now_ms: i64) {
        let mut joined = Member { who, seen_ms: now_ms, owned: Vec::new(), generation: None, duty: Duty::Wait };
        let same = self.members.iter().find(|(_, member)| member.who.instance == joined.who.instance);
        let old = same.map(|(id, _)| *id).and_then(|id| self.members.remove(&id));
        match old {
            Some(old) if !self.is_rebalancing => {
                joined.duty = match old.duty {
                    Duty::Take(partitions) => Duty::Take(partitions),
                    _ => Duty::Take(old.owned),
                };
                self.members.insert(id, joined);
            }
            _ => {
                self.members.insert(id, joined);
                self.rebalance();
            }
        }
    }

    /// Removes a member at once. One that only closes is silent.
    pub(super) fn leave(&mut self, id: MemberId) {
        if self.members.remove(&id).is_some() {
            self.rebalance();
        }
    }

    pub(super) fn poll(&mut self, id: MemberId, instance: &str, now_ms: i64) -> Result<News> {
        self.expire(now_ms);
        let Some(member) = self.members.get_mut(&id) else {
            let is_taken = self.members.values().any(|member| member.who.instance == instance);
            return if is_taken { Err(fenced("another has its instance id")) } else { Ok(News::Expired) };
        };
        member.seen_ms = now_ms;
        if member.duty == Duty::LetGo {
            (member.duty, member.generation) = (Duty::Wait, None);
            self.complete();
        }
        Ok(self.tell(id))
    }

    fn tell(&mut self, id: MemberId) -> News {
        let Some(member) = self.members.get_mut(&id) else { return News::None };
        match std::mem::replace(&mut member.duty, Duty::Work) {
            Duty::Revoke => {
                member.duty = Duty::LetGo;
                News::Event(GroupEvent::Revoked(std::mem::take(&mut member.owned)))
            }
            Duty::Take(partitions) => {
                member.generation = Some(self.generation);
                member.owned.clone_from(&partitions);
                for partition in &partitions {
                    let before = self.owners.insert(partition.clone(), member.who.instance.clone());
                    if before.is_some_and(|before| before != member.who.instance) {
                        Mark::Moved.hit();
                    }
                }
                News::Event(GroupEvent::Assigned(partitions))
            }
            unchanged => {
                member.duty = unchanged;
                News::None
            }
        }
    }

    /// Gives up who is silent for too long.
    pub(super) fn expire(&mut self, now_ms: i64) {
        let before = self.members.len();
        self.members.retain(|_, member| now_ms < member.seen_ms + member.who.session_ms);
        if self.members.len() < before {
            Mark::MemberExpired.hit();
            self.rebalance();
        }
    }

    pub(super) fn membership(&self, group: &str, id: MemberId) -> Membership {
        let generation = self.members.get(&id).and_then(|member| member.generation);
        Membership { group: group.into(), member: id, generation }
    }

    pub(super) fn check(&self, proof: &Membership) -> Result<()> {
        let member = self.members.get(&proof.member);
        let is_valid = proof.generation.is_some() && member.is_some_and(|member| member.generation == proof.generation);
        if is_valid { Ok(()) } else { Err(fenced("the group has moved on")) }
    }

    /// What is committed; not told while a transaction may change it.
    pub(super) fn committed(&self, partitions: &[TopicPartition]) -> Result<Vec<Option<u64>>> {
        if !self.pending_on(partitions).is_empty() {
            Mark::OffsetsPending.hit();
            return Err(LogError::Unavailable("offsets are pending".into()));
        }
        Ok(partitions.iter().map(|partition| self.committed.get(partition).copied()).collect())
    }

    /// The transactions that these partitions' offsets wait for.
    pub(super) fn pending_on(&self, partitions: &[TopicPartition]) -> BTreeSet<TransactionId> {
        let waits = |pending: &BTreeSet<TopicPartition>| partitions.iter().any(|partition| pending.contains(partition));
        self.pending.iter().filter(|(_, pending)| waits(pending)).map(|(id, _)| *id).collect()
    }

    /// Nobody has been here for long: what was committed is dropped.
    pub(super) fn forget(&mut self) {
        if self.members.is_empty() && self.pending.is_empty() {
            self.committed.clear();
        }
    }

    fn rebalance(&mut self) {
        self.is_rebalancing = true;
        for member in self.members.values_mut() {
            member.duty = match std::mem::replace(&mut member.duty, Duty::Wait) {
                Duty::Work | Duty::Revoke if !member.owned.is_empty() => Duty::Revoke,
                Duty::LetGo => Duty::LetGo,
                _ => {
                    member.generation = None;
                    Duty::Wait
                }
            };
        }
        self.complete();
    }

    /// Hands out the partitions once all have let go: topic by topic, in the order of names, the first ones one more.
    fn complete(&mut self) {
        if !self.is_rebalancing || self.members.values().any(|member| member.duty != Duty::Wait) {
            return;
        }
        self.is_rebalancing = false;
        self.generation += 1;
        let mut order: Vec<(String, MemberId)> =
            self.members.iter().map(|(id, member)| (member.who.instance.clone(), *id)).collect();
        order.sort();
        let count = order.len() as u32;
        let mut next: BTreeMap<String, u32> = BTreeMap::new();
        for (index, (_, id)) in order.into_iter().enumerate() {
            let Some(member) = self.members.get_mut(&id) else { continue };
            let mut share = Vec::new();
            for (topic, partitions) in &member.who.topics {
                let next = next.entry(topic.clone()).or_default();
                let size = partitions / count + u32::from((index as u32) < partitions % count);
                share.extend((*next..*next + size).map(|number| TopicPartition::new(topic.as_str(), number)));
                *next += size;
            }
            member.duty = Duty::Take(share);
        }
    }
}

pub(super) fn fenced(why: &str) -> LogError {
    Mark::Fenced.hit();
    LogError::Fenced(why.into())
}
