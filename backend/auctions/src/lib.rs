//! What Gavel runs on the stream runtime: the records on the wire and the topologies that decide.
//!
//! [`wire`] holds the records of every topic. Each topology has a module of its own: [`bidding`] decides auctions,
//! [`notices`] tells those whom it concerns, [`analytics`] counts. [`backtest`] runs the first on recorded commands, [`verify`]
//! compares what it gives with what was recorded.
//! [`alias`](mod@alias) makes the public names of bidders.
//!
//! Invariants:
//! - Nothing here waits, reads a clock or opens a socket; outputs are functions of the records read and their append times.
//! - No maximum and no reserve leaves [`bidding`]'s state: the public records have no field that could hold one.

pub mod alias;
pub mod analytics;
pub mod backtest;
pub mod bidding;
pub mod notices;
pub mod verify;
pub mod wire;

mod decode;
mod replay;
