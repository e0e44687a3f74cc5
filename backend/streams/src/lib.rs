//! The stream runtime: topologies of processors over the log, with state, timers and exactly-once units of work.
//!
//! Start at [`topology`] (what is declared) and [`processor`] (what a processor sees). [`runtime`] runs a topology on a
//! log; [`driver`] runs the same topology without one, on a virtual clock. Both hand records to a [`task`]: one partition's
//! processors, its timers (`timers`) and its state (`store`), one unit of work at a time, in the order of `order`.
//! [`describe`] prints a topology. What could not be processed is in the [`dead_letters`].
//!
//! Invariants:
//! - One unit of work = state changes + outputs + changelog + consumed offsets, committed together; the local store is
//!   written only after the commit, with the changelog offset it reflects.
//! - Partition time is `max(t, append_ms)` over the clock source's records, and nothing else moves it.
//! - No wall clock decides anything here; it only says when a tick is worth appending.
//! - Nothing here knows what an auction is.

pub mod control;
pub mod dead_letters;
pub mod describe;
pub mod driver;
pub mod presence;
pub mod processor;
pub mod runtime;
pub mod task;
pub mod topology;

mod beat;
mod changelog;
mod order;
mod store;
mod timers;

pub use beat::Beat;
pub use driver::TopologyTestDriver;
pub use processor::{Cause, Context, Processor, ProcessorError, SourceRecord, Timer};
pub use runtime::{Runtime, RuntimeOptions};
pub use store::StoreError;
pub use topology::{Topology, TopologyBuilder, TopologyError};
