//! The bidding topology: items and commands in, decisions and outcomes out.
//!
//! ```text
//! auctions.items ──┐                    ┌──▶ auctions.bids.history    every command with its decision
//!                  ├──▶ auctioneer ─────┼──▶ auctions.items-complete  one outcome per item
//! auctions.bids ───┘    │  │  │         ├──▶ auctions.items           the same, breaks the join
//!  (clock)              │  │  parked    └──▶ auctions.prices          the public state, once for a unit of work
//!                       │  bids: receipts
//!                       auctions
//! ```
//!
//! A command is judged by [`gavel_domain::Auction`] at partition time. One that comes before its item is parked. Whether
//! the item adopts it is judged by the two append times: within [`PARKING_LIMIT_MS`]. So the order in which the two
//! topics were read shows nowhere.
//!
//! `auctioneer` routes records and timers; `desk` judges commands, `parking` keeps the early ones, `publish` writes what
//! comes of it, `press` where; `book` caches auctions within a unit of work; `state` is what the stores hold, `command` what is read.

mod auctioneer;
mod book;
mod command;
mod desk;
mod parking;
mod press;
mod publish;
mod state;

use gavel_streams::{Topology, TopologyError};

use crate::wire::command::TICK;
use crate::wire::topics;
use auctioneer::Auctioneer;

/// An item adopts the commands appended up to this long before it.
pub const PARKING_LIMIT_MS: i64 = 60 * 60 * 1000;

/// Indices of sources, in the order of declaration.
mod source {
    pub(super) const ITEMS: usize = 0;
    pub(super) const BIDS: usize = 1;
}

/// Indices of stores, likewise.
mod store {
    pub(super) const AUCTIONS: usize = 0;
    pub(super) const BIDS: usize = 1;
    pub(super) const PARKED: usize = 2;
}

/// Indices of sinks, likewise.
mod sink {
    pub(super) const HISTORY: usize = 0;
    pub(super) const COMPLETE: usize = 1;
    pub(super) const PRICES: usize = 2;
    pub(super) const ITEMS: usize = 3;
}

/// The topology.
///
/// # Errors
/// None in fact: the graph is fixed, and a test builds it.
pub fn topology() -> Result<Topology, TopologyError> {
    let auctioneer = &["auctioneer"];
    Topology::builder("bidding")
        .source("items", topics::ITEMS)
        .source("bids", topics::BIDS)
        .clock("bids", TICK)
        .processor("auctioneer", Auctioneer::default, &["items", "bids"])
        .store("auctions", auctioneer)
        .append_only_store("bids", auctioneer)
        .store("parked", auctioneer)
        .sink("history", topics::HISTORY, auctioneer)
        .sink("complete", topics::COMPLETE, auctioneer)
        .sink("prices", topics::PRICES, auctioneer)
        .sink("completed-items", topics::ITEMS, auctioneer)
        .build()
}
