//! Disks that lose what was written last. Batches are whole, and what is left after a crash is as it once was.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use gavel_streams::StoreError;
use gavel_streams::runtime::{Disk, Keyspace, Write};

use crate::random::Random;

type Rows = BTreeMap<Bytes, Bytes>;

/// What a disk holds.
#[derive(Debug, Clone, Default)]
struct Content(BTreeMap<String, Rows>);

#[derive(Debug, Clone)]
enum Change {
    Write { keyspace: String, rows: Vec<(Bytes, Option<Bytes>)> },
    Clear { keyspace: String },
}

impl Content {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Write { keyspace, rows } => {
                let target = self.0.entry(keyspace.clone()).or_default();
                for (key, value) in rows {
                    match value {
                        Some(value) => target.insert(key.clone(), value.clone()),
                        None => target.remove(key),
                    };
                }
            }
            Change::Clear { keyspace } => drop(self.0.remove(keyspace)),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    /// As a process sees it.
    present: Content,
    /// As it was when last made durable, and what was changed since.
    durable: Content,
    since: Vec<Change>,
    /// How many processes it has outlived. Those write no more.
    lives: u64,
    /// How many writes it refuses from now on.
    refusals: u32,
    is_damaged: bool,
}

/// The disk of one process and its successors.
#[derive(Debug, Clone, Default)]
pub(crate) struct SimulatedDisk(Arc<Mutex<State>>);

impl SimulatedDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The process is dead: nothing it still does reaches the disk.
    pub(crate) fn cut_off(&self) {
        self.state().lives += 1;
    }

    /// Keeps some of what was not made durable, and loses the rest.
    pub(crate) fn tear(&self, random: &mut Random) {
        let mut state = self.state();
        let kept = random.below(state.since.len() + 1);
        let mut content = std::mem::take(&mut state.durable);
        let since = std::mem::take(&mut state.since);
        since[..kept].iter().for_each(|change| content.apply(change));
        state.durable = content.clone();
        state.present = content;
    }

    pub(crate) fn wipe(&self) {
        let mut state = self.state();
        *state = State { lives: state.lives, ..State::default() };
    }

    /// Makes all durable.
    pub(crate) fn sync(&self) {
        let mut state = self.state();
        state.durable = state.present.clone();
        state.since.clear();
    }

    /// Has the next writes fail.
    pub(crate) fn refuse(&self, writes: u32) {
        self.state().refusals = writes;
    }

    /// Has all reads and writes fail until it is begun anew.
    pub(crate) fn damage(&self) {
        self.state().is_damaged = true;
    }

    /// It works again.
    pub(crate) fn mend(&self) {
        let mut state = self.state();
        (state.refusals, state.is_damaged) = (0, false);
    }

    /// The rows of a keyspace whose first byte is this, without it.
    pub(crate) fn rows(&self, keyspace: &str, store: u8) -> Vec<(Bytes, Bytes)> {
        let state = self.state();
        let rows = state.present.0.get(keyspace).into_iter().flatten();
        rows.filter(|(key, _)| key[0] == store).map(|(key, value)| (key.slice(1..), value.clone())).collect()
    }
}

impl Disk for SimulatedDisk {
    fn keyspace(&self, name: &str) -> Result<Box<dyn Keyspace>, StoreError> {
        let life = self.state().lives;
        Ok(Box::new(SimulatedKeyspace { disk: self.clone(), name: name.into(), life }))
    }

    fn renew(&self, damage: Option<&str>) -> Result<(), StoreError> {
        if damage.is_some() {
            self.wipe();
        }
        Ok(())
    }
}

struct SimulatedKeyspace {
    disk: SimulatedDisk,
    name: String,
    life: u64,
}

impl SimulatedKeyspace {
    fn read<T>(&self, look: impl FnOnce(&Rows) -> T) -> Result<T, StoreError> {
        let state = self.disk.state();
        if state.is_damaged {
            return Err(StoreError::damage("a checksum is wrong"));
        }
        let rows = state.present.0.get(&self.name);
        Ok(look(rows.unwrap_or(&Rows::new())))
    }

    fn change(&self, change: Change) -> Result<(), StoreError> {
        let mut state = self.disk.state();
        if self.life < state.lives {
            return Err(StoreError::new("the process is dead"));
        }
        if state.is_damaged {
            return Err(StoreError::damage("a checksum is wrong"));
        }
        if state.refusals > 0 {
            state.refusals -= 1;
            return Err(StoreError::new("the disk is full"));
        }
        state.present.apply(&change);
        state.since.push(change);
        Ok(())
    }
}

impl Keyspace for SimulatedKeyspace {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        self.read(|rows| rows.get(key).cloned())
    }

    fn scan_prefix(&self, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        self.read(|rows| {
            let from = rows.range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded));
            let found = from.take_while(|(key, _)| key.starts_with(prefix));
            found.map(|(key, value)| (key.clone(), value.clone())).collect()
        })
    }

    fn first_key(&self) -> Result<Option<Bytes>, StoreError> {
        self.read(|rows| rows.keys().next().cloned())
    }

    fn write(&mut self, rows: Write<'_>) -> Result<(), StoreError> {
        let rows = rows.map(|(key, value)| (key.into(), value)).collect();
        self.change(Change::Write { keyspace: self.name.clone(), rows })
    }

    fn clear(&mut self) -> Result<(), StoreError> {
        self.change(Change::Clear { keyspace: self.name.clone() })
    }
}
