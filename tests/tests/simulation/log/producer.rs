//! Producers, with and without transactions.

use std::time::Duration;

use gavel_log::{
    ConsumedOffset, Delivery, GroupMetadata, LogError, NewRecord, Producer, RECORD_BYTES_MAX, Result, TopicPartition,
    TransactionalProducer,
};

use super::SimulatedLog;
use super::group::Membership;
use crate::mark::Mark;

pub(super) struct SimulatedProducer {
    pub(super) log: SimulatedLog,
    pub(super) number: u64,
}

impl Producer for SimulatedProducer {
    fn send(&self, record: NewRecord) -> Delivery {
        self.log.broker().send(self.log.client, self.number, record)
    }

    fn flush(&self, _: Duration) -> Result<()> {
        Ok(())
    }
}

pub(super) struct SimulatedTransactions {
    pub(super) log: SimulatedLog,
    pub(super) id: String,
    pub(super) epoch: u64,
}

impl TransactionalProducer for SimulatedTransactions {
    fn begin(&mut self) -> Result<()> {
        self.log.call(|broker| broker.begin(&self.id, self.epoch))
    }

    fn send(&mut self, record: NewRecord) -> Result<()> {
        let size_bytes = record.size_bytes();
        if size_bytes > RECORD_BYTES_MAX {
            return Err(LogError::RecordTooLarge { size_bytes, limit_bytes: RECORD_BYTES_MAX });
        }
        self.log.call(|broker| {
            let to = broker.place(&record)?;
            broker.reach(&to)?;
            if broker.strikes(Mark::Aborted) {
                return Err(LogError::TransactionAborted("a fault of the simulation".into()));
            }
            broker.append_open(&self.id, self.epoch, &to, record)
        })
    }

    fn send_offsets(&mut self, offsets: &[ConsumedOffset], group: &GroupMetadata) -> Result<()> {
        let proof: &Membership = group.proof().ok_or_else(|| LogError::Misuse("a proof of another log".into()))?;
        self.log.call(|broker| broker.send_offsets(&self.id, self.epoch, offsets, proof))
    }

    fn commit(&mut self) -> Result<()> {
        let mut broker = self.log.enter()?;
        let outcome = broker.commit(&self.id, self.epoch);
        if broker.is_dead(self.log.client) { Err(LogError::Unavailable("the process is dead".into())) } else { outcome }
    }

    fn committed_end(&self, partition: &TopicPartition) -> Option<u64> {
        self.log.broker().committed_end(&self.id, self.epoch, partition)
    }

    fn abort(&mut self) -> Result<()> {
        self.log.call(|broker| broker.abort(&self.id, self.epoch))
    }
}
