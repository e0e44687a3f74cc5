//! The topologies on the test driver: records in, records out.

mod analytics;
mod backtest;
mod bidding;
mod edges;
mod graph;
mod headers;
mod house;
mod interleaving;
mod notices;
mod parking;
mod secrets;
mod verify;
