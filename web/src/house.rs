//! The house: the parts of one process, started in order and stopped in the other.
//!
//! ```text
//! log ─ topics ─ database ─┬─ workers: streams, projector      (serve, work)
//!                          └─ live tail ─ AppState ─ pages, API (serve, web)
//! HTTP: all that, or health and metrics alone                   (all)
//! ```
//!
//! Whatever cannot be had at the start is a [`StartError`]: one line that says what to do. What is lost later is waited for.

mod error;
mod folder;
mod log;
pub mod topics;
mod workers;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gavel_log::Log;
use gavel_readmodel::Database;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::edge::geo::Geo;
use crate::edge::own_maximum::OwnMaxima;
use crate::edge::words::ProhibitedWords;
use crate::live::{Live, LiveParts};
use crate::metrics;
use crate::operator::Door;
use crate::security::aliases::Aliases;
use crate::security::password::Passwords;
use crate::security::rate_limit::RateLimits;
use crate::server::{self, Connections};
use crate::state::{AppState, Parts};
use crate::vitals::Vitals;

pub use error::StartError;
pub use folder::open_database;
pub use log::{holds_log, open_log};
pub use workers::Workers;

/// How long requests in hand may take when the house closes.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);

/// What every system allows, where it does not say how many files it does.
const FILES_AT_LEAST: usize = 256;

/// Which half of the house a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Both.
    Both,
    /// Pages, API, live.
    Web,
    /// Streams and projections.
    Work,
}

impl Role {
    fn has_web(self) -> bool {
        self != Self::Work
    }

    fn has_workers(self) -> bool {
        self != Self::Web
    }
}

/// A running house.
pub struct House {
    address: SocketAddr,
    database: Database,
    live: Option<Arc<Live>>,
    workers: Option<Arc<Workers>>,
    stopping: watch::Sender<bool>,
    http: JoinHandle<()>,
    housekeeping: Option<JoinHandle<()>>,
    door: Option<Door>,
}

impl House {
    /// Opens the house: when this returns, it answers.
    ///
    /// # Errors
    /// [`StartError`]; whatever was started is stopped again.
    pub async fn open(config: Config, role: Role) -> Result<Self, StartError> {
        metrics::start();
        config_fits(&config, role)?;
        folder::prepare(&config)?;
        // Found out before anything is written.
        let listener = TcpListener::bind(config.listen)
            .await
            .map_err(|reason| StartError::Listen { address: config.listen, reason })?;
        let address = listener.local_addr().map_err(|reason| StartError::Listen { address: config.listen, reason })?;
        let geo = Geo::open(config.geo_database.as_deref())?;
        let words = ProhibitedWords::open(config.prohibited_words.as_deref()).map_err(|reason| StartError::Words {
            path: config.prohibited_words.clone().unwrap_or_default(),
            reason,
        })?;
        let log = open_log(&config).await?;
        match role {
            Role::Both => topics::create(Arc::clone(&log), config.partitions).await.map(|_| ())?,
            Role::Web | Role::Work => topics::check(Arc::clone(&log), config.partitions).await?,
        }
        let database = open_database(&config).await?;
        let instance = folder::instance(&config)?;
        let workers = match role.has_workers() {
            true => Some(Arc::new(Workers::start(&config, &log, &database, &instance, address).await?)),
            false => None,
        };
        let door = open_door(&config, &log);
        let admission = Connections::new(files_max(), &config.trusted_proxies, config.rate_limits);
        let state = match role.has_web() {
            true => Some(state(config, address, &log, &database, instance, (geo, words)).await?),
            false => None,
        };
        let live = state.as_ref().map(|state| Arc::clone(&state.live));
        let vitals = Vitals {
            log,
            database: database.clone(),
            live: live.clone(),
            workers: workers.as_ref().map(Arc::clone),
            seen: Mutex::default(),
        };
        let housekeeping = state.clone().map(|state| tokio::spawn(keep_tidy(state)));
        let (stopping, stop) = watch::channel(false);
        let http = tokio::spawn(server::serve(listener, server::router(state, vitals), admission, stop));
        Ok(Self { address, database, live, workers, stopping, http, housekeeping, door })
    }

    /// Where it is served.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the house can serve nobody any more, which should not be; answers why. Workers that have stopped are no
    /// reason: the others go on, what is there is served, and `/readyz` tells.
    pub async fn failed(&mut self) -> &'static str {
        // However it ended, it has.
        let _ = (&mut self.http).await;
        "the HTTP server stopped"
    }

    /// Closes: requests in hand are answered, watchers told to come again, units of work finished.
    pub async fn close(self) {
        self.stopping.send_replace(true);
        if let Some(door) = self.door
            && tokio::time::timeout(CLOSE_WITHIN, door.close()).await.is_err()
        {
            tracing::warn!("a command of an operator was left unfinished");
        }
        // Bids in hand wait for their decisions, so the tail and the workers are stopped after them.
        if !self.http.is_finished() && tokio::time::timeout(CLOSE_WITHIN, self.http).await.is_err() {
            tracing::warn!("some requests were not answered in time");
        }
        if let Some(live) = &self.live {
            live.stop().await;
        }
        if let Some(housekeeping) = self.housekeeping {
            housekeeping.abort();
        }
        if let Some(workers) = self.workers {
            workers.stop().await;
        }
        self.database.close().await;
    }
}

/// As many open files as the system allows: each connection is one.
fn files_max() -> usize {
    let raised = rlimit::increase_nofile_limit(u64::MAX);
    let files = raised.as_ref().map_or(FILES_AT_LEAST, |files| usize::try_from(*files).unwrap_or(usize::MAX));
    tracing::info!(files, "this process may open so many files; raise the hard limit for more connections");
    files
}

/// Two processes can share neither an embedded log nor an SQLite file.
fn config_fits(config: &Config, role: Role) -> Result<(), StartError> {
    if role == Role::Both {
        return Ok(());
    }
    let has_postgres = matches!(folder::database_url(config)?, gavel_readmodel::DatabaseUrl::Postgres(_));
    match (config.kafka.is_some(), has_postgres) {
        (true, true) => Ok(()),
        (true, false) => Err(StartError::SplitNeedsPostgres),
        (false, true) => Err(StartError::SplitNeedsKafka),
        (false, false) => Err(StartError::SplitNeedsServers),
    }
}

/// Whoever holds the log takes the operators' commands; on Kafka they go to the log themselves. A house without a door is
/// open all the same.
fn open_door(config: &Config, log: &Arc<dyn Log>) -> Option<Door> {
    if config.kafka.is_some() {
        return None;
    }
    let opened = Door::open(&config.data, Arc::clone(log));
    opened.inspect_err(|error| tracing::warn!(%error, "operators' commands will not reach this house")).ok()
}

async fn state(
    config: Config,
    address: SocketAddr,
    log: &Arc<dyn Log>,
    database: &Database,
    instance: String,
    (geo, words): (Geo, ProhibitedWords),
) -> Result<AppState, StartError> {
    let producer = log.producer()?;
    let control = Arc::clone(log);
    let aliases = log::off_thread(move || Aliases::open(&*control)).await?;
    let live = Live::start(LiveParts {
        database: database.clone(),
        log: Arc::clone(log),
        producer: Arc::clone(&producer),
        source: instance,
        aliases: aliases.clone(),
        is_limited: config.rate_limits == crate::config::Switch::On,
    })
    .map_err(StartError::Threads)?;
    Ok(AppState::new(Parts {
        can_start_demo: config.kafka.is_none(),
        address,
        database: database.clone(),
        log: Arc::clone(log),
        producer,
        hub: Arc::clone(&live.hub),
        flow: Arc::clone(&live.flow),
        live,
        geo,
        words,
        limits: RateLimits::new(config.rate_limits),
        aliases,
        maxima: OwnMaxima::default(),
        passwords: Passwords::prepared(),
        config,
    }))
}

/// Forgets expired sessions and idle clients now and then.
async fn keep_tidy(state: AppState) {
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    loop {
        minutes.tick().await;
        state.limits.forget_idle();
        if let Err(error) = state.database.delete_expired_sessions(state.now_ms()).await {
            tracing::debug!(%error, "expired sessions were not deleted");
        }
    }
}
