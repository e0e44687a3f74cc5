//! The whole house by its public surface: the built binary, on the embedded log with SQLite and on Kafka with PostgreSQL.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod backtest;
mod control;
mod crash;
mod dead_letters;
mod faults;
mod openapi;
mod operator;
mod replay;
mod scenario;
mod secrets;

use gavel_tests::ground;
