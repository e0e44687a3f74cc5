//! The group coordinator: members, the two phases of a rebalance, fencing.
//!
//! A rebalance is eager. Phase one: every member that owns partitions gets `Revoked` from its poll, may still commit,
//! and gives them up by polling again. Phase two, once all have and no commit is in flight: a new generation, partitions
//! by `range`, `Assigned` from each member's next poll. So no partition ever has two owners, and a new owner sees every
//! offset the old one committed. Pure: the time is an argument.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar};
use std::time::{Duration, Instant};

use super::range;
use crate::port::{LogError, Result, TopicPartition};

/// A member's number, never used again in its log.
pub(super) type MemberId = u64;

/// Proof of membership: valid while the member is in that generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Membership {
    /// The group.
    pub(super) group: Arc<str>,
    /// The member and its generation; `None` for a reader that only commits.
    pub(super) member: Option<(MemberId, u64)>,
}

/// What a poll has to tell a member.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing new.
    Nothing,
    /// It has lost these.
    Revoked(Vec<TopicPartition>),
    /// It now owns these.
    Assigned(Vec<TopicPartition>),
    /// It was given up for silence, and may join again.
    Expired,
    /// Another member has its instance id.
    Fenced,
}

/// What a member says of itself when joining.
#[derive(Debug)]
pub(super) struct Joining {
    /// Static membership.
    pub(super) instance: Option<String>,
    /// The topics subscribed to, with their partition counts.
    pub(super) topics: BTreeMap<Arc<str>, u32>,
    /// How long it may be silent.
    pub(super) session_timeout: Duration,
    /// Rung when its poll has something to see.
    pub(super) wake: Arc<Condvar>,
}

#[derive(Debug)]
struct Member {
    who: Joining,
    seen: Instant,
    polling: bool,
    owned: Vec<TopicPartition>,
    generation: Option<u64>,
    duty: Duty,
}

/// Where a member stands in a rebalance.
#[derive(Debug, PartialEq, Eq)]
enum Duty {
    /// Nowhere: it works on what it owns.
    Work,
    /// It must be told that it lost its partitions.
    Revoke,
    /// It was told; its next poll gives them up.
    GiveUp,
    /// It owns nothing and waits for the others.
    Wait,
    /// It must be told what it owns now.
    Take(Vec<TopicPartition>),
}

/// A group.
#[derive(Debug, Default)]
pub(super) struct Group {
    members: BTreeMap<MemberId, Member>,
    generation: u64,
    rebalancing: bool,
    /// Commits checked but not yet visible; while there are any, nothing is handed out.
    commits_in_flight: usize,
}

impl Group {
    /// Adds a member. One with the instance id of another takes its place, and its partitions, at once.
    pub(super) fn join(&mut self, id: MemberId, who: Joining, now: Instant) {
        let mut joined =
            Member { who, seen: now, polling: false, owned: Vec::new(), generation: None, duty: Duty::Wait };
        let replaced = self
            .members
            .iter()
            .find(|(_, member)| member.who.instance.is_some() && member.who.instance == joined.who.instance);
        let replaced = replaced.map(|(id, _)| *id).and_then(|old| self.members.remove(&old));
        match replaced {
            Some(old) if old.who.topics == joined.who.topics && !self.rebalancing => {
                old.who.wake.notify_all();
                joined.duty = match old.duty {
                    Duty::Take(partitions) => Duty::Take(partitions),
                    _ => Duty::Take(old.owned),
                };
                self.members.insert(id, joined);
            }
            replaced => {
                if let Some(old) = replaced {
                    old.who.wake.notify_all();
                }
                self.members.insert(id, joined);
                self.rebalance();
            }
        }
    }

    /// A member is closed. A static one stays until its session times out, so that it can come back without a rebalance.
    pub(super) fn fall_silent(&mut self, id: MemberId, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else { return };
        if member.who.instance.is_some() {
            member.polling = false;
            member.seen = now;
        } else {
            self.leave(id);
        }
    }

    /// Removes a member.
    pub(super) fn leave(&mut self, id: MemberId) {
        if self.members.remove(&id).is_some() {
            self.rebalance();
        }
    }

    /// What a member that polls is to know. It lives as long as it polls.
    pub(super) fn poll(&mut self, id: MemberId, instance: Option<&str>, now: Instant) -> Step {
        self.expire(now);
        let Some(member) = self.members.get_mut(&id) else {
            let taken =
                instance.is_some() && self.members.values().any(|member| member.who.instance.as_deref() == instance);
            return if taken { Step::Fenced } else { Step::Expired };
        };
        member.polling = true;
        member.seen = now;
        if member.duty == Duty::GiveUp {
            member.duty = Duty::Wait;
            member.generation = None;
            self.complete();
        }
        self.tell(id)
    }

    fn tell(&mut self, id: MemberId) -> Step {
        let (generation, blocked) = (self.generation, self.commits_in_flight > 0);
        let Some(member) = self.members.get_mut(&id) else { return Step::Nothing };
        match std::mem::replace(&mut member.duty, Duty::Work) {
            Duty::Revoke => {
                member.duty = Duty::GiveUp;
                Step::Revoked(std::mem::take(&mut member.owned))
            }
            Duty::Take(partitions) if !blocked => {
                member.generation = Some(generation);
                member.owned.clone_from(&partitions);
                if partitions.is_empty() { Step::Nothing } else { Step::Assigned(partitions) }
            }
            unchanged => {
                member.duty = unchanged;
                Step::Nothing
            }
        }
    }

    /// Whether a poll would now tell the member something.
    pub(super) fn has_news(&self, id: MemberId) -> bool {
        match self.members.get(&id).map(|member| &member.duty) {
            None | Some(Duty::Revoke | Duty::GiveUp) => true,
            Some(Duty::Take(_)) => self.commits_in_flight == 0,
            Some(Duty::Work | Duty::Wait) => false,
        }
    }

    /// A member's poll has returned: from now on silence counts.
    pub(super) fn polled(&mut self, id: MemberId, now: Instant) {
        if let Some(member) = self.members.get_mut(&id) {
            member.polling = false;
            member.seen = now;
        }
    }

    /// When the next silent member is given up.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.members
            .values()
            .filter(|member| !member.polling)
            .map(|member| member.seen + member.who.session_timeout)
            .min()
    }

    fn expire(&mut self, now: Instant) {
        let before = self.members.len();
        self.members.retain(|_, member| member.polling || now < member.seen + member.who.session_timeout);
        if self.members.len() < before {
            self.rebalance();
        }
    }

    /// The proof that a member may commit.
    pub(super) fn membership(&self, group: Arc<str>, id: MemberId) -> Membership {
        let generation = self.members.get(&id).and_then(|member| member.generation);
        Membership { group, member: Some((id, generation.unwrap_or_default())) }
    }

    /// Checks a proof.
    pub(super) fn check(&self, membership: &Membership) -> Result<()> {
        let valid = match membership.member {
            Some((id, generation)) => self.members.get(&id).is_some_and(|member| member.generation == Some(generation)),
            None => self.members.is_empty(),
        };
        if valid {
            Ok(())
        } else {
            Err(LogError::Fenced(format!("group {} has moved on without this member", membership.group)))
        }
    }

    /// Checks a proof for a commit that now begins; [`commit_ended`](Self::commit_ended) must follow.
    pub(super) fn commit_begins(&mut self, membership: &Membership) -> Result<()> {
        self.check(membership)?;
        self.commits_in_flight += 1;
        Ok(())
    }

    /// The commit is visible, or failed.
    pub(super) fn commit_ended(&mut self) {
        self.commits_in_flight -= 1;
        if self.commits_in_flight == 0 {
            self.complete();
            self.wake_waiting();
        }
    }

    fn rebalance(&mut self) {
        self.rebalancing = true;
        for member in self.members.values_mut() {
            member.duty = match std::mem::replace(&mut member.duty, Duty::Wait) {
                Duty::Work if !member.owned.is_empty() => Duty::Revoke,
                Duty::Revoke => Duty::Revoke,
                Duty::GiveUp => Duty::GiveUp,
                Duty::Work | Duty::Wait | Duty::Take(_) => {
                    member.generation = None;
                    Duty::Wait
                }
            };
            member.who.wake.notify_all();
        }
        self.complete();
    }

    /// Ends a rebalance if all have given up what they owned.
    fn complete(&mut self) {
        let ready = self.members.values().all(|member| member.duty == Duty::Wait);
        if !self.rebalancing || !ready || self.commits_in_flight > 0 {
            return;
        }
        self.rebalancing = false;
        self.generation += 1;
        let names = |id: &MemberId, who: &Joining| (who.instance.clone(), *id);
        let subscriptions = self.members.iter().map(|(id, member)| (names(id, &member.who), member.who.topics.clone()));
        let mut assignment = range::assign(&subscriptions.collect());
        for (id, member) in &mut self.members {
            let partitions = assignment.remove(&names(id, &member.who)).unwrap_or_default();
            member.duty = Duty::Take(partitions);
            member.who.wake.notify_all();
        }
    }

    fn wake_waiting(&self) {
        for member in self.members.values().filter(|member| matches!(member.duty, Duty::Take(_) | Duty::Wait)) {
            member.who.wake.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
