//! What every request may need. Cheap to clone.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use gavel_log::{Log, Producer};
use gavel_readmodel::Database;

use crate::config::Config;
use crate::edge::geo::Geo;
use crate::edge::own_maximum::OwnMaxima;
use crate::edge::words::ProhibitedWords;
use crate::live::{Flow, Hub, Live};
use crate::security::aliases::Aliases;
use crate::security::password::Passwords;
use crate::security::rate_limit::RateLimits;

/// A handle to the parts.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

/// The parts of a web process.
pub struct Parts {
    /// How it is configured.
    pub config: Config,
    /// Accounts, sessions, images, and the read model.
    pub database: Database,
    /// The log, for lag and administration.
    pub log: Arc<dyn Log>,
    /// Appends commands.
    pub producer: Arc<dyn Producer>,
    /// What is live.
    pub live: Arc<Live>,
    /// Its recent events, waiting requests, watchers.
    pub hub: Arc<Hub>,
    /// How long bids take.
    pub flow: Arc<Flow>,
    /// Places of addresses.
    pub geo: Geo,
    /// Words that no listing may hold.
    pub words: ProhibitedWords,
    /// How often clients may ask.
    pub limits: RateLimits,
    /// Gives bidders their public names.
    pub aliases: Aliases,
    /// What bidders bid at most, for themselves.
    pub maxima: OwnMaxima,
    /// Hashing.
    pub passwords: Passwords,
    /// Where this process is served.
    pub address: SocketAddr,
    /// Whether the demo may be started from the empty home page: an embedded house only.
    pub can_start_demo: bool,
}

impl AppState {
    /// A handle to these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// The present, by this process's clock: for pages, sessions and limits. It decides no auction.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    }

    /// Whether people reach the house by https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.config.public_origin.as_deref().is_some_and(|origin| origin.starts_with("https://"))
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
