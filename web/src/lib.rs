//! Gavel, an auction house on event streams: the process that serves it.
//!
//! [`cli`] reads the command line, [`config`] everything that can be set, [`house`] starts and stops the parts,
//! [`server`] composes the HTTP surface of them: [`api`] for programs, [`pages`] for people, [`live`] for news. All that
//! comes in passes the [`edge`], where it becomes a typed command or is refused; [`security`] says who may ask.
//!
//! Invariants: nothing here decides an auction; what a request changes is a record in the log or a row that is nobody's
//! history (accounts, sessions, pictures, watches); no secret reaches a log line, a metric or a page.

pub mod api;
pub mod cli;
pub mod command;
pub mod config;
pub mod demo;
pub mod edge;
pub mod error;
pub mod house;
pub mod live;
pub mod metrics;
pub mod operator;
pub mod pages;
pub mod security;
pub mod server;
pub mod state;
pub mod vitals;
