//! Why a house does not open.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use gavel_log::LogError;
use gavel_streams::TopologyError;
use gavel_streams::runtime::RuntimeError;

use crate::edge::geo::GeoError;

/// Why a house does not open: one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Somebody else listens there, or may not be listened there.
    #[error("cannot listen on {address}: {reason}; choose another with --listen ADDR:PORT")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        reason: io::Error,
    },
    /// The data folder cannot be written.
    #[error("cannot write to the data folder {}: {reason}; choose another with --data DIR", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// `web` and `work` without Kafka.
    #[error(
        "web and work apart need Kafka: name it with --kafka HOST:PORT, or run both in one process with gavel serve"
    )]
    SplitNeedsKafka,
    /// `web` and `work` with neither.
    #[error(
        "web and work apart need Kafka and PostgreSQL: name them with --kafka HOST:PORT and --database postgres://…, or \
         run both in one process with gavel serve"
    )]
    SplitNeedsServers,
    /// `web` and `work` with SQLite.
    #[error("web and work apart need PostgreSQL: name it with --database postgres://…; SQLite serves one process only")]
    SplitNeedsPostgres,
    /// The list of prohibited words.
    #[error("cannot read the prohibited words in {}: {reason}", .path.display())]
    Words {
        /// Where.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// The geo database.
    #[error(transparent)]
    Geo(#[from] GeoError),
    /// Topics are missing.
    #[error("topics are missing: {}; create them with gavel topics create", .0.join(", "))]
    TopicsMissing(Vec<String>),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The database.
    #[error(transparent)]
    Database(#[from] gavel_readmodel::Error),
    /// The streams.
    #[error(transparent)]
    Streams(#[from] RuntimeError),
    /// A topology: a mistake in Gavel.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// The system gives no thread.
    #[error("cannot start a thread: {0}")]
    Threads(io::Error),
}
