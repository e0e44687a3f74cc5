//! The rows on disk: one fjall keyspace, whose journal makes a batch atomic and durable, whose checksums find damage
//! and whose lock file keeps a second process out. See `docs/decisions/0001-embedded-log-storage.md`.

use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

use super::Strictness;
use super::chunk::Chunk;
use super::folder::{Folder, unwritable};
use super::journal;
use super::key::{self, Key};
use super::state::PartitionId;
use crate::port::{LogError, Result};

/// What fjall gathers in memory before it writes a table, and what it keeps of tables it has read: what readers want is mostly in
/// the log's own tails.
const MEMTABLE_BYTES: u64 = 8 << 20;
const TABLE_CACHE_BYTES: u64 = 8 << 20;
/// What fjall may hold in memory before appends wait: while its one thread merges tables it writes none, and all that is appended
/// meanwhile stays in memory.
const UNWRITTEN_BYTES_MAX: u64 = 24 << 20;
/// How often an append that waits looks again, and for how long: if fjall has failed, the commit says so.
const LOOK_EVERY: Duration = Duration::from_millis(5);
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// The open store.
pub(super) struct Store {
    database: Database,
    rows: Keyspace,
    durable: PersistMode,
    /// Dropped last.
    folder: Folder,
}

impl Store {
    /// Opens or makes the store in `path`.
    pub(super) fn open(path: &Path, strictness: Strictness) -> Result<Self> {
        let folder = Folder::lock(path)?;
        let is_new = folder.begin()?;
        // Without a sync per batch, a power cut may lose one and keep the next: that is no damage.
        if strictness == Strictness::Fsync {
            journal::check(path)?;
        }
        let database = Database::builder(path).worker_threads(1).cache_size(TABLE_CACHE_BYTES);
        let database = database.journal_compression(CompressionType::None);
        let database = database.open().map_err(|error| match error {
            fjall::Error::Locked => LogError::FolderInUse(path.to_owned()),
            fjall::Error::Io(error) => unwritable(path, &error),
            other => LogError::Corrupt(other.to_string()),
        })?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let rows = database.keyspace("log", options).map_err(failed)?;
        let durable = match strictness {
            Strictness::Fsync => PersistMode::SyncData,
            Strictness::Os => PersistMode::Buffer,
        };
        let store = Self { database, rows, durable, folder };
        store.check_format()?;
        if is_new {
            store.database.persist(PersistMode::SyncAll).map_err(failed)?;
            store.folder.complete()?;
        }
        Ok(store)
    }

    fn check_format(&self) -> Result<()> {
        match self.get(Key::Format)? {
            Some(format) if *format == key::FORMAT.to_be_bytes() => Ok(()),
            Some(_) => Err(LogError::Corrupt("the data folder was written by a newer gavel".into())),
            None => {
                let mut batch = self.batch();
                batch.put(Key::Format, key::FORMAT.to_be_bytes());
                batch.commit_durably()
            }
        }
    }

    /// The log's id; a store that has none yet is given one.
    pub(super) fn id(&self) -> Result<String> {
        if let Some(id) = self.get(Key::Id)? {
            return String::from_utf8(id.to_vec()).map_err(|_| LogError::Corrupt("the log's id is no text".into()));
        }
        let id = uuid::Uuid::new_v4().to_string();
        let mut batch = self.batch();
        batch.put(Key::Id, id.as_bytes());
        batch.commit_durably()?;
        Ok(id)
    }

    /// A batch to fill and commit: all of it lands, or nothing.
    pub(super) fn batch(&self) -> Batch<'_> {
        Batch { store: self, inner: self.database.batch() }
    }

    /// Waits until fjall has written tables, where it holds much in memory. It tells nobody when it has: one has to look.
    fn wait_for_tables(&self) {
        let began = Instant::now();
        while self.database.write_buffer_size() > UNWRITTEN_BYTES_MAX && began.elapsed() < LONGEST_WAIT {
            thread::sleep(LOOK_EVERY);
        }
    }

    /// The value of a key.
    pub(super) fn get(&self, key: Key<'_>) -> Result<Option<Bytes>> {
        Ok(self.rows.get(key.bytes()).map_err(failed)?.map(Bytes::from_owner))
    }

    /// Every row whose key begins so.
    pub(super) fn rows(&self, prefix: &[u8]) -> impl Iterator<Item = Result<(Vec<u8>, Bytes)>> {
        self.rows.prefix(prefix).map(|row| {
            let (key, value) = row.into_inner().map_err(failed)?;
            Ok((key.to_vec(), Bytes::from_owner(value)))
        })
    }

    /// The chunks that hold offsets from `from` on, in order.
    pub(super) fn chunks(&self, id: PartitionId, from: u64) -> Result<impl Iterator<Item = Result<Chunk>>> {
        let first = match self.bases(id, 0..=from).next_back() {
            Some(row) => key::base_of(&row.key().map_err(failed)?).unwrap_or(from),
            None => from,
        };
        Ok(self
            .bases(id, first..=u64::MAX)
            .map(chunk)
            .skip_while(move |chunk| chunk.as_ref().is_ok_and(|chunk| chunk.end() <= from)))
    }

    /// The last chunk of a partition.
    pub(super) fn last_chunk(&self, id: PartitionId) -> Result<Option<Chunk>> {
        self.bases(id, 0..=u64::MAX).next_back().map(chunk).transpose()
    }

    fn bases(&self, id: PartitionId, bases: RangeInclusive<u64>) -> fjall::Iter {
        self.rows.range(Key::Chunk(id, *bases.start()).bytes()..=Key::Chunk(id, *bases.end()).bytes())
    }
}

fn chunk(row: fjall::Guard) -> Result<Chunk> {
    let (key, value) = row.into_inner().map_err(failed)?;
    let base = key::base_of(&key).ok_or_else(|| LogError::Corrupt("a chunk has no offset".into()))?;
    Chunk::parse(base, Bytes::from_owner(value))
}

/// Rows to write together.
pub(super) struct Batch<'a> {
    store: &'a Store,
    inner: OwnedWriteBatch,
}

impl Batch<'_> {
    /// Writes a row.
    pub(super) fn put(&mut self, key: Key<'_>, value: impl AsRef<[u8]>) {
        self.inner.insert(&self.store.rows, key.bytes(), value.as_ref());
    }

    /// Removes a row.
    pub(super) fn delete(&mut self, key: Key<'_>) {
        self.inner.remove(&self.store.rows, key.bytes());
    }

    /// Commits; on return it is as durable as the log's strictness says.
    pub(super) fn commit_durably(self) -> Result<()> {
        let durable = self.store.durable;
        self.store.wait_for_tables();
        self.inner.durability(Some(durable)).commit().map_err(failed)
    }

    /// Commits what a crash may undo: the next durable commit makes this durable too.
    pub(super) fn commit(self) -> Result<()> {
        self.inner.commit().map_err(failed)
    }
}

/// The port's words for a failure of fjall.
fn failed(error: fjall::Error) -> LogError {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => unwritten(&error),
        fjall::Error::Poisoned => LogError::Storage("an earlier write failed; restart gavel".into()),
        other => LogError::Corrupt(other.to_string()),
    }
}

/// A quota and a limit of files are as full as a disk.
fn unwritten(error: &std::io::Error) -> LogError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            LogError::DiskFull(error.to_string())
        }
        _ => LogError::Storage(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_a_table_yet_is_bounded() {
        const ROW_BYTES: usize = 1 << 20;
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Strictness::Os).unwrap();
        let mut most_bytes = 0;
        for base in 0..60 {
            for partition in 0..4 {
                let mut batch = store.batch();
                batch.put(Key::Chunk(PartitionId { topic: 0, partition }, base), vec![0; ROW_BYTES]);
                batch.commit_durably().unwrap();
                most_bytes = store.database.write_buffer_size().max(most_bytes);
            }
        }
        assert!(most_bytes <= UNWRITTEN_BYTES_MAX + 2 * ROW_BYTES as u64, "{most_bytes} bytes");
    }

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        let of = |errno| failed(fjall::Error::Io(std::io::Error::from_raw_os_error(errno)));
        let (no_space, quota, too_large, broken) = (of(28), of(122), of(27), of(5));
        for full in [no_space, quota, too_large] {
            assert!(matches!(full, LogError::DiskFull(_)), "{full}");
        }
        assert!(matches!(broken, LogError::Storage(_)), "{broken}");
    }
}
