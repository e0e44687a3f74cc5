//! The log's folder: locked for one process, and made as a whole or made again.
//!
//! While a store is being made, the folder holds a file that says so. Who finds that file was preceded by one who was
//! killed meanwhile: nothing was acknowledged yet, so what is there is cleared away. Without that file nothing ever is.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Result as IoResult};
use std::path::{Path, PathBuf};

use crate::port::{LogError, Result};

const LOCK: &str = "gavel.lock";
const UNFINISHED: &str = "gavel.unfinished";

/// A locked folder; it is free again when this is dropped.
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Drop for Folder {
    /// Says so, for to close the file may not be enough: a process that another thread is just starting has it open, too, until it runs
    /// its own program.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "the data folder stays locked until this process ends");
        }
    }
}

impl Folder {
    /// Makes the folder if need be, and takes it.
    pub(super) fn lock(path: &Path) -> Result<Self> {
        let failed = |error| unwritable(path, &error);
        fs::create_dir_all(path).map_err(failed)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK)).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), lock }),
            Err(TryLockError::WouldBlock) => Err(LogError::FolderInUse(path.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// True if a store is to be made here; whatever an unfinished attempt left is gone then.
    pub(super) fn begin(&self) -> Result<bool> {
        self.try_begin().map_err(|error| unwritable(&self.path, &error))
    }

    fn try_begin(&self) -> IoResult<bool> {
        let unfinished = self.path.join(UNFINISHED);
        if unfinished.try_exists()? {
            self.clear()?;
        } else if self.has_store()? {
            return Ok(false);
        }
        File::create(unfinished)?.sync_all()?;
        sync(&self.path)?;
        // A folder that was just made is itself a row of its parent.
        sync(self.path.canonicalize()?.parent().unwrap_or(&self.path))?;
        Ok(true)
    }

    fn has_store(&self) -> IoResult<bool> {
        Ok(self.path.join("version").try_exists()? || self.path.join("keyspaces").try_exists()?)
    }

    /// Removes what fjall makes, by name, and nothing else.
    fn clear(&self) -> IoResult<()> {
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path();
            let is_journal = path.extension().is_some_and(|extension| extension == "jnl");
            if path.ends_with("keyspaces") {
                fs::remove_dir_all(path)?;
            } else if is_journal || path.ends_with("version") || path.ends_with("lock") {
                fs::remove_file(path)?;
            }
        }
        sync(&self.path)
    }

    /// Says that the store is whole.
    pub(super) fn complete(&self) -> Result<()> {
        let completed = match fs::remove_file(self.path.join(UNFINISHED)) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => sync(&self.path),
        };
        completed.map_err(|error| unwritable(&self.path, &error))
    }
}

/// Makes a folder's rows durable.
fn sync(folder: &Path) -> IoResult<()> {
    File::open(folder)?.sync_all()
}

/// The folder cannot be used.
pub(super) fn unwritable(folder: &Path, error: &std::io::Error) -> LogError {
    LogError::Storage(format!("{}: {error}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As of a process that is being started: the file is open there, too, until it runs its own program.
    #[test]
    fn a_copy_of_its_file_does_not_keep_a_folder_locked() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::lock(place.path()).unwrap();
        let copy = folder.lock.try_clone().unwrap();
        drop(folder);
        let again = Folder::lock(place.path());
        assert!(again.is_ok(), "{:?}", again.err());
        drop(copy);
    }
}
