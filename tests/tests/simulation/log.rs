//! A log in memory that keeps every promise of the port and no other: it answers at once or not at all, and what can go
//! wrong does, as the seed draws it. It never waits: time passes when the simulation says so.

pub(crate) mod broker;
mod consumer;
mod group;
pub(crate) mod partition;
mod producer;
mod transaction;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gavel_log::{
    Consumer, Created, GroupConfig, Log, Producer, Result, TopicPartition, TopicSpec, TransactionalProducer, Watermarks,
};

use self::broker::{Broker, ClientId, Stall};
use self::consumer::SimulatedConsumer;
use self::producer::{SimulatedProducer, SimulatedTransactions};
use crate::clock::Time;
use crate::mark::{Mark, Odds};
use crate::random::Random;
use crate::trace::Trace;

/// The log, as one client reaches it.
#[derive(Clone)]
pub(crate) struct SimulatedLog {
    broker: Arc<Mutex<Broker>>,
    client: ClientId,
}

impl SimulatedLog {
    pub(crate) fn new(time: Time, odds: Odds, trace: Trace, random: Random) -> Self {
        let mut broker = Broker::new(time, odds, trace, random);
        let client = broker.new_client();
        Self { broker: Arc::new(Mutex::new(broker)), client }
    }

    /// The same log for another client.
    pub(crate) fn connect(&self) -> Self {
        let client = self.broker().new_client();
        Self { broker: Arc::clone(&self.broker), client }
    }

    pub(crate) fn broker(&self) -> MutexGuard<'_, Broker> {
        self.broker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client is dead: from now on nothing it does has any effect.
    pub(crate) fn kill(&self) {
        self.broker().kill(self.client);
    }

    /// The client dies at the call after so many.
    pub(crate) fn kill_in(&self, calls: u32) {
        self.broker().kill_in(self.client, calls);
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.broker().is_dead(self.client)
    }

    /// At the call after so many, the client stands still: it says so, and goes on when it is told to.
    pub(crate) fn stall_in(&self, calls: u32, stall: Stall) {
        self.broker().stall_in(self.client, calls, stall);
    }

    /// It stands still no more.
    pub(crate) fn forget_stall(&self) {
        drop(self.broker().take_stall(self.client, true));
    }

    /// A call begins, at once or after a long while.
    fn enter(&self) -> Result<MutexGuard<'_, Broker>> {
        let stall = self.broker().take_stall(self.client, false);
        if let Some(stall) = stall {
            stall();
        }
        let mut broker = self.broker();
        broker.enter(self.client)?;
        Ok(broker)
    }

    /// A call whose answer may be lost.
    fn call<T>(&self, work: impl FnOnce(&mut Broker) -> Result<T>) -> Result<T> {
        let mut broker = self.enter()?;
        let outcome = work(&mut broker);
        broker.leave(self.client, outcome)
    }
}

impl Log for SimulatedLog {
    fn id(&self) -> Result<String> {
        Ok("simulated".into())
    }

    fn create_topic(&self, spec: &TopicSpec) -> Result<Created> {
        self.broker().create(spec);
        Ok(Created::New)
    }

    fn describe_topic(&self, topic: &str) -> Result<TopicSpec> {
        self.call(|broker| broker.spec(topic).cloned())
    }

    fn topics(&self) -> Result<Vec<String>> {
        self.call(|broker| Ok(broker.topics().map(|spec| spec.name.to_string()).collect()))
    }

    fn watermarks(&self, partition: &TopicPartition) -> Result<Watermarks> {
        self.call(|broker| {
            broker.reach(partition)?;
            let partition = broker.partition(partition)?;
            Ok(Watermarks { low: 0, stable_end: partition.stable_end(), end: partition.end() })
        })
    }

    fn committed(&self, group: &str, partitions: &[TopicPartition]) -> Result<Vec<Option<u64>>> {
        self.call(|broker| {
            broker.reach_coordinator(group)?;
            broker.groups.entry(group.into()).or_default().committed(partitions)
        })
    }

    fn take_over(&self, group: &str, partitions: &[TopicPartition], _owner: &str) -> Result<Vec<Option<u64>>> {
        self.call(|broker| {
            broker.reach_coordinator(group)?;
            if broker.strikes(Mark::TakenOver) {
                broker.end_pending(group, partitions);
            }
            broker.groups.entry(group.into()).or_default().committed(partitions)
        })
    }

    fn delete_records(&self, _: &TopicPartition, _: u64) -> Result<()> {
        Ok(())
    }

    fn clean(&self) -> Result<()> {
        Ok(())
    }

    fn producer(&self) -> Result<Arc<dyn Producer>> {
        let number = self.call(|broker| Ok(broker.next_number()))?;
        Ok(Arc::new(SimulatedProducer { log: self.clone(), number }))
    }

    fn transactional_producer(&self, transactional_id: &str) -> Result<Box<dyn TransactionalProducer>> {
        let epoch = self.call(|broker| {
            broker.reach_coordinator(transactional_id)?;
            Ok(broker.take_ownership(transactional_id))
        })?;
        Ok(Box::new(SimulatedTransactions { log: self.clone(), id: transactional_id.into(), epoch }))
    }

    fn consumer(&self, group: Option<&GroupConfig>) -> Result<Box<dyn Consumer>> {
        self.call(|_| Ok(()))?;
        Ok(Box::new(SimulatedConsumer::new(self.clone(), group)))
    }
}
