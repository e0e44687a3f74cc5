//! The data folder: `log/` and `operator.sock` (embedded), `gavel.db` (SQLite), `streams/` (local state), `instance` (this
//! process's name).

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use gavel_readmodel::{Database, DatabaseUrl};
use uuid::Uuid;

use super::StartError;
use crate::config::Config;

/// Sees to it that the folder is there and can be written.
pub(super) fn prepare(config: &Config) -> Result<(), StartError> {
    let failed = |reason| StartError::Folder { path: config.data.clone(), reason };
    // Nobody else may read what is in it: bids, addresses, hashes.
    DirBuilder::new().recursive(true).mode(0o700).create(&config.data).map_err(failed)?;
    let probe = config.data.join(format!(".probe-{}", std::process::id()));
    fs::write(&probe, []).and_then(|()| fs::remove_file(&probe)).map_err(failed)
}

/// Where the embedded log is.
pub(super) fn log(config: &Config) -> PathBuf {
    config.data.join("log")
}

/// Where the streams keep their local state.
pub(super) fn streams(config: &Config) -> PathBuf {
    config.data.join("streams")
}

/// Where the database is.
pub(super) fn database_url(config: &Config) -> Result<DatabaseUrl, StartError> {
    match &config.database {
        Some(url) => Ok(url.parse()?),
        None => Ok(DatabaseUrl::Sqlite(config.data.join("gavel.db"))),
    }
}

/// Opens the database, and brings it to what this build knows.
///
/// # Errors
/// [`StartError`].
pub async fn open_database(config: &Config) -> Result<Database, StartError> {
    prepare(config)?;
    Ok(Database::connect(&database_url(config)?).await?)
}

/// The name of this process among those of the same house: as configured, else one of its own, kept in the folder so
/// that it is the same after a restart.
pub(super) fn instance(config: &Config) -> Result<String, StartError> {
    if let Some(instance) = &config.instance {
        return Ok(instance.clone());
    }
    let path = config.data.join("instance");
    let failed = |reason| StartError::Folder { path: path.clone(), reason };
    match fs::read_to_string(&path) {
        Ok(name) if !name.trim().is_empty() => Ok(name.trim().to_owned()),
        Err(reason) if reason.kind() != io::ErrorKind::NotFound => Err(failed(reason)),
        _ => {
            let name = Uuid::new_v4().simple().to_string()[..12].to_owned();
            fs::write(&path, &name).map_err(failed)?;
            Ok(name)
        }
    }
}
