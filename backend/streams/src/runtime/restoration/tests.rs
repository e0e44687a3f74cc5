//! Where a restored task goes on, and which stores are not believed.

use std::sync::Arc;

use bytes::Bytes;
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions};
use gavel_log::{Cleanup, ConsumedOffset, GroupConfig, NewRecord, TopicSpec};
use tempfile::TempDir;

use super::*;
use crate::processor::{Context, Processor, ProcessorError, SourceRecord, Timer};
use crate::runtime::clock::ManualClock;
use crate::runtime::local::LocalStores;
use crate::runtime::options::RuntimeOptions;
use crate::store::{Overlay, StateStore};

struct Idle;

impl Processor for Idle {
    fn process(&mut self, _: &mut dyn Context, _: &SourceRecord) -> Result<(), ProcessorError> {
        Ok(())
    }

    fn punctuate(&mut self, _: &mut dyn Context, _: &Timer) -> Result<(), ProcessorError> {
        Ok(())
    }
}

struct Desk {
    log: Arc<dyn Log>,
    topology: Topology,
    stores: Arc<LocalStores>,
    _folders: [TempDir; 2],
}

impl Desk {
    fn new() -> Self {
        let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
        let log: Arc<dyn Log> = EmbeddedLog::open(folders[0].path(), EmbeddedOptions::default()).unwrap();
        let builder = Topology::builder("t").source("in", "in").processor("p", || Idle, &["in"]);
        let topology = builder.store("rows", &["p"]).build().unwrap();
        log.create_topic(&TopicSpec { name: "in".into(), partitions: 1, cleanup: Cleanup::Keep }).unwrap();
        for spec in topology.topics(1) {
            log.create_topic(&spec).unwrap();
        }
        let clock = Arc::new(ManualClock::at(0));
        let stores = RuntimeOptions { clock, ..RuntimeOptions::new(folders[1].path(), "one") };
        let stores = LocalStores::open(&stores).unwrap();
        Self { log, topology, stores, _folders: folders }
    }

    fn append(&self, topic: &str, key: &'static [u8], value: &'static [u8]) {
        let (key, value) = (Some(Bytes::from_static(key)), Some(Bytes::from_static(value)));
        let record = NewRecord { topic: topic.into(), partition: Some(0), key, value, headers: Vec::new() };
        self.log.producer().unwrap().send(record).wait().unwrap();
    }

    /// Has the changelog say how far the source is processed.
    fn processed(&self, row: &'static [u8]) {
        self.append("t.changelog", b"task/oin", row);
    }

    fn store(&self) -> LocalStore {
        self.stores.task_store(&self.topology, 0).unwrap().unwrap()
    }

    fn restore(&self, store: LocalStore) -> Result<Restored, WorkError> {
        let sources = [TopicPartition::new("in", 0)];
        let committed = self.log.committed(&self.topology.group(), &sources)?;
        let mut restoration = Restoration::begin(&*self.log, &self.topology, (&sources, committed), store)?;
        while !restoration.step(100, Duration::from_millis(10))? {}
        restoration.finish(&*self.log)
    }

    fn restored(&self, store: LocalStore) -> Restored {
        self.restore(store).unwrap_or_else(|_| panic!("it cannot be restored"))
    }
}

fn put(store: &mut LocalStore, key: &'static [u8]) {
    let mut overlays = vec![Overlay::default(); 2];
    overlays[1].insert(key.into(), Some("old".into()));
    store.apply(&mut overlays).unwrap();
}

#[test]
fn rows_without_a_bound_are_dropped() {
    let desk = Desk::new();
    desk.append("t.changelog", b"rows/a", b"new");
    let mut store = desk.store();
    put(&mut store, b"b");
    let store = desk.restored(store).store;
    assert_eq!(store.scan_prefix(1, b"").unwrap(), [("a".into(), "new".into())]);
    assert_eq!(store.bound().unwrap(), Some(1));
}

#[test]
fn rows_below_a_bound_are_kept() {
    let desk = Desk::new();
    desk.append("t.changelog", b"rows/a", b"new");
    let mut store = desk.store();
    store.stage_bound(1);
    put(&mut store, b"b");
    let restored = desk.restored(store);
    assert_eq!((restored.records, restored.next), (0, vec![None]));
    assert_eq!(restored.store.scan_prefix(1, b"").unwrap(), [("b".into(), "old".into())]);
}

#[test]
fn a_store_without_a_changelog_has_a_bound() {
    let desk = Desk::new();
    assert_eq!(desk.restored(desk.store()).store.bound().unwrap(), Some(0));
}

#[test]
fn what_is_of_no_store_is_passed_over() {
    let desk = Desk::new();
    desk.append("t.changelog", b"of no store", b"1");
    desk.append("t.changelog", b"gone/a", b"2");
    desk.append("t.changelog", b"rows/a/b", b"3");
    let restored = desk.restored(desk.store());
    assert_eq!(restored.store.scan_prefix(1, b"").unwrap(), [("a/b".into(), "3".into())]);
    assert_eq!(restored.store.bound().unwrap(), Some(3));
}

#[test]
fn the_state_knows_where_to_go_on() {
    let desk = Desk::new();
    desk.append("in", b"k", b"1");
    desk.append("in", b"k", b"2");
    desk.processed(b"\x01\x00\x00\x00\x00\x00\x00\x00\x01");
    assert_eq!(desk.restored(desk.store()).next, [Some(1)]);
}

#[test]
fn a_group_that_is_ahead_of_the_state_is_not_believed() {
    let desk = Desk::new();
    desk.append("in", b"k", b"1");
    desk.append("in", b"k", b"2");
    desk.processed(b"\x01\x00\x00\x00\x00\x00\x00\x00\x01");
    let group = GroupConfig { group: desk.topology.group(), instance: None, session_timeout: Duration::from_secs(6) };
    let mut member = desk.log.consumer(Some(&group)).unwrap();
    member.subscribe(&["in"]).unwrap();
    while member.poll(&mut Vec::new(), 1, Duration::from_millis(10)).unwrap().is_empty() {}
    member.commit(&[ConsumedOffset { partition: TopicPartition::new("in", 0), next: 2 }]).unwrap();
    let outcome = desk.restore(desk.store());
    assert!(matches!(outcome, Err(WorkError::Task(TaskError::Behind { committed: 2, state: 1, .. }))));
}

#[test]
fn a_source_that_ends_before_what_was_processed_is_another() {
    let desk = Desk::new();
    desk.append("in", b"k", b"1");
    desk.processed(b"\x01\x00\x00\x00\x00\x00\x00\x00\x02");
    let outcome = desk.restore(desk.store());
    assert!(matches!(outcome, Err(WorkError::Task(TaskError::Truncated { next: 2, end: 1, .. }))));
}
