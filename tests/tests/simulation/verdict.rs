//! What must hold at the end: the live run gave what one thread gives that reads the same log from its beginning, and what
//! was acknowledged is there, each with its decision.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use gavel_auctions::verify::{Asked, COMPARED, Outcome, Recorded, verify};
use gavel_auctions::wire::{self, Decision, ItemListed, topics};
use gavel_auctions::{analytics, bidding, notices};
use gavel_domain::ItemId;
use gavel_log::{Record, TopicPartition};
use gavel_streams::{Topology, TopologyTestDriver};
use serde_json::Value;

use crate::disk::SimulatedDisk;
use crate::gateway::Acknowledged;
use crate::log::broker::Broker;
use crate::mark::Mark;
use crate::watch::Watch;

/// The stores of the bidding topology, in the order of their declaration; the runtime's own is before them.
const STORES: [&str; 3] = ["auctions", "bids", "parked"];

/// The topics that the bidding alone writes, but for the prices: of those only the last counts, unit of work by unit of work.
const WRITTEN: [&str; 4] = [topics::HISTORY, topics::COMPLETE, topics::ITEMS, "auctions.bids.dead-letters"];

/// Has a topology read what is committed, in one thread, from the beginning.
fn replay(broker: &Broker, topology: &Topology, partitions: u32) -> Result<(TopologyTestDriver, Outputs)> {
    let mut driver = TopologyTestDriver::new(topology, partitions).with_unit_records(50);
    for number in 0..partitions {
        for topic in topology.source_topics() {
            let partition = broker.partition(&TopicPartition::new(topic, number))?;
            for Record { key, value, headers, append_ms, .. } in partition.committed(0).cloned() {
                driver.enqueue_record(topic, number, key, value, headers, append_ms)?;
            }
        }
    }
    driver.run()?;
    let mut replayed = Outputs::new();
    for record in driver.drain_outputs() {
        let place = (record.topic.to_string(), record.key);
        replayed.entry(place).or_default().push(record.value.unwrap_or_default());
    }
    Ok((driver, replayed))
}

/// The last count and sum of each measured cell.
fn last_of_cells<'a>(records: impl Iterator<Item = &'a Bytes>) -> Result<BTreeMap<String, [Value; 2]>> {
    let cell = |record: &Bytes| {
        let mut cell: serde_json::Map<String, Value> = serde_json::from_slice(record)?;
        let figures = ["count", "sum"].map(|name| cell.remove(name).unwrap_or_default());
        Ok((Value::from(cell).to_string(), figures))
    };
    records.map(cell).collect()
}

/// Values by topic and key, each in order.
type Outputs = BTreeMap<(String, Option<Bytes>), Vec<Bytes>>;

/// The log at the end, and one that reads it again.
pub(crate) struct Verdict<'a> {
    broker: &'a Broker,
    partitions: u32,
    driver: TopologyTestDriver,
    replayed: Outputs,
}

impl<'a> Verdict<'a> {
    /// Replays all that was asked.
    pub(crate) fn replay(broker: &'a Broker, partitions: u32) -> Result<Self> {
        let (driver, replayed) = replay(broker, &bidding::topology()?, partitions)?;
        Ok(Self { broker, partitions, driver, replayed })
    }

    fn records(&self, topic: &str) -> Result<impl Iterator<Item = &Record>> {
        let partition = |number| self.broker.partition(&TopicPartition::new(topic, number));
        let partitions: Vec<_> = (0..self.partitions).map(partition).collect::<gavel_log::Result<_>>()?;
        Ok(partitions.into_iter().flat_map(|partition| partition.committed(0)))
    }

    /// Byte by byte, what the topology wrote is what the replay gives.
    pub(crate) fn check_outputs(&self) -> Result<()> {
        let mut live = Outputs::new();
        for topic in WRITTEN {
            for record in self.records(topic)? {
                let is_ours = topic != topics::ITEMS || record.header("causation").is_some();
                if is_ours {
                    let place = (topic.to_owned(), record.key.clone());
                    live.entry(place).or_default().push(record.value.clone().unwrap_or_default());
                }
                if topic.ends_with(".dead-letters") {
                    Mark::DeadLettered.hit();
                }
            }
        }
        for (place, values) in &live {
            let replayed = self.replayed.get(place).map(Vec::as_slice).unwrap_or_default();
            ensure!(values == replayed, "{place:?}: the live run gave {values:?}, its replay {replayed:?}");
        }
        let missing = self.replayed.keys().find(|place| WRITTEN.contains(&&*place.0) && !live.contains_key(place));
        ensure!(missing.is_none(), "the live run gave nothing of {missing:?}");
        Ok(())
    }

    /// Whoever was to be told was told, and the last value of each measure is that of a recount.
    pub(crate) fn check_derived(&self) -> Result<()> {
        let (_, mut told) = replay(self.broker, &notices::topology()?, self.partitions)?;
        told.retain(|(topic, _), _| topic == topics::NOTICES);
        let told: BTreeSet<&Bytes> = told.values().flatten().collect();
        let live: BTreeSet<&Bytes> =
            self.records(topics::NOTICES)?.filter_map(|record| record.value.as_ref()).collect();
        ensure!(live == told, "notices: {:?}", live.symmetric_difference(&told).next());
        let (_, mut measured) = replay(self.broker, &analytics::topology()?, self.partitions)?;
        measured.retain(|(topic, _), _| topic == topics::ANALYTICS);
        let measured = last_of_cells(measured.values().flatten())?;
        let live = last_of_cells(self.records(topics::ANALYTICS)?.filter_map(|record| record.value.as_ref()))?;
        let cells = live.keys().chain(measured.keys());
        let others = cells.filter(|cell| live.get(*cell) != measured.get(*cell));
        let others: BTreeMap<_, _> = others.map(|cell| (cell, (live.get(cell), measured.get(cell)))).collect();
        ensure!(others.is_empty(), "analytics, and a recount: {others:?}");
        Ok(())
    }

    /// What the disk of the process that ran a partition holds is the state of the replay.
    pub(crate) fn check_disk(&self, disk: &SimulatedDisk, partition: u32) -> Result<()> {
        for (store, index) in STORES.into_iter().zip(1..) {
            let rows = disk.rows(&format!("bidding.{partition}"), index);
            let expected = self.driver.entries(store, partition);
            ensure!(
                rows == expected,
                "partition {partition}: the local store of {store} is not the state of the replay"
            );
        }
        Ok(())
    }

    /// `gavel verify` raises no false alarm.
    pub(crate) fn check_verify(&self) -> Result<()> {
        for number in 0..self.partitions {
            let partition = |topic: &str| self.broker.partition(&TopicPartition::new(topic, number));
            let asked = |topic: &str| -> Result<Vec<Recorded>> {
                let recorded = |record: &Record| Recorded { append_ms: record.append_ms, value: record.value.clone() };
                Ok(partition(topic)?.committed(0).map(recorded).collect())
            };
            let committed = Asked { items: asked(topics::ITEMS)?, commands: asked(topics::BIDS)? };
            let mut outcomes = Vec::new();
            for topic in COMPARED {
                outcomes.extend(partition(topic)?.committed(0).cloned().map(
                    |Record { offset, key, value, .. }| Outcome {
                        topic,
                        offset,
                        key: key.unwrap_or_default(),
                        value: value.unwrap_or_default(),
                    },
                ));
            }
            let report = verify(committed, Asked::default(), outcomes)?;
            ensure!(report.differences.is_empty(), "verify, partition {number}: {:?}", report.differences);
        }
        Ok(())
    }

    /// What was acknowledged is where it was said to be.
    pub(crate) fn check_acknowledged(&self, acknowledged: &[Acknowledged]) -> Result<()> {
        for Acknowledged { request, appended } in acknowledged {
            let partition = self.broker.partition(&TopicPartition::new(request.topic, appended.partition))?;
            let found = partition.next(appended.offset).ok().filter(|record| record.offset == appended.offset);
            let is_there = found.is_some_and(|record| record.value.as_ref() == Some(&request.value));
            ensure!(is_there, "lost: {request:?} at {appended:?}");
        }
        Ok(())
    }

    /// When each item was listed.
    fn listed(&self) -> Result<BTreeMap<ItemId, i64>> {
        let mut listed = BTreeMap::new();
        for record in self.records(topics::ITEMS)? {
            let value = record.value.as_deref().unwrap_or_default();
            if let Ok(item) = serde_json::from_slice::<ItemListed>(value) {
                listed.entry(item.item_id).or_insert(record.append_ms);
            }
        }
        Ok(listed)
    }

    /// Each command has one decision, and of the copies of a bid all but one are duplicates. The winner is the earliest of
    /// the highest, at no more than their maximum.
    pub(crate) fn check_decisions(&self, watch: &Watch) -> Result<()> {
        let mut first: BTreeMap<String, String> = BTreeMap::new();
        let mut best: BTreeMap<ItemId, (i64, Value)> = BTreeMap::new();
        let mut commands = 0;
        let listed = self.listed()?;
        for record in self.records(topics::BIDS)? {
            let value: Value = serde_json::from_slice(record.value.as_deref().unwrap_or_default()).unwrap_or_default();
            let place = format!("{}/{}/{}", record.topic, record.partition, record.offset);
            let Some(item) = value["item_id"].as_str().and_then(|item| item.parse::<ItemId>().ok()) else { continue };
            let decision = *watch.decided.get(&place).with_context(|| format!("{place} is not decided: {value}"))?;
            commands += 1;
            if listed
                .get(&item)
                .is_some_and(|listed_ms| record.append_ms < *listed_ms && decision != Decision::UnknownItem)
            {
                Mark::CameEarly.hit();
            }
            let Some(bid) = value["bid_id"].as_str() else { continue };
            let before = first.insert(bid.to_owned(), place.clone());
            ensure!((decision == Decision::Duplicate) == before.is_some(), "{place} is {decision:?} after {before:?}");
            let max_minor = value["max_minor"].as_i64().unwrap_or_default();
            let counts = matches!(decision, Decision::Accepted | Decision::AcceptedOutbid | Decision::Raised);
            if counts && best.get(&item).is_none_or(|(highest, _)| max_minor > *highest) {
                best.insert(item, (max_minor, value["bidder_id"].clone()));
            }
        }
        ensure!(commands == watch.decided.len(), "{commands} commands, {} decisions", watch.decided.len());
        let unended = listed.keys().find(|item| !watch.items.contains_key(item));
        ensure!(unended.is_none(), "{unended:?} has not ended");
        for (item, known) in &watch.items {
            let Some(completion) = known.completion.as_ref().filter(|ended| ended.outcome == wire::Outcome::Sold)
            else {
                continue;
            };
            let (max_minor, bidder) = best.get(item).with_context(|| format!("{item} is sold without a bid"))?;
            let winner = completion.winner_id.map(|winner| winner.to_string());
            ensure!(winner.as_deref() == bidder.as_str(), "{item} went to {winner:?}, not to {bidder}");
            ensure!(completion.price_minor <= *max_minor, "{item} was sold above the maximum");
        }
        Ok(())
    }
}
