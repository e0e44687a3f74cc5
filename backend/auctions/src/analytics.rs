//! The analytics topology: counts in windows of event time. Items, history and completions in, `auctions.analytics` out.
//!
//! State is a table of cells (measure, window, dimension, currency). A record holds the whole present value of one cell,
//! so a reader keeps the last of each, and how many records a cell took does not matter.

mod cells;
mod counter;

pub use counter::topology;
