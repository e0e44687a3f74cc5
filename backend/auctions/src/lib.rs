//! What Gavel runs on the stream runtime: the records on the wire and the topologies that decide.
//!
//! [`wire`] holds the records of every topic. Each topology has a module of its own: bidding decides auctions, notices
//! tells those whom it concerns, analytics counts.

pub mod wire;
