//! The analytics topology: windowed measures of what was decided and how it ended.
//!
//! ```text
//! auctions.items ───────────┐
//! auctions.bids.history ────┼──▶ counter ──▶ auctions.analytics
//! auctions.items-complete ──┘    │     │
//!                             lots     cells
//! ```
//!
//! A cell is (measure, window, dimension, currency); each time one changes, its whole present value goes out, so that a
//! reader upserts. [`crate::wire::Measure`] says what each measures.

mod cell;
mod counter;

use std::time::Duration;

use gavel_streams::{Topology, TopologyError};

use crate::wire::topics;
use counter::Counter;

/// Indices of sources, in the order of declaration.
mod source {
    pub(super) const ITEMS: usize = 0;
    pub(super) const HISTORY: usize = 1;
    pub(super) const COMPLETE: usize = 2;
}

/// Indices of stores, likewise.
mod store {
    pub(super) const LOTS: usize = 0;
    pub(super) const CELLS: usize = 1;
}

/// The only sink.
const ANALYTICS: usize = 0;

/// Charts are drawn anew about as often, and under load the decisions have the log for themselves.
const UNIT_INTERVAL: Duration = Duration::from_millis(500);

/// The topology.
///
/// # Errors
/// None in fact: the graph is fixed, and a test builds it.
pub fn topology() -> Result<Topology, TopologyError> {
    let counter = &["counter"];
    Topology::builder("analytics")
        .source("items", topics::ITEMS)
        .source("history", topics::HISTORY)
        .source("complete", topics::COMPLETE)
        .processor("counter", || Counter, &["items", "history", "complete"])
        .store("lots", counter)
        .store("cells", counter)
        .sink("analytics", topics::ANALYTICS, counter)
        .unit_interval(UNIT_INTERVAL)
        .build()
}
