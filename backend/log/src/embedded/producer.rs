//! The producers: they check, encode and place records on the caller's thread and hand them to the writer.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use tokio::sync::oneshot;

use super::Handle;
use super::group::Membership;
use super::state::PartitionId;
use super::writer::{Append, Job, Placed, Reply};
use crate::port::{
    ConsumedOffset, Delivery, GroupMetadata, LogError, NewRecord, Producer, Result, TransactionalProducer,
};

/// Appends single records.
pub(super) struct EmbeddedProducer {
    /// The log.
    pub(super) handle: Arc<Handle>,
}

impl Producer for EmbeddedProducer {
    fn send(&self, record: NewRecord) -> Delivery {
        let (waiter, delivery) = oneshot::channel();
        match self.handle.core.place(&record).and_then(|placed| self.handle.room_for(placed)) {
            Ok(placed) => self.handle.enqueue(Job::Append(Append {
                records: vec![placed],
                offsets: Vec::new(),
                owner: None,
                reply: Reply::Delivery(waiter),
            })),
            Err(error) => drop(waiter.send(Err(error))),
        }
        Delivery(delivery)
    }

    fn flush(&self, timeout: Duration) -> Result<()> {
        let (waiter, done) = sync_channel(1);
        self.handle.enqueue(Job::Barrier(waiter));
        match done.recv_timeout(timeout) {
            Ok(()) => Ok(()),
            Err(RecvTimeoutError::Timeout) => Err(LogError::Unavailable("the disk is too slow".into())),
            Err(RecvTimeoutError::Disconnected) => Err(LogError::Unavailable("the log was closed".into())),
        }
    }
}

/// Appends units of work. A transaction is kept in memory and reaches the log only when committed.
pub(super) struct EmbeddedTransactions {
    handle: Arc<Handle>,
    owner: (Arc<str>, u64),
    open: Option<Transaction>,
}

#[derive(Default)]
struct Transaction {
    records: Vec<Placed>,
    offsets: Vec<(Membership, PartitionId, u64)>,
}

impl EmbeddedTransactions {
    /// A producer that fences the older ones of its id. Theirs is decided when this returns.
    pub(super) fn new(handle: Arc<Handle>, transactional_id: &str) -> Result<Self> {
        let id: Arc<str> = transactional_id.into();
        let epoch = handle.core.next_number();
        handle.core.state().epochs.insert(Arc::clone(&id), epoch);
        let (waiter, done) = sync_channel(1);
        handle.enqueue(Job::Barrier(waiter));
        done.recv().map_err(|_| LogError::Unavailable("the log was closed".into()))?;
        Ok(Self { handle, owner: (id, epoch), open: None })
    }

    fn check_owner(&self) -> Result<()> {
        self.handle.core.state().check_owner(&self.owner.0, self.owner.1)
    }
}

impl TransactionalProducer for EmbeddedTransactions {
    fn begin(&mut self) -> Result<()> {
        self.check_owner()?;
        if self.open.is_some() {
            return Err(LogError::Misuse("a transaction is open already".into()));
        }
        self.open = Some(Transaction::default());
        Ok(())
    }

    fn send(&mut self, record: NewRecord) -> Result<()> {
        let open = self.open.as_mut().ok_or_else(none_open)?;
        open.records.push(self.handle.core.place(&record)?);
        Ok(())
    }

    fn send_offsets(&mut self, offsets: &[ConsumedOffset], group: &GroupMetadata) -> Result<()> {
        let open = self.open.as_mut().ok_or_else(none_open)?;
        let membership = membership(group)?;
        self.handle.core.check_membership(membership)?;
        for offset in offsets {
            let id = self.handle.core.partition(&offset.partition)?;
            open.offsets.push((membership.clone(), id, offset.next));
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<()> {
        let Transaction { records, offsets } = self.open.take().ok_or_else(none_open)?;
        let (waiter, done) = sync_channel(1);
        let owner = Some(self.owner.clone());
        self.handle.enqueue(Job::Append(Append { records, offsets, owner, reply: Reply::Commit(waiter) }));
        done.recv().unwrap_or_else(|_| Err(LogError::Unavailable("the log was closed".into())))
    }

    fn abort(&mut self) -> Result<()> {
        self.open.take().ok_or_else(none_open)?;
        self.check_owner()
    }
}

/// The embedded log's own proof of membership.
pub(super) fn membership(metadata: &GroupMetadata) -> Result<&Membership> {
    metadata.proof().ok_or_else(|| LogError::Misuse("this proof of membership is of another log".into()))
}

fn none_open() -> LogError {
    LogError::Misuse("no transaction is open".into())
}
