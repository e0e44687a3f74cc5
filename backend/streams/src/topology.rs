//! What is declared: sources, processors, state stores and sinks, checked when built.
//!
//! ```text
//! Topology::builder("bidding")
//!     .source("items", "auctions.items")
//!     .source("bids", "auctions.bids")
//!     .clock("bids")                                  // whose append times are partition time; ticks go to it
//!     .processor("auctioneer", Auctioneer::new, &["items", "bids"])
//!     .store("auctions", &["auctioneer"])             // changelog: bidding.auctions.changelog
//!     .sink("history", "auctions.bids.history", &["auctioneer"])
//!     .build()?
//! ```
//!
//! The order of sources matters: a record waits until every source declared before its own has been read past the
//! record's append time, or to that source's end as it was when the record was seen. So a topology reads a table
//! before the stream that joins it, however the two interleave.
