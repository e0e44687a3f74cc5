//! Transactions: one owner of each id, and what it has in hand.

use std::collections::BTreeMap;

use gavel_log::{ConsumedOffset, LogError, NewRecord, Result, TopicPartition};

use super::broker::Broker;
use super::group::{Membership, fenced};
use super::partition::TransactionId;
use crate::mark::Mark;

/// All that is known of one transactional id.
#[derive(Debug, Default)]
pub(super) struct Owner {
    pub(super) epoch: u64,
    open: Option<Open>,
    ending: Option<Ending>,
    /// Its last commit is decided, and it has not been told.
    is_untold: bool,
    /// Where that ended in each partition.
    committed_ends: BTreeMap<TopicPartition, u64>,
}

/// A transaction that is not decided.
#[derive(Debug)]
struct Open {
    id: TransactionId,
    since_ms: i64,
    /// With the offset after its last record in each.
    ends: BTreeMap<TopicPartition, u64>,
    offsets: Vec<(String, ConsumedOffset)>,
}

/// A transaction that is decided; its partitions do not all know it yet.
#[derive(Debug)]
struct Ending {
    id: TransactionId,
    partitions: Vec<TopicPartition>,
    offsets: Vec<(String, ConsumedOffset)>,
}

impl Broker {
    /// A new owner of an id. What the old one left open is aborted, what it decided is ended.
    pub(super) fn take_ownership(&mut self, id: &str) -> u64 {
        self.finish_ending(id);
        self.end_open(id, false);
        let owner = self.owners.entry(id.into()).or_default();
        owner.epoch += 1;
        owner.is_untold = false;
        owner.epoch
    }

    /// Whether an id has a transaction in hand.
    pub(super) fn is_open(&self, id: &str) -> bool {
        self.owners.get(id).is_some_and(|owner| owner.open.is_some())
    }

    pub(super) fn begin(&mut self, id: &str, epoch: u64) -> Result<()> {
        self.reach_coordinator(id)?;
        self.owner(id, epoch)?;
        self.finish_ending(id);
        let (number, since_ms) = (self.next_number(), self.time.now_ms());
        let owner = self.owner(id, epoch)?;
        if owner.open.is_some() {
            return Err(LogError::Misuse("a transaction is open already".into()));
        }
        owner.is_untold = false;
        owner.open = Some(Open { id: number, since_ms, ends: BTreeMap::new(), offsets: Vec::new() });
        Ok(())
    }

    /// Appends a record to the open transaction.
    pub(super) fn append_open(&mut self, id: &str, epoch: u64, to: &TopicPartition, record: NewRecord) -> Result<()> {
        let number = self.owner(id, epoch)?.open.as_ref().ok_or_else(none_open)?.id;
        let appended = self.append(record, to, Some(number))?;
        if let Some(open) = &mut self.owner(id, epoch)?.open {
            open.ends.insert(to.clone(), appended.offset + 1);
        }
        Ok(())
    }

    /// Where the last commit ended in a partition, on a log that tells it.
    pub(super) fn committed_end(&self, id: &str, epoch: u64, partition: &TopicPartition) -> Option<u64> {
        let owner = self.owners.get(id).filter(|owner| self.tells_ends && owner.epoch == epoch)?;
        owner.committed_ends.get(partition).copied()
    }

    pub(super) fn send_offsets(
        &mut self,
        id: &str,
        epoch: u64,
        offsets: &[ConsumedOffset],
        proof: &Membership,
    ) -> Result<()> {
        self.reach_coordinator(&proof.group)?;
        self.owner(id, epoch)?;
        let now_ms = self.time.now_ms();
        let group = self.groups.entry(proof.group.clone()).or_default();
        group.expire(now_ms);
        group.check(proof)?;
        let open = self.owner(id, epoch)?.open.as_mut().ok_or_else(none_open)?;
        if !open.offsets.is_empty() {
            Mark::Prolonged.hit();
        }
        open.offsets.extend(offsets.iter().map(|offset| (proof.group.clone(), offset.clone())));
        let number = open.id;
        let pending = self.groups.entry(proof.group.clone()).or_default().pending.entry(number).or_default();
        pending.extend(offsets.iter().map(|offset| offset.partition.clone()));
        Ok(())
    }

    /// Decides it. The answer may be lost: asked again, it is told.
    pub(super) fn commit(&mut self, id: &str, epoch: u64) -> Result<()> {
        self.reach_coordinator(id)?;
        let owner = self.owner(id, epoch)?;
        if owner.open.is_none() && std::mem::take(&mut owner.is_untold) {
            return Ok(());
        }
        if owner.open.is_none() {
            return Err(none_open());
        }
        if self.strikes(Mark::Aborted) {
            return Err(LogError::TransactionAborted("a fault of the simulation".into()));
        }
        self.end_open(id, true);
        if self.strikes(Mark::CommitLost) {
            self.owner(id, epoch)?.is_untold = true;
            return Err(LogError::Unavailable("the answer to a commit is lost".into()));
        }
        Ok(())
    }

    pub(super) fn abort(&mut self, id: &str, epoch: u64) -> Result<()> {
        self.reach_coordinator(id)?;
        if self.owner(id, epoch)?.open.is_none() {
            return Err(none_open());
        }
        self.end_open(id, false);
        Ok(())
    }

    /// Fences the former owners of these partitions, and ends what they left open.
    pub(super) fn end_pending(&mut self, group: &str, partitions: &[TopicPartition]) {
        let pending = self.groups.get(group).map(|group| group.pending_on(partitions)).unwrap_or_default();
        let is_theirs = |owner: &Owner| {
            owner.open.as_ref().is_some_and(|open| pending.contains(&open.id))
                || owner.ending.as_ref().is_some_and(|ending| pending.contains(&ending.id))
        };
        let ids: Vec<String> =
            self.owners.iter().filter(|(_, owner)| is_theirs(owner)).map(|(id, _)| id.clone()).collect();
        for id in &ids {
            self.take_ownership(id);
        }
    }

    fn owner(&mut self, id: &str, epoch: u64) -> Result<&mut Owner> {
        match self.owners.get_mut(id) {
            Some(owner) if owner.epoch == epoch => Ok(owner),
            _ => Err(fenced("a newer producer has this id")),
        }
    }

    fn end_open(&mut self, id: &str, is_committed: bool) {
        let Some(Open { id: number, ends, offsets, .. }) = self.owners.get_mut(id).and_then(|owner| owner.open.take())
        else {
            return;
        };
        self.tell(&(number, is_committed), || format!("{id}: transaction {number}, committed: {is_committed}"));
        let mut ending = Ending { id: number, partitions: ends.keys().cloned().collect(), offsets };
        if let Some(owner) = self.owners.get_mut(id).filter(|_| is_committed) {
            owner.committed_ends = ends;
        }
        if is_committed && self.strikes(Mark::MarkersDelayed) {
            if let Some(owner) = self.owners.get_mut(id) {
                owner.ending = Some(ending);
            }
            return;
        }
        while self.end_next(&mut ending, is_committed) {}
    }

    /// Has one more partition, or the group, know of the end. False once all do.
    fn end_next(&mut self, ending: &mut Ending, is_committed: bool) -> bool {
        if !ending.partitions.is_empty() {
            let index = self.random.below(ending.partitions.len());
            let partition = ending.partitions.swap_remove(index);
            if let Ok(partition) = self.partition_mut(&partition) {
                partition.end_transaction(ending.id, is_committed);
            }
            return true;
        }
        for (group, offset) in ending.offsets.drain(..).filter(|_| is_committed) {
            self.groups.entry(group).or_default().committed.insert(offset.partition, offset.next);
        }
        self.groups.values_mut().for_each(|group| drop(group.pending.remove(&ending.id)));
        false
    }

    fn finish_ending(&mut self, id: &str) {
        if let Some(mut ending) = self.owners.get_mut(id).and_then(|owner| owner.ending.take()) {
            while self.end_next(&mut ending, true) {}
        }
    }

    /// Lets the ends of decided transactions come a little further, and gives up those that take too long.
    pub(super) fn advance_transactions(&mut self) {
        let now_ms = self.time.now_ms();
        let ids: Vec<String> = self.owners.keys().cloned().collect();
        for id in ids {
            if self.random.chance(700)
                && let Some(mut ending) = self.owners.get_mut(&id).and_then(|owner| owner.ending.take())
                && self.end_next(&mut ending, true)
                && let Some(owner) = self.owners.get_mut(&id)
            {
                owner.ending = Some(ending);
            }
            let timeout_ms = self.transaction_timeout_ms;
            let is_late = |open: &Open| now_ms - open.since_ms > timeout_ms;
            if self.owners.get(&id).and_then(|owner| owner.open.as_ref()).is_some_and(is_late) {
                Mark::TransactionTimedOut.hit();
                self.take_ownership(&id);
            }
        }
    }
}

fn none_open() -> LogError {
    LogError::Misuse("no transaction is open".into())
}
