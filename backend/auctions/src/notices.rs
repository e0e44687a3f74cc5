//! The notices topology: tells those whom an event concerns.
//!
//! ```text
//! auctions.items ───────────┐
//! auctions.bids.history ────┼──▶ herald ──▶ notices
//! auctions.items-complete ──┘    │    │
//!                             lots    bidders
//! ```
//!
//! | event | to | kind |
//! |---|---|---|
//! | a bid takes the lead | who led before | `outbid` |
//! | a bid counts, but another maximum stands | its bidder | `outbid` |
//! | sold | the winner; the other bidders; the seller | `won`; `lost`; `sold` |
//! | reserve not met | the seller and the highest bidder; the other bidders | `reserve_not_met`; `lost` |
//! | unsold | the seller | `unsold` |
//! | withdrawn | the bidders | `withdrawn` |
//!
//! Once a lot has ended, it and its bidders are forgotten, but for the mark that it has.

mod herald;
mod lot;

use std::time::Duration;

use gavel_streams::{Topology, TopologyError};

use crate::wire::topics;
use herald::Herald;

/// Indices of sources, in the order of declaration.
mod source {
    pub(super) const ITEMS: usize = 0;
    pub(super) const HISTORY: usize = 1;
    pub(super) const COMPLETE: usize = 2;
}

/// Indices of stores, likewise.
mod store {
    pub(super) const LOTS: usize = 0;
    pub(super) const BIDDERS: usize = 1;
}

/// The only sink.
const NOTICES: usize = 0;

/// Nobody sees a notice come later by this, and under load the decisions have the log for themselves.
const UNIT_INTERVAL: Duration = Duration::from_millis(200);

/// The topology.
///
/// # Errors
/// None in fact: the graph is fixed, and a test builds it.
pub fn topology() -> Result<Topology, TopologyError> {
    let herald = &["herald"];
    Topology::builder("notices")
        .source("items", topics::ITEMS)
        .source("history", topics::HISTORY)
        .source("complete", topics::COMPLETE)
        .processor("herald", || Herald, &["items", "history", "complete"])
        .store("lots", herald)
        .store("bidders", herald)
        .sink("notices", topics::NOTICES, herald)
        .unit_interval(UNIT_INTERVAL)
        .build()
}
