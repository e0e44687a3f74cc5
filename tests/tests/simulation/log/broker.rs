//! What the brokers hold and do: topics, groups, transactions, and records on their way. One lock around all of it; only one
//! thread ever takes it.

mod client;

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;

use gavel_log::{
    Appended, Cleanup, Delivery, LogError, NewRecord, Record, Result, TopicPartition, TopicSpec, partitioner,
};

use self::client::Client;
pub(crate) use self::client::{ClientId, Stall};
use super::group::Group;
use super::partition::{Partition, TransactionId};
use super::transaction::Owner;
use crate::clock::{START_MS, Time};
use crate::mark::{Mark, Odds};
use crate::random::Random;
use crate::trace::Trace;

/// How many brokers share the partitions.
const NODES: usize = 3;

/// One broker.
#[derive(Debug)]
struct Node {
    away_until_ms: i64,
    skew_ms: i64,
}

struct Topic {
    spec: TopicSpec,
    partitions: Vec<Partition>,
}

/// A record that was sent and has not come.
struct Sent {
    client: ClientId,
    producer: u64,
    due_ms: i64,
    record: NewRecord,
    partition: u32,
    answer: Box<dyn FnOnce(Result<Appended>) + Send>,
}

pub(crate) struct Broker {
    pub(crate) time: Time,
    pub(crate) trace: Trace,
    pub(super) random: Random,
    pub(super) odds: Odds,
    pub(super) owners: BTreeMap<String, Owner>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) transaction_timeout_ms: i64,
    /// Whether producers learn where their commits ended.
    pub(super) tells_ends: bool,
    /// Whether the clocks of all brokers agree.
    pub(crate) has_one_clock: bool,
    topics: BTreeMap<Arc<str>, Topic>,
    clients: Vec<Client>,
    nodes: [Node; NODES],
    sent: Vec<Sent>,
    numbers: u64,
}

impl Broker {
    pub(super) fn new(time: Time, odds: Odds, trace: Trace, mut random: Random) -> Self {
        let has_one_clock = random.chance(400);
        let skew_ms = if has_one_clock { 0 } else { *random.pick(&[20, 300, 2000]) };
        let mut node = || Node { away_until_ms: i64::MIN, skew_ms: random.between(-skew_ms, skew_ms) };
        let nodes = [node(), node(), node()];
        Self {
            transaction_timeout_ms: random.between(500, 10_000),
            tells_ends: random.chance(500),
            has_one_clock,
            random,
            time,
            trace,
            odds,
            owners: BTreeMap::new(),
            groups: BTreeMap::new(),
            topics: BTreeMap::new(),
            clients: Vec::new(),
            nodes,
            sent: Vec::new(),
            numbers: 0,
        }
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Takes note of something that happens.
    pub(crate) fn tell(&mut self, what: &impl Hash, words: impl FnOnce() -> String) {
        let since_ms = self.time.now_ms() - START_MS;
        self.trace.note(&(since_ms, what), || format!("{since_ms:>7} {}", words()));
    }

    /// Whether a fault strikes now.
    pub(crate) fn strikes(&mut self, fault: Mark) -> bool {
        let strikes = self.draws(fault);
        if strikes {
            fault.hit();
        }
        strikes
    }

    /// Whether a fault is to strike; who asks sees to it.
    pub(crate) fn draws(&mut self, fault: Mark) -> bool {
        let strikes = self.random.chance(self.odds.of(fault));
        if strikes {
            self.tell(&fault, || format!("fault: {fault:?}"));
        }
        strikes
    }

    /// No faults any more.
    pub(crate) fn heal(&mut self) {
        self.odds = Odds::none();
        self.nodes.iter_mut().for_each(|node| node.away_until_ms = i64::MIN);
        self.clients.iter_mut().for_each(Client::mend);
    }

    /// One turn of all that happens by itself.
    pub(crate) fn turn(&mut self) {
        let now_ms = self.time.now_ms();
        if self.strikes(Mark::BrokerAway) {
            let (node, until_ms) = (self.random.below(NODES), now_ms + self.random.between(50, 4000));
            self.nodes[node].away_until_ms = until_ms;
        }
        if !self.has_one_clock && self.strikes(Mark::BrokerClockSet) {
            let node = self.random.below(NODES);
            self.nodes[node].skew_ms = self.random.between(-500, 500);
        }
        if self.strikes(Mark::Compacted) {
            self.compact();
        }
        if self.strikes(Mark::OffsetsForgotten) {
            self.groups.values_mut().for_each(Group::forget);
        }
        self.groups.values_mut().for_each(|group| group.expire(now_ms));
        self.advance_transactions();
        self.deliver();
    }

    /// Compacts what is compacted.
    pub(crate) fn compact(&mut self) {
        let now_ms = self.time.now_ms();
        let compacted = self.topics.values_mut().filter(|topic| topic.spec.cleanup == Cleanup::Compact);
        compacted.for_each(|topic| topic.partitions.iter_mut().for_each(|partition| partition.compact(now_ms)));
    }

    fn node(&self, partition: &TopicPartition) -> &Node {
        let spread: usize = partition.topic.bytes().map(usize::from).sum();
        &self.nodes[(spread + partition.partition as usize) % NODES]
    }

    /// Whether the broker that looks after a group or a transactional id answers.
    pub(super) fn reach_coordinator(&self, name: &str) -> Result<()> {
        self.reach(&TopicPartition::new(name, 0))
    }

    /// Whether the broker of this partition answers.
    pub(super) fn reach(&self, partition: &TopicPartition) -> Result<()> {
        if self.time.now_ms() < self.node(partition).away_until_ms {
            return Err(LogError::Unavailable(format!("the broker of {partition} is away")));
        }
        Ok(())
    }

    pub(super) fn create(&mut self, spec: &TopicSpec) {
        let partitions = (0..spec.partitions).map(|_| Partition::default()).collect();
        self.topics.insert(Arc::clone(&spec.name), Topic { spec: spec.clone(), partitions });
    }

    pub(super) fn spec(&self, topic: &str) -> Result<&TopicSpec> {
        self.topics.get(topic).map(|topic| &topic.spec).ok_or_else(|| LogError::UnknownTopic(topic.into()))
    }

    pub(crate) fn topics(&self) -> impl Iterator<Item = &TopicSpec> {
        self.topics.values().map(|topic| &topic.spec)
    }

    pub(crate) fn partition(&self, name: &TopicPartition) -> Result<&Partition> {
        let topic = self.topics.get(&name.topic);
        topic
            .and_then(|topic| topic.partitions.get(name.partition as usize))
            .ok_or_else(|| LogError::UnknownTopic(name.to_string()))
    }

    pub(super) fn partition_mut(&mut self, name: &TopicPartition) -> Result<&mut Partition> {
        let topic = self.topics.get_mut(&name.topic);
        topic
            .and_then(|topic| topic.partitions.get_mut(name.partition as usize))
            .ok_or_else(|| LogError::UnknownTopic(name.to_string()))
    }

    /// Where a record belongs.
    pub(super) fn place(&self, record: &NewRecord) -> Result<TopicPartition> {
        let spec = self.spec(&record.topic)?;
        let by_key = || partitioner::partition_of(record.key.as_deref().unwrap_or_default(), spec.partitions);
        Ok(TopicPartition::new(Arc::clone(&spec.name), record.partition.unwrap_or_else(by_key)))
    }

    pub(super) fn append(
        &mut self,
        record: NewRecord,
        to: &TopicPartition,
        transaction: Option<TransactionId>,
    ) -> Result<Appended> {
        let now_ms = self.time.now_ms() + self.node(to).skew_ms;
        let NewRecord { key, value, headers, .. } = record;
        let content = (key.clone(), value.clone());
        let topic = Arc::clone(&to.topic);
        let record = Record { topic, partition: to.partition, offset: 0, append_ms: 0, key, value, headers };
        let (offset, append_ms) = self.partition_mut(to)?.append(record, now_ms, transaction);
        self.tell(&(to, offset, append_ms, &content), || {
            format!("{to}/{offset} at {append_ms}: {}", short(content.1.as_deref()))
        });
        Ok(Appended { partition: to.partition, offset, append_ms })
    }

    /// Takes a record on its way. Records of one producer keep their order.
    pub(super) fn send(&mut self, client: ClientId, producer: u64, record: NewRecord) -> Delivery {
        let (answer, delivery) = Delivery::pending();
        let to = self.enter(client).and_then(|()| self.place(&record));
        let partition = match to {
            Ok(to) => to.partition,
            Err(error) => {
                answer(Err(error));
                return delivery;
            }
        };
        let delay_ms = if self.strikes(Mark::SendDelayed) { self.random.between(1, 1500) } else { 0 };
        let before = self.sent.iter().filter(|sent| sent.producer == producer).map(|sent| sent.due_ms).max();
        let due_ms = (self.time.now_ms() + delay_ms).max(before.unwrap_or(i64::MIN));
        self.sent.push(Sent { client, producer, due_ms, record, partition, answer: Box::new(answer) });
        self.deliver();
        delivery
    }

    /// Appends what is due. What is on its way from a process that died may come, or not.
    fn deliver(&mut self) {
        let now_ms = self.time.now_ms();
        for Sent { client, producer, due_ms, record, partition, answer } in std::mem::take(&mut self.sent) {
            let to = TopicPartition::new(Arc::clone(&record.topic), partition);
            if self.is_dead(client) && self.random.chance(500) {
                continue;
            }
            if due_ms > now_ms || self.reach(&to).is_err() {
                self.sent.push(Sent { client, producer, due_ms, record, partition, answer });
                continue;
            }
            let appended = self.append(record, &to, None);
            if !self.strikes(Mark::SendLost) {
                answer(appended);
            } else {
                answer(Err(LogError::Unavailable("the acknowledgement is lost".into())));
            }
        }
    }

    /// Whether nothing is on its way.
    pub(crate) fn is_quiet(&self) -> bool {
        self.sent.is_empty() && self.groups.values().all(|group| group.pending.is_empty())
    }
}

fn short(value: Option<&[u8]>) -> String {
    String::from_utf8_lossy(value.unwrap_or(b"-")).chars().filter(|c| !c.is_control()).take(160).collect()
}
