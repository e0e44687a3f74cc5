//! Runs topologies on a log: threads that own partitions, process what comes, and commit exactly once.
//!
//! ```text
//! Runtime ─ Worker (one OS thread) ─ Session (one membership: consumer + transactional producer)
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
//! one task alone, such as state that cannot be read, stops that task for a while, and shows in its status.
//!
//! Reading of sources is started at the group's committed offsets only after the changelog has been read to its end,
//! so state and offsets are always of the same unit of work.

mod backoff;
mod gate;
mod interruption;
mod live_task;
mod local;
mod options;
mod restoration;
mod session;
mod status;
mod ticker;
mod transaction;
mod upkeep;
mod worker;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use gavel_log::Log;

pub use interruption::RuntimeError;
use local::StateFolder;
pub use options::{Clock, Failpoint, ManualClock, RuntimeOptions, SystemClock};
pub use status::{RuntimeStatus, TaskState, TaskStatus, ThreadStatus};
use worker::{Stop, Worker};

use crate::topology::Topology;

/// Running topologies. Dropped, it stops them as [`stop`](Self::stop) does.
pub struct Runtime {
    stop: Arc<Stop>,
    statuses: Vec<Arc<Mutex<ThreadStatus>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Runtime {
    /// Starts the threads. Topics must exist: the sources', the sinks', and [`Topology::topics`]. An unreachable log
    /// is waited for; what cannot be mended shows in [`status`](Self::status).
    ///
    /// # Errors
    /// The folder of the local stores cannot be used; the system gives no thread.
    pub fn start(log: &Arc<dyn Log>, topologies: &[Topology], options: &RuntimeOptions) -> Result<Self, RuntimeError> {
        let folder = StateFolder::open(&options.state_folder, Arc::clone(&options.clock))?;
        let mut runtime = Self { stop: Arc::default(), statuses: Vec::new(), threads: Vec::new() };
        for topology in topologies {
            for thread in 0..options.threads.max(1) {
                let status =
                    ThreadStatus { topology: topology.name().into(), running: true, ..ThreadStatus::default() };
                let worker = Worker {
                    log: Arc::clone(log),
                    topology: topology.clone(),
                    options: options.clone(),
                    folder: Arc::clone(&folder),
                    thread,
                    stop: Arc::clone(&runtime.stop),
                    status: Arc::new(Mutex::new(status)),
                };
                runtime.spawn(worker)?;
            }
        }
        Ok(runtime)
    }

    fn spawn(&mut self, worker: Worker) -> Result<(), RuntimeError> {
        let topology = worker.topology.name().to_string();
        self.statuses.push(Arc::clone(&worker.status));
        let thread = std::thread::Builder::new().name(format!("streams-{topology}-{}", worker.thread));
        let handle = thread.spawn(move || worker.run());
        self.threads.push(handle.map_err(|error| RuntimeError::Thread { topology, problem: error.to_string() })?);
        Ok(())
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> RuntimeStatus {
        let status = |status: &Arc<Mutex<ThreadStatus>>| status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        RuntimeStatus { threads: self.statuses.iter().map(status).collect() }
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
