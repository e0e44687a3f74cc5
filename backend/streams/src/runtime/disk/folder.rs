//! A folder on this machine: a fjall database, and a note of the log that it was read from. Its checksums find damage.
//!
//! What cannot be used is renamed, `.damaged-1` and so on, for whoever wants to know why; the last few are kept. It is worth
//! nothing else: all that is in it is in the changelogs.

mod aside;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use fjall::compaction::Leveled;
use fjall::config::{PartitioningPolicy, PinningPolicy};
use fjall::{Database, KeyspaceCreateOptions};
use serde::{Deserialize, Serialize};

use super::{Disk, Keyspace, Write};
use crate::store::StoreError;

/// The file that says what the folder is of.
const ORIGIN: &str = "origin.json";
/// Raised when what lies in the folder is kept otherwise.
const FOLDER_VERSION: u32 = 1;
/// What of the tables is kept in memory. What is recent is there anyhow, and the system caches files.
const CACHE_BYTES: u64 = 8 << 20;
/// So many writes wait beside each other before they are merged into what is older: to merge costs more than to look in each.
const UNMERGED_WRITES: u8 = 6;
/// How large a table becomes: what is merged at a time is a multiple of it.
const TABLE_BYTES: u64 = 16 << 20;
/// A disk that cannot read what it wrote.
const INPUT_OUTPUT_ERROR: i32 = 5;

/// What a folder is of.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Origin {
    version: u32,
    log: String,
}

impl From<fjall::Error> for StoreError {
    fn from(error: fjall::Error) -> Self {
        let is_damage = match &error {
            fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => is_damage(error),
            fjall::Error::Poisoned | fjall::Error::KeyspaceDeleted | fjall::Error::Locked => false,
            _ => true,
        };
        Self { problem: error.to_string(), is_damage }
    }
}

/// Whether what is on the disk is wrong, rather than that the disk is full or not to be written.
fn is_damage(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::UnexpectedEof | ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::NotFound
    ) || error.raw_os_error() == Some(INPUT_OUTPUT_ERROR)
}

/// A folder on this machine.
pub(in crate::runtime) struct FolderDisk {
    folder: PathBuf,
    database: Mutex<Option<Database>>,
}

impl FolderDisk {
    /// Opens the folder, and makes it where there is none.
    pub(in crate::runtime) fn open(folder: &Path) -> Result<Self, StoreError> {
        let disk = Self { folder: folder.to_owned(), database: Mutex::default() };
        disk.database()?;
        Ok(disk)
    }

    /// The open database.
    fn database(&self) -> Result<Database, StoreError> {
        let mut slot = self.slot();
        if let Some(database) = &*slot {
            return Ok(database.clone());
        }
        fs::create_dir_all(&self.folder).map_err(|error| self.failed(&error))?;
        let database = match self.open_database() {
            Err(error) if error.is_damage => {
                aside::set_aside(&self.folder, &error.problem).map_err(|error| self.failed(&error))?;
                self.open_database()?
            }
            opened => opened?,
        };
        Ok(slot.insert(database).clone())
    }

    fn open_database(&self) -> Result<Database, StoreError> {
        Ok(Database::builder(&self.folder).cache_size(CACHE_BYTES).open()?)
    }

    fn slot(&self) -> MutexGuard<'_, Option<Database>> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, error: &io::Error) -> StoreError {
        StoreError::new(format!("{}: {error}", self.folder.display()))
    }

    /// Written beside and renamed, so that it is whole or not there.
    fn note(&self, origin: &Origin) -> io::Result<()> {
        let written = self.folder.join(format!("{ORIGIN}.new"));
        fs::write(&written, serde_json::to_vec(origin)?)?;
        fs::rename(written, self.folder.join(ORIGIN))
    }
}

/// Filters stay in memory, in ten bits a row: most keys that are asked for are not there, such as those of bids that come for the
/// first time.
fn keyspace_options() -> KeyspaceCreateOptions {
    let compaction = Leveled::default().with_l0_threshold(UNMERGED_WRITES).with_table_target_size(TABLE_BYTES);
    KeyspaceCreateOptions::default()
        .filter_block_partitioning_policy(PartitioningPolicy::all(false))
        .filter_block_pinning_policy(PinningPolicy::all(true))
        .compaction_strategy(Arc::new(compaction))
}

impl Disk for FolderDisk {
    fn keyspace(&self, name: &str) -> Result<Box<dyn Keyspace>, StoreError> {
        let database = self.database()?;
        let keyspace = database.keyspace(name, keyspace_options)?;
        Ok(Box::new(FolderKeyspace { database, name: name.to_owned(), keyspace }))
    }

    fn is_foreign(&self, log_id: &str) -> Result<bool, StoreError> {
        let ours = Origin { version: FOLDER_VERSION, log: log_id.to_owned() };
        match fs::read(self.folder.join(ORIGIN)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok() != Some(ours)),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.note(&ours).map(|()| false).map_err(|error| self.failed(&error))
            }
            Err(error) => Err(self.failed(&error)),
        }
    }

    fn renew(&self, damage: Option<&str>) -> Result<(), StoreError> {
        let mut slot = self.slot();
        // With the last handle the database closes its files and ends its threads.
        slot.take();
        match damage {
            Some(reason) => aside::set_aside(&self.folder, reason).map_err(|error| self.failed(&error)),
            None => Ok(()),
        }
    }
}

/// Rows are written straight into sorted tables: a journal of them the log itself is.
struct FolderKeyspace {
    database: Database,
    name: String,
    keyspace: fjall::Keyspace,
}

impl Keyspace for FolderKeyspace {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError> {
        Ok(self.keyspace.get(key)?.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan_prefix(&self, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StoreError> {
        let row = |guard: fjall::Guard| {
            let (key, value) = guard.into_inner()?;
            Ok((Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value)))
        };
        self.keyspace.prefix(prefix).map(row).collect()
    }

    fn first_key(&self) -> Result<Option<Bytes>, StoreError> {
        let first = self.keyspace.iter().next().map(fjall::Guard::key).transpose()?;
        Ok(first.map(|key| Bytes::copy_from_slice(&key)))
    }

    fn write(&mut self, rows: Write<'_>) -> Result<(), StoreError> {
        let mut ingestion = self.keyspace.start_ingestion()?;
        for (key, value) in rows {
            match value {
                Some(value) => ingestion.write(key, &value[..])?,
                None => ingestion.write_tombstone(key)?,
            }
        }
        Ok(ingestion.finish()?)
    }

    /// A new keyspace takes its place. To clear it would be journalled, and done again at the next start, whatever was written
    /// since.
    fn clear(&mut self) -> Result<(), StoreError> {
        self.database.delete_keyspace(self.keyspace.clone())?;
        self.keyspace = self.database.keyspace(&self.name, keyspace_options)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
