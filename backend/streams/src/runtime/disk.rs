//! What local state is kept on: ordered rows of bytes, in keyspaces of their own. On a machine that is a fjall database; a test
//! may give a disk that tears.

use std::path::Path;

use bytes::Bytes;
use fjall::{Database, KeyspaceCreateOptions};

use crate::store::StoreError;

/// Rows to set, or to remove where the value is `None`.
pub type Write<'a> = &'a mut dyn Iterator<Item = (Vec<u8>, Option<Bytes>)>;

/// Keeps keyspaces. A crash may cost the last writes, of all keyspaces together: what is left is as it once was.
pub trait Disk: Send + Sync {
    /// Opens the keyspace of this name, and makes it where there is none. It has one holder at a time.
    ///
    /// # Errors
    /// It cannot be read.
    fn keyspace(&self, name: &str) -> Result<Box<dyn Keyspace>, StoreError>;
}

/// Rows, ordered by their keys.
pub trait Keyspace: Send {
    /// The value of a key.
    ///
    /// # Errors
    /// It cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StoreError>;

    /// The rows whose keys start with `prefix`, in order.
    ///
    /// # Errors
    /// They cannot be read.
    fn scan_prefix(&self, prefix: &[u8]) -> Result<Vec<(Bytes, Bytes)>, StoreError>;

    /// The first key of all.
    ///
    /// # Errors
    /// It cannot be read.
    fn first_key(&self) -> Result<Option<Bytes>, StoreError>;

    /// Writes these rows, which come in the order of their keys, together or not at all.
    ///
    /// # Errors
    /// They cannot be written.
    fn write(&mut self, rows: Write<'_>) -> Result<(), StoreError>;

    /// Drops all rows.
    ///
    /// # Errors
    /// They cannot be dropped.
    fn clear(&mut self) -> Result<(), StoreError>;
}

impl From<fjall::Error> for StoreError {
    fn from(error: fjall::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// A folder on this machine.
pub(super) struct FolderDisk(Database);

impl FolderDisk {
    /// Opens the folder, and makes it where there is none.
    pub(super) fn open(folder: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(folder).map_err(|error| StoreError::new(format!("{}: {error}", folder.display())))?;
        Ok(Self(Database::builder(folder).open()?))
    }
}

impl Disk for FolderDisk {
    fn keyspace(&self, name: &str) -> Result<Box<dyn Keyspace>, StoreError> {
        let keyspace = self.0.keyspace(name, KeyspaceCreateOptions::default)?;
        Ok(Box::new(FolderKeyspace { database: self.0.clone(), name: name.to_owned(), keyspace }))
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
        self.keyspace = self.database.keyspace(&self.name, KeyspaceCreateOptions::default)?;
        Ok(())
    }
}
