//! The thread that keeps partitions of others warm: it reads their changelogs into the very stores that their tasks would use
//! here, so that a task which comes has but the rest to read.
//!
//! A store is given up at once when its task wants it. What is kept where, `placement` says.

mod placement;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gavel_log::{Consumer, Log, Record, Start, TopicPartition};

use super::clock::Clock;
use super::interruption::Interruption;
use super::live_task::WorkError;
use super::local::LocalStores;
use super::options::{RuntimeOptions, Steering};
use super::replica::Replica;
use super::status::StandbyStatus;
use super::steering::Crew;
use super::thread::Stop;
use crate::presence::Listener;
use crate::topology::Topology;
pub(super) use placement::member;

/// How long it waits for records before it looks whether a task wants its store.
const TURN: Duration = Duration::from_millis(50);
/// Records to read in one turn.
const TURN_RECORDS: usize = 8192;
/// How often it is looked who lives, and how far the changelogs are.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long to wait after a failure.
const BACKOFF: Duration = Duration::from_secs(1);

/// What the thread works with.
pub(super) struct Standby {
    log: Arc<dyn Log>,
    topologies: Vec<Topology>,
    stores: Arc<LocalStores>,
    crew: Arc<Crew>,
    clock: Arc<dyn Clock>,
    instance: String,
    status_topic: String,
    standbys: usize,
    listener: Option<Listener>,
    consumer: Option<Box<dyn Consumer>>,
    /// How many partitions each topology has, by its place among the others.
    partitions: BTreeMap<usize, u32>,
    /// By the place of the topology, and the partition.
    replicas: BTreeMap<(usize, u32), Replica>,
    looked: Option<Duration>,
}

impl Standby {
    pub(super) fn new(
        log: &Arc<dyn Log>,
        topologies: &[Topology],
        options: &RuntimeOptions,
        steering: &Steering,
        (stores, crew): (Arc<LocalStores>, Arc<Crew>),
    ) -> Self {
        Self {
            log: Arc::clone(log),
            topologies: topologies.to_vec(),
            stores,
            crew,
            clock: Arc::clone(&options.clock),
            instance: options.instance.clone(),
            status_topic: steering.status_topic.clone(),
            standbys: options.standbys,
            listener: None,
            consumer: None,
            partitions: BTreeMap::new(),
            replicas: BTreeMap::new(),
            looked: None,
        }
    }

    /// The whole life of the thread. What fails is begun again: nobody waits for it.
    pub(super) fn run(mut self, stop: &Stop) {
        while !stop.is_set() {
            if let Err(error) = self.turn() {
                let reason = match error {
                    WorkError::Interrupted(Interruption::Retry(error) | Interruption::Rejoin(error)) => {
                        error.to_string()
                    }
                    WorkError::Interrupted(Interruption::Fatal(error)) => error.to_string(),
                    WorkError::Interrupted(Interruption::Killed) => "killed".into(),
                    WorkError::Task(error) => error.to_string(),
                };
                tracing::warn!(reason, "partitions of others are not kept warm for now");
                (self.listener, self.consumer) = (None, None);
                self.replicas.clear();
                self.crew.show_standbys(Vec::new());
                stop.wait(BACKOFF);
            }
        }
    }

    fn turn(&mut self) -> Result<(), WorkError> {
        self.give_up(|_, _| true);
        let now = self.clock.monotonic();
        if self.looked.is_none_or(|looked| now.saturating_sub(looked) >= LOOK_EVERY) {
            self.place()?;
            self.looked = Some(now);
        }
        self.read()
    }

    /// Gives up what a task here wants, what a disk is begun anew for, and what is not to be kept.
    fn give_up(&mut self, is_kept: impl Fn(usize, u32) -> bool) {
        let before = self.replicas.len();
        let (stores, topologies) = (&self.stores, &self.topologies);
        self.replicas.retain(|&(topology, partition), _| {
            let name = topologies[topology].name();
            let stays = is_kept(topology, partition) && !stores.is_in_trouble() && !stores.is_wanted(name, partition);
            if !stays {
                tracing::info!("{name}: partition {partition} is kept warm no more");
            }
            stays
        });
        if self.replicas.len() < before {
            self.consumer = None;
        }
    }

    /// Looks who lives, and begins and ends to keep warm what that makes it.
    fn place(&mut self) -> Result<(), WorkError> {
        let listener = match &mut self.listener {
            Some(listener) => listener,
            none => none.insert(Listener::open(&*self.log, &self.status_topic)?),
        };
        listener.step(Duration::ZERO)?;
        let mut wanted = BTreeSet::new();
        let here = self.crew.status();
        for (index, topology) in self.topologies.iter().enumerate() {
            let members = placement::members(listener.presence.live(self.clock.now_ms()), topology.name());
            let partitions = match self.partitions.get(&index) {
                Some(&partitions) => partitions,
                None => {
                    *self.partitions.entry(index).or_insert(self.log.describe_topic(&topology.0.changelog)?.partitions)
                }
            };
            let is_here = |partition: u32| {
                here.tasks().any(|task| task.topology == topology.name() && task.partition == partition)
            };
            let warm = placement::kept_warm(&members, partitions, &self.instance, self.standbys).into_iter();
            wanted.extend(warm.filter(|&partition| !is_here(partition)).map(|partition| (index, partition)));
        }
        self.give_up(|topology, partition| wanted.contains(&(topology, partition)));
        for (topology, partition) in wanted {
            self.begin(topology, partition)?;
        }
        self.publish()
    }

    fn begin(&mut self, index: usize, partition: u32) -> Result<(), WorkError> {
        if self.replicas.contains_key(&(index, partition)) {
            return Ok(());
        }
        let topology = &self.topologies[index];
        self.stores.identify(&*self.log)?;
        let Some(store) = self.stores.task_store(topology, partition)? else { return Ok(()) };
        let replica = Replica::open(&*self.log, topology, partition, store)?;
        let behind = replica.end.saturating_sub(replica.position);
        tracing::info!("{}: keeps partition {partition} warm, {behind} changelog records behind", topology.name());
        self.replicas.insert((index, partition), replica);
        self.consumer = None;
        Ok(())
    }

    /// Reads on in all changelogs.
    fn read(&mut self) -> Result<(), WorkError> {
        if self.replicas.is_empty() {
            std::thread::park_timeout(TURN);
            return Ok(());
        }
        let consumer = match &mut self.consumer {
            Some(consumer) => consumer,
            none => {
                let start = |replica: &Replica| (replica.changelog.clone(), Start::Offset(replica.position));
                let mut consumer = self.log.consumer(None)?;
                consumer.assign(&self.replicas.values().map(start).collect::<Vec<_>>())?;
                none.insert(consumer)
            }
        };
        let mut records = Vec::new();
        consumer.poll(&mut records, TURN_RECORDS, TURN)?;
        let mut read: BTreeMap<TopicPartition, Vec<Record>> = BTreeMap::new();
        for record in records {
            read.entry(TopicPartition::new(Arc::clone(&record.topic), record.partition)).or_default().push(record);
        }
        for replica in self.replicas.values_mut() {
            let position = consumer.position(&replica.changelog)?;
            if position > replica.position {
                replica.take(read.remove(&replica.changelog).unwrap_or_default().into_iter(), position)?;
            }
        }
        Ok(())
    }

    /// Shows what is kept warm, and how far behind it is.
    fn publish(&self) -> Result<(), WorkError> {
        let changelogs: Vec<TopicPartition> = self.replicas.values().map(|replica| replica.changelog.clone()).collect();
        let mut standbys = Vec::with_capacity(changelogs.len());
        for ((&(topology, partition), replica), end) in self.replicas.iter().zip(self.log.stable_ends(&changelogs)) {
            let topology = self.topologies[topology].name().into();
            standbys.push(StandbyStatus { topology, partition, lag_records: end?.saturating_sub(replica.position) });
        }
        self.crew.show_standbys(standbys);
        Ok(())
    }
}
