//! What local state is kept on: ordered rows of bytes, in keyspaces of their own. On a machine that is a fjall database; a test
//! may give a disk that tears.

mod folder;

use bytes::Bytes;

pub(super) use folder::FolderDisk;

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

    /// Whether what is there was read from another log than this, or is kept in a way that is not known here. Takes note of the
    /// log where nothing is noted.
    ///
    /// # Errors
    /// It cannot be read or noted.
    fn is_foreign(&self, _log_id: &str) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Closes the disk, to be opened again by the next keyspace; what cannot be used, for this reason, is set aside before.
    /// Nobody holds a keyspace.
    ///
    /// # Errors
    /// It cannot be set aside.
    fn renew(&self, _damage: Option<&str>) -> Result<(), StoreError> {
        Ok(())
    }
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
