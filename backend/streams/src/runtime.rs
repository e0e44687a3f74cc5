//! Runs topologies on a log: threads that own partitions, process what comes, and commit exactly once.
//!
//! ```text
//! Runtime ─ thread ─ Member (steps) ─ Session (one membership: consumer + transactional producer)
//!                                      ├ LiveTask 0: Assigned → Restoring → Running (Gate, Queues, Task, Ticker)
//!                                      └ LiveTask 1: …
//! ```
//!
//! One turn of a session (`session`): poll; restore; each task processes what the `gate` lets through; one transaction
//! for all of them (`transaction`); then the local stores (`local`); ticks where timers are due (`ticker`). As soon as
//! something is processed it is committed; there is no interval to wait for, unless the topology declares one between its
//! units of work. What nobody waits for is asked in turns that
//! have nothing else to do (`upkeep`).
//!
//! Each interruption has one remedy (`interruption`): wait and do it again; close all and join again; stop. What concerns
//! one task alone, such as state that cannot be read, stops that task for a while, and shows in its status. A thread that
//! stopped is begun anew, but not for ever (`restarts`); the other threads, and the process, go on.
//!
//! Reading of sources is started at the group's committed offsets only after the changelog has been read to its end,
//! so state and offsets are always of the same unit of work.

mod backoff;
mod clock;
mod disk;
mod gate;
mod interruption;
mod live_task;
mod local;
mod member;
mod options;
mod replica;
mod restarts;
mod restoration;
mod session;
mod standby;
mod status;
mod steering;
mod thread;
mod ticker;
mod transaction;
mod upkeep;
mod worker;

use std::io;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use gavel_log::Log;

pub use clock::{Clock, ManualClock, SystemClock};
pub use disk::{Disk, Keyspace, Write};
pub use interruption::RuntimeError;
use local::LocalStores;
pub use member::{Member, Step};
pub use options::{Failpoint, LocalState, RuntimeOptions, Span, Steering};
pub use restarts::{CountedRestarts, Restarts};
use standby::Standby;
pub use status::{RuntimeStatus, StandbyStatus, TaskState, TaskStatus, ThreadStatus};
use steering::{Crew, Steerer};
use thread::Stop;
use worker::Worker;

use crate::control::{Board, Mode, Regime};
use crate::topology::Topology;

/// Running topologies. Dropped, it stops them as [`stop`](Self::stop) does.
pub struct Runtime {
    stop: Arc<Stop>,
    crew: Arc<Crew>,
    threads: Vec<JoinHandle<()>>,
}

impl Runtime {
    /// Starts the threads. Topics must exist: the sources', the sinks', and [`Topology::topics`]. An unreachable log
    /// is waited for; what cannot be mended shows in [`status`](Self::status).
    ///
    /// # Errors
    /// The folder of the local stores cannot be used; the system gives no thread.
    pub fn start(log: &Arc<dyn Log>, topologies: &[Topology], options: &RuntimeOptions) -> Result<Self, RuntimeError> {
        let board = Arc::new(match (&options.span, &options.steering) {
            (Some(span), _) => {
                Board::standing(Regime { mode: Mode::Draining { until_ms: span.until_ms }, rate_per_s: None })
            }
            (None, Some(_)) => Board::default(),
            (None, None) => Board::unsteered(),
        });
        let stores = LocalStores::open(options)?;
        let crew = Crew::new(workers(log, topologies, options, &stores, &board));
        let mut runtime = Self { stop: Arc::default(), crew: Arc::clone(&crew), threads: Vec::new() };
        for worker in &crew.workers {
            let (worker, stop) = (Arc::clone(worker), Arc::clone(&runtime.stop));
            let name = format!("streams-{}-{}", worker.topology.name(), worker.thread);
            runtime.spawn(&name, move || thread::run(&worker, &stop))?;
        }
        if let Some(steering) = options.steering.as_ref().filter(|_| options.span.is_none()) {
            if options.standbys > 0 {
                let standby = Standby::new(log, topologies, options, steering, (stores, Arc::clone(&crew)));
                let stop = Arc::clone(&runtime.stop);
                runtime.spawn("streams-standby", move || standby.run(&stop))?;
            }
            let steerer = Steerer::new(log, options, steering, board, crew);
            let stop = Arc::clone(&runtime.stop);
            runtime.spawn("streams-steering", move || steerer.run(&stop))?;
        }
        Ok(runtime)
    }

    /// What [`start`](Self::start) gives each a thread, for who drives them by hand: in one thread, on a clock of their own.
    /// Nobody steers them.
    ///
    /// # Errors
    /// The folder of the local stores cannot be used.
    pub fn members(
        log: &Arc<dyn Log>,
        topologies: &[Topology],
        options: &RuntimeOptions,
    ) -> Result<Vec<Member>, RuntimeError> {
        let stores = LocalStores::open(options)?;
        let board = Arc::new(Board::unsteered());
        Ok(workers(log, topologies, options, &stores, &board).into_iter().map(Member::new).collect())
    }

    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), RuntimeError> {
        let failed = |error: io::Error| RuntimeError::Thread { name: name.into(), problem: error.to_string() };
        self.threads.push(std::thread::Builder::new().name(name.into()).spawn(work).map_err(failed)?);
        Ok(())
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> RuntimeStatus {
        self.crew.status()
    }

    /// Finishes the units of work in hand, leaves the groups and closes the stores.
    pub fn stop(mut self) {
        self.shut_down();
    }

    fn shut_down(&mut self) {
        self.stop.set();
        for thread in self.threads.drain(..) {
            // A thread catches its own panics; there is nothing more to learn from it.
            drop(thread.join());
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.shut_down();
    }
}

/// One for each thread of each topology; they share the local stores.
fn workers(
    log: &Arc<dyn Log>,
    topologies: &[Topology],
    options: &RuntimeOptions,
    stores: &Arc<LocalStores>,
    board: &Arc<Board>,
) -> Vec<Arc<Worker>> {
    let worker = |topology: &Topology, thread: usize| {
        let status = ThreadStatus { topology: topology.name().into(), running: true, ..ThreadStatus::default() };
        Arc::new(Worker {
            log: Arc::clone(log),
            topology: topology.clone(),
            options: options.clone(),
            stores: Arc::clone(stores),
            board: Arc::clone(board),
            thread,
            status: Mutex::new(status),
        })
    };
    let threads = 0..options.threads.max(1);
    topologies.iter().flat_map(|topology| threads.clone().map(|thread| worker(topology, thread))).collect()
}
