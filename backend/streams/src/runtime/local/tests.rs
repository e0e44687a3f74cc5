//! What the local store promises: one holder, all of a unit of work or nothing, nothing of another layout.

use tempfile::TempDir;

use super::*;
use crate::processor::{Context, Processor, ProcessorError, SourceRecord, Timer};
use crate::runtime::clock::ManualClock;

struct Idle;

impl Processor for Idle {
    fn process(&mut self, _: &mut dyn Context, _: &SourceRecord) -> Result<(), ProcessorError> {
        Ok(())
    }

    fn punctuate(&mut self, _: &mut dyn Context, _: &Timer) -> Result<(), ProcessorError> {
        Ok(())
    }
}

fn topology(stores: &[&str]) -> Topology {
    let builder = Topology::builder("t").source("in", "in").processor("p", || Idle, &["in"]);
    stores.iter().fold(builder, |builder, store| builder.store(store, &["p"])).build().unwrap()
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(0))
}

fn open(folder: &TempDir, clock: Arc<dyn Clock>) -> Arc<LocalStores> {
    LocalStores::open(&RuntimeOptions { clock, ..RuntimeOptions::new(folder.path(), "one") }).unwrap()
}

fn put(store: &mut LocalStore, index: usize, key: &'static str, value: Option<&'static str>) {
    let mut overlays = vec![Overlay::default(); 3];
    overlays[index].insert(key.into(), value.map(Bytes::from));
    store.apply(&mut overlays).unwrap();
    assert!(overlays.iter().all(Overlay::is_empty));
}

#[test]
fn a_task_has_one_holder() {
    let folder = TempDir::new().unwrap();
    let folder = open(&folder, clock());
    let topology = topology(&[]);
    let held = folder.task_store(&topology, 0).unwrap();
    assert!(held.is_some());
    assert!(folder.task_store(&topology, 0).unwrap().is_none());
    assert!(folder.task_store(&topology, 1).unwrap().is_some(), "another partition is another task");
    drop(held);
    assert!(folder.task_store(&topology, 0).unwrap().is_some());
}

#[test]
fn rows_and_the_bound_survive_and_stores_do_not_mix() {
    let folder = TempDir::new().unwrap();
    let topology = topology(&["one", "two"]);
    {
        let state = open(&folder, clock());
        let mut store = state.task_store(&topology, 0).unwrap().unwrap();
        put(&mut store, 1, "ab", Some("1"));
        put(&mut store, 1, "ac", Some("2"));
        put(&mut store, 1, "b", Some("3"));
        store.stage_bound(7);
        put(&mut store, 2, "ab", Some("4"));
        put(&mut store, 1, "ac", None);
    }
    let state = open(&folder, clock());
    let store = state.task_store(&topology, 0).unwrap().unwrap();
    assert_eq!(store.scan_prefix(1, b"a").unwrap(), [("ab".into(), "1".into())]);
    assert_eq!(store.scan_prefix(1, b"").unwrap().len(), 2);
    assert_eq!(store.get(2, b"ab").unwrap(), Some("4".into()));
    assert_eq!(store.bound().unwrap(), Some(7));
}

#[test]
fn a_store_of_another_layout_is_dropped() {
    let folder = TempDir::new().unwrap();
    let state = open(&folder, clock());
    {
        let mut store = state.task_store(&topology(&["one", "two"]), 0).unwrap().unwrap();
        store.stage_bound(7);
        put(&mut store, 1, "a", Some("1"));
    }
    let store = state.task_store(&topology(&["two", "one"]), 0).unwrap().unwrap();
    assert_eq!(store.get(1, b"a").unwrap(), None);
    assert_eq!(store.bound().unwrap(), None);
}

#[test]
fn a_store_that_was_away_too_long_is_dropped() {
    let folder = TempDir::new().unwrap();
    let clock = Arc::new(ManualClock::at(0));
    let state = open(&folder, clock.clone());
    let topology = topology(&["one"]);
    {
        let mut store = state.task_store(&topology, 0).unwrap().unwrap();
        store.stage_bound(7);
        put(&mut store, 1, "a", Some("1"));
    }
    clock.set(LONGEST_ABSENCE_MS);
    assert_eq!(state.task_store(&topology, 0).unwrap().unwrap().bound().unwrap(), Some(7));
    clock.set(LONGEST_ABSENCE_MS + 1);
    assert_eq!(state.task_store(&topology, 0).unwrap().unwrap().bound().unwrap(), None);
}

#[test]
fn a_store_knows_whether_it_holds_anything() {
    let folder = TempDir::new().unwrap();
    let state = open(&folder, clock());
    let mut store = state.task_store(&topology(&["one", "two"]), 0).unwrap().unwrap();
    assert!(!store.has_rows().unwrap());
    put(&mut store, 2, "", Some("1"));
    assert!(store.has_rows().unwrap());
    store.wipe().unwrap();
    assert!(!store.has_rows().unwrap());
}

#[test]
fn a_crash_takes_what_gathered_and_leaves_the_bound_of_what_is_on_the_disk() {
    let folder = TempDir::new().unwrap();
    let topology = topology(&["one"]);
    {
        let state = open(&folder, clock());
        let mut store = state.task_store(&topology, 0).unwrap().unwrap();
        store.stage_bound(7);
        put(&mut store, 1, "a", Some("1"));
        put(&mut store, 1, "b", Some("1"));
        store.flush().unwrap();
        store.stage_bound(9);
        put(&mut store, 1, "a", None);
        put(&mut store, 1, "c", Some("2"));
        assert_eq!(store.scan_prefix(1, b"").unwrap(), [("b".into(), "1".into()), ("c".into(), "2".into())]);
        assert_eq!(store.bound().unwrap(), Some(9));
        store.abandon();
    }
    let state = open(&folder, clock());
    let store = state.task_store(&topology, 0).unwrap().unwrap();
    assert_eq!(store.scan_prefix(1, b"").unwrap(), [("a".into(), "1".into()), ("b".into(), "1".into())]);
    assert_eq!(store.bound().unwrap(), Some(7));
}

#[test]
fn what_gathered_is_written_when_it_is_much() {
    let folder = TempDir::new().unwrap();
    let topology = topology(&["one"]);
    {
        let state = open(&folder, clock());
        let mut store = state.task_store(&topology, 0).unwrap().unwrap();
        for unit in 0..60_u64 {
            let mut overlays = vec![Overlay::default(); 2];
            let row = |row: u64| (Bytes::copy_from_slice(&(unit * 1000 + row).to_be_bytes()), Some(Bytes::new()));
            for (key, value) in (0..1000).map(row) {
                overlays[1].insert(key, value);
            }
            store.stage_bound(unit);
            store.apply(&mut overlays).unwrap();
        }
        store.abandon();
    }
    let state = open(&folder, clock());
    let store = state.task_store(&topology, 0).unwrap().unwrap();
    assert_eq!(store.scan_prefix(1, b"").unwrap().len(), 50_000);
    assert_eq!(store.bound().unwrap(), Some(49));
}

#[test]
fn a_disk_that_is_damaged_is_begun_anew_once_all_have_let_go() {
    let home = TempDir::new().unwrap();
    let aside = |number: u32| home.path().join(format!("streams.damaged-{number}"));
    let topology = topology(&["one"]);
    let stores = LocalStores::open(&RuntimeOptions::new(home.path().join("streams"), "one")).unwrap();
    let open = |partition: u32| stores.task_store(&topology, partition).unwrap();
    let (mut one, two) = (open(0).unwrap(), open(1).unwrap());
    put(&mut one, 1, "k", Some("v"));
    one.flush().unwrap();
    stores.report(&StoreError::damage("a test says so"));
    assert!(stores.is_in_trouble() && open(2).is_none(), "two others hold theirs");
    drop(one);
    assert!(open(0).is_none() && !aside(1).exists(), "one other does");
    drop(two);
    let mut one = open(0).unwrap();
    assert!(aside(1).exists() && !stores.is_in_trouble());
    assert!(!one.has_rows().unwrap());
    put(&mut one, 1, "k", Some("v"));
    // What was read from the changelog just now is not the disk's fault.
    stores.report(&StoreError::damage("again"));
    assert!(!stores.is_in_trouble() && !aside(2).exists());
}
