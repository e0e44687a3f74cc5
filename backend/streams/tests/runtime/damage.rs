//! Local state that cannot be used: damaged, of another log, or unreadable while running. It comes back from the changelog.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use gavel_streams::StoreError;
use gavel_streams::runtime::{Disk, Keyspace, LocalState, RuntimeOptions, Write};

use crate::harness::{House, eventually, wait_until_running};

fn append(house: &House, count: usize) {
    for _ in 0..count {
        house.append("stream", 0, "a", "go");
    }
}

fn counted(house: &House, total: usize) {
    let last = house.wait_for_outputs(total).pop();
    assert_eq!(last, Some(format!("a=go#{total}")));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

/// The state folder and those set aside.
fn folders(house: &House) -> Vec<PathBuf> {
    let home = house.state_folder("one").parent().unwrap().to_owned();
    fs::read_dir(home).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn damage_in_any_file_changes_no_outcome() {
    let house = House::embedded();
    let mut total = 10;
    append(&house, total);
    house.start().stop();
    let count = files(&house.state_folder("one")).len();
    for number in 0..count {
        for is_cut in [false, true] {
            let runtime = house.start();
            counted(&house, total);
            runtime.stop();
            // What there is now: it changes with each run.
            let found = files(&house.state_folder("one"));
            let Some(file) = found.get(number) else { continue };
            let mut bytes = fs::read(file).unwrap();
            let middle = bytes.len() / 2;
            if is_cut {
                bytes.truncate(middle);
            } else {
                bytes.iter_mut().skip(middle).take(1).for_each(|byte| *byte ^= 0x55);
            }
            fs::write(file, bytes).unwrap();
            append(&house, 1);
            total += 1;
        }
    }
    let runtime = house.start();
    counted(&house, total);
    runtime.stop();
    assert_eq!(folders(&house).len(), 1 + 3, "the last few are kept");
}

/// It has as much behind it as ours, so that no offset betrays it.
#[test]
fn state_of_another_log_is_not_believed() {
    let mut house = House::embedded();
    append(&house, 3);
    let runtime = house.start();
    counted(&house, 3);
    runtime.stop();
    house.replace_log();
    append(&house, 7);
    let elsewhere = house.start_with(&house.options("two"));
    counted(&house, 7);
    elsewhere.stop();
    append(&house, 1);
    let runtime = house.start();
    counted(&house, 8);
    runtime.stop();
    assert!(house.state_folder("one").with_file_name("one.damaged-1").exists());
}

/// Rows in memory, which cannot be read once a test says so.
#[derive(Default)]
struct Rotting {
    rows: Arc<Mutex<BTreeMap<Vec<u8>, Bytes>>>,
    is_rotten: Arc<AtomicBool>,
    reasons: Mutex<Vec<String>>,
}

struct RottingKeyspace {
    name: String,
    rows: Arc<Mutex<BTreeMap<Vec<u8>, Bytes>>>,
    is_rotten: Arc<AtomicBool>,
}

impl Disk for Rotting {
    fn keyspace(&self, name: &str) -> Result<Box<dyn Keyspace>, StoreError> {
        let (rows, is_rotten) = (Arc::clone(&self.rows), Arc::clone(&self.is_rotten));
        Ok(Box::new(RottingKeyspace { name: format!("{name}/"), rows, is_rotten }))
    }

    fn renew(&self, damage: Option<&str>) -> Result<(), StoreError> {
        self.reasons.lock().unwrap().extend(damage.map(str::to_owned));
        self.rows.lock().unwrap().clear();
        self.is_rotten.store(false, Ordering::SeqCst);
        Ok(())
    }
}

impl RottingKeyspace {
    fn key(&self, key: &[u8]) -> Vec<u8> {
        [self.name.as_bytes(), key].concat()
    }

    fn rows(&self, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        if self.is_rotten.load(Ordering::SeqCst) {
            return Err(StoreError::damage("a block is rotten"));
        }
        let (rows, prefix) = (self.rows.lock().unwrap(), self.key(prefix));
        let found = rows.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        Ok(found.map(|(key, value)| (Bytes::copy_from_slice(&key[self.name.len()..]), value.clone())).collect())
    }
}

impl Keyspace for RottingKeyspace {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        let found = self.rows(key)?;
        Ok(found.into_iter().find(|(row, _)| row == key).map(|(_, value)| value))
    }

    fn scan_prefix(&self, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.rows(prefix)
    }

    fn first_key(&self) -> Result<Option<Bytes>, StoreError> {
        Ok(self.rows(b"")?.into_iter().next().map(|(key, _)| key))
    }

    fn write(&mut self, rows: Write<'_>) -> Result<(), StoreError> {
        for (key, value) in rows {
            let key = self.key(&key);
            match value {
                Some(value) => self.rows.lock().unwrap().insert(key, value),
                None => self.rows.lock().unwrap().remove(&key),
            };
        }
        Ok(())
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        let own = self.name.as_bytes();
        self.rows.lock().unwrap().retain(|key, _| !key.starts_with(own));
        Ok(())
    }
}

#[test]
fn a_block_that_cannot_be_read_while_running_is_replaced() {
    let house = House::embedded();
    let disk = Arc::new(Rotting::default());
    let options =
        RuntimeOptions { local_state: LocalState::Disk(Arc::clone(&disk) as Arc<dyn Disk>), ..house.options("one") };
    let runtime = house.start_with(&options);
    house.append("stream", 0, "b", "go");
    house.wait_for_outputs(1);
    append(&house, 5);
    house.wait_for_outputs(6);
    runtime.stop();
    let runtime = house.start_with(&options);
    wait_until_running(&runtime);
    disk.is_rotten.store(true, Ordering::SeqCst);
    // The last unit of work may be in memory, read from the changelog; this key is on the disk alone.
    house.append("stream", 0, "b", "go");
    assert_eq!(house.wait_for_outputs(7).last().map(String::as_str), Some("b=go#2"));
    wait_until_running(&runtime);
    assert_eq!(disk.reasons.lock().unwrap()[..], ["a block is rotten"]);
    house.append("stream", 1, "c", "go");
    eventually("the other partition goes on too", || house.outputs().len() == 8);
    runtime.stop();
}
