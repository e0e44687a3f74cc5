//! What is live: the tail of the log, the hub between it and the requests, and the WebSockets.
//!
//! ```text
//! log ── tail (one thread) ──┬─ hub: window ── pages and API, laid over the database
//!                            │       waiters ── the bid's POST
//!                            │       subscribers ── mailbox ── feed ── connection ── a watcher
//!                            ├─ badges ── unread notices        (frames put into mailboxes)
//!                            ├─ hints ── "the measures moved"
//!                            └─ board ── figures of every process
//! database ── projection ── hub: what the database has leaves the window
//! ```
//!
//! Invariants:
//! - An event is in the window or in the database, whichever moment one asks, if the window is asked first: unless the
//!   window is full, or the database being rebuilt. Then pages wait for the database.
//! - Of each item a connection is sent exactly the sequences after the one it came with, in order, once each (`feed`):
//!   what neither its subscription nor its mailbox can give is below its `horizon`, and the database is asked until it is
//!   past that.
//! - Nothing waits for a watcher: who cannot keep up is closed with 1013 and comes again with its last sequence.
//! - A bid's way from the log to the frame has no interval in it: polls end with data, tasks are woken.

mod admission;
mod badge;
mod connection;
mod event;
mod feed;
mod flow;
mod hints;
mod horizon;
mod hub;
mod lag;
mod mailbox;
mod projection;
mod report;
mod request;
mod socket;
mod standing;
mod subscribers;
mod tail;
mod waiters;
mod window;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use gavel_auctions::wire::topics;
use gavel_domain::AccountId;
use gavel_log::{Log, Producer, Record};
use gavel_readmodel::{Database, ProjectedOffset, ProjectionReport, keep_reporting};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::security::aliases::Aliases;
use admission::Admissions;
use badge::Badges;
pub use event::{DecisionKey, Fact, LiveEvent};
pub use flow::{Flow, FlowSnapshot};
use hints::Hints;
pub use hub::Hub;
pub use lag::{ProcessorLag, SourceLag, processor_lags};
use report::Board;
pub use report::FlowReport;
pub use socket::routes;
pub use standing::Standing;
use tail::{Reader, Tail};
pub use waiters::DecisionWaiter;

/// How long connections may take to part when the process stops.
const PART_WITHIN: Duration = Duration::from_secs(5);

/// What the live room is made from.
pub struct LiveParts {
    /// The read model.
    pub database: Database,
    /// The log.
    pub log: Arc<dyn Log>,
    /// Appends this process's figures.
    pub producer: Arc<dyn Producer>,
    /// Gives bidders their public names.
    pub aliases: Aliases,
    /// Name of this process in those figures.
    pub source: String,
    /// Whether connections are limited per address.
    pub is_limited: bool,
}

/// The live room of a process.
pub struct Live {
    /// Between the tail and the requests.
    pub hub: Arc<Hub>,
    /// How long bids take.
    pub flow: Arc<Flow>,
    database: Database,
    aliases: Aliases,
    badges: Arc<Badges>,
    hints: Arc<Hints>,
    board: Arc<Board>,
    admissions: Arc<Admissions>,
    source: String,
    stopping: watch::Sender<bool>,
    running: Mutex<Option<Running>>,
}

struct Running {
    tail: Tail,
    /// Aborted when dropped.
    tasks: JoinSet<()>,
}

impl Live {
    /// Starts the tail and the tasks on the present runtime. An unreachable log or database is waited for.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(parts: LiveParts) -> std::io::Result<Arc<Self>> {
        let flow = Arc::new(Flow::default());
        let hub = Arc::new(Hub::default());
        let live = Arc::new(Self {
            hub: Arc::clone(&hub),
            flow: Arc::clone(&flow),
            database: parts.database.clone(),
            aliases: parts.aliases.clone(),
            badges: Arc::default(),
            hints: Arc::default(),
            board: Arc::default(),
            admissions: Admissions::new(parts.is_limited),
            source: parts.source.clone(),
            stopping: watch::Sender::new(false),
            running: Mutex::new(None),
        });
        let dispatch = Dispatch {
            hub: Arc::clone(&hub),
            badges: Arc::clone(&live.badges),
            hints: Arc::clone(&live.hints),
            board: Arc::clone(&live.board),
            aliases: parts.aliases,
        };
        let tail = Tail::start(parts.database.clone(), parts.log, dispatch, Handle::current())?;
        let mut tasks = JoinSet::new();
        tasks.spawn(projection::follow(Arc::clone(&hub), parts.database.clone()));
        tasks.spawn(Arc::clone(&live.badges).keep(parts.database.clone()));
        tasks.spawn(Arc::clone(&live.hints).keep(parts.database));
        let (source, admissions) = (parts.source.clone(), Arc::clone(&live.admissions));
        let report = move || report::report(&source, &flow, (admissions.total(), hub.load().0));
        tasks.spawn(keep_reporting(parts.source, report, parts.producer));
        *live.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(Running { tail, tasks });
        Ok(live)
    }

    /// Whether decisions and events arrive at present.
    #[must_use]
    pub fn is_reading(&self) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_ref().is_some_and(|running| running.tail.is_reading())
    }

    /// The figures of every web process, this one's fresh.
    #[must_use]
    pub fn reports(&self) -> Vec<FlowReport> {
        let own = report::report(&self.source, &self.flow, (self.admissions.total(), self.hub.load().0));
        let mut reports = self.board.flows(now_ms());
        reports.retain(|report| report.source != self.source);
        reports.insert(0, own);
        reports
    }

    /// The figures of every projector, as it told them last.
    #[must_use]
    pub fn projections(&self) -> Vec<ProjectionReport> {
        self.board.projections(now_ms())
    }

    /// The account has seen notices: its pages are told.
    pub fn notices_seen(&self, account_id: AccountId) {
        self.badges.seen(account_id);
    }

    /// Parts from all connections (1001), and stops reading. Called once, at the end.
    pub async fn stop(&self) {
        self.stopping.send_replace(true);
        if timeout(PART_WITHIN, self.stopping.closed()).await.is_err() {
            tracing::debug!("some live connections did not part in time");
        }
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut running) = running {
            running.tasks.shutdown().await;
            running.tail.stop().await;
        }
    }
}

/// Hands what the tail reads to whom it concerns.
struct Dispatch {
    hub: Arc<Hub>,
    badges: Arc<Badges>,
    hints: Arc<Hints>,
    board: Arc<Board>,
    aliases: Aliases,
}

impl Reader for Dispatch {
    fn begin(&mut self, projected: &[ProjectedOffset]) {
        self.hub.begin(projected);
    }

    fn read(&mut self, records: &[Record]) {
        let mut events = Vec::new();
        for record in records {
            match &*record.topic {
                topics::NOTICES => self.badges.noticed(record),
                topics::ANALYTICS => self.hints.moved(record),
                topics::METRICS => self.board.read(record),
                _ => match LiveEvent::parse(record, &self.aliases) {
                    Ok(event) => events.extend(event),
                    Err(reason) => {
                        let (topic, partition, offset) = (&record.topic, record.partition, record.offset);
                        tracing::warn!(%topic, partition, offset, reason, "a public record was not understood");
                    }
                },
            }
        }
        self.hub.publish(events);
    }
}

/// The present, by this process's clock: for heartbeats and figures. It decides no auction.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
