//! The working half: streams that decide, tell and count, and the projector.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gavel_auctions::wire::topics::{CONTROL, METRICS};
use gavel_log::Log;
use gavel_readmodel::{Database, Projector, ProjectorConfig, ProjectorStatus};
use gavel_streams::runtime::{RuntimeStatus, Steering};
use gavel_streams::{Runtime, RuntimeOptions};
use tokio::runtime::Handle;

use super::{StartError, folder, topics};
use crate::config::Config;

/// The running workers.
pub struct Workers(Mutex<Option<Running>>);

struct Running {
    streams: Runtime,
    projector: Projector,
}

/// Several topologies share this process and its 300 MiB, so the units of work of each grow less than those of one alone may; still
/// less where the embedded log keeps a transaction in memory, too, until it is committed.
const UNIT_RECORDS_MAX: usize = 8_192;
const EMBEDDED_UNIT_RECORDS_MAX: usize = 4_096;

impl Workers {
    /// Starts them.
    pub(super) async fn start(
        config: &Config,
        log: &Arc<dyn Log>,
        database: &Database,
        instance: &str,
        address: SocketAddr,
    ) -> Result<Self, StartError> {
        let steering = Steering {
            control_topic: CONTROL.into(),
            status_topic: METRICS.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            address: address.to_string(),
        };
        let session_timeout = Duration::from_millis(config.session_timeout_ms.into());
        let options = RuntimeOptions {
            max_unit_records: if config.kafka.is_some() { UNIT_RECORDS_MAX } else { EMBEDDED_UNIT_RECORDS_MAX },
            session_timeout,
            steering: Some(steering),
            standbys: config.standbys,
            threads: config.threads,
            ..RuntimeOptions::new(folder::streams(config), instance)
        };
        let (topologies, streams_log) = (topics::topologies()?, Arc::clone(log));
        let streams = tokio::task::spawn_blocking(move || Runtime::start(&streams_log, &topologies, &options));
        let streams = streams.await.map_err(|panic| StartError::Threads(panic.into()))??;
        let membership = ProjectorConfig {
            instance: Some(format!("{instance}-projector")),
            session_timeout,
            ..ProjectorConfig::default()
        };
        let projector = Projector::start(database.clone(), Arc::clone(log), membership, Handle::current());
        let projector = projector.map_err(StartError::Threads)?;
        Ok(Self(Mutex::new(Some(Running { streams, projector }))))
    }

    /// How they are; `None` once they are stopped.
    #[must_use]
    pub fn status(&self) -> Option<(RuntimeStatus, ProjectorStatus)> {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().map(|running| (running.streams.status(), running.projector.status()))
    }

    /// Finishes the units of work in hand, and stops.
    pub(super) async fn stop(&self) {
        let running = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Running { streams, projector }) = running else { return };
        if tokio::task::spawn_blocking(move || streams.stop()).await.is_err() {
            tracing::error!("the streams panicked while they were stopped");
        }
        projector.stop().await;
    }
}
