//! How a running house is steered: orders in a compacted topic, which every runtime follows.
//!
//! The key of a record is a scope, [`ALL`] or a topology; its value is the whole present order of that scope (`order`). What
//! the orders together ask of one topology is its [`Regime`] (`orders`). One thread of a runtime reads the topic
//! (`follower`) and its workers look at what it read (`board`). A task takes of its records what the regime lets it
//! (`throttle`, `bucket`).
//!
//! - Nothing is processed before the topic was read to its end once, so an order outlives any restart.
//! - A drain ends [`DRAIN_LEAD_MS`] after the append time of its record. By then every worker knows of it, and the append times of
//!   what is processed do the rest: all stop at the same place.

mod board;
mod bucket;
mod follower;
mod order;
mod orders;
mod throttle;

pub(crate) use board::Board;
pub(crate) use follower::Follower;
pub use follower::present_orders;
pub use order::{ALL, Order, OrderedState};
pub use orders::{DRAIN_LEAD_MS, Mode, Orders, Regime};
pub(crate) use throttle::{Allowance, Throttle};
