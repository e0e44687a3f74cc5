//! The read model, the same suite on SQLite and on PostgreSQL.
//!
//! PostgreSQL takes part when `GAVEL_TEST_POSTGRES` names a server (`postgres://USER@HOST:PORT/NAME`) where databases may
//! be created: each test makes its own, and drops it.
#![cfg(test)]

mod accounts;
mod connecting;
mod databases;
mod dump;
mod failing;
mod history;
mod house;
mod inbox;
mod items;
mod projecting;
mod schema;
