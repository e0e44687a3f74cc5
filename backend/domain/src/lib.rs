//! The rules of bidding, and nothing else: no clock, no I/O, no async, no randomness.
//!
//! Start at `auction`: one pure state machine, `(auction, command, t) -> (auction, events)`.

pub mod id;

pub use id::{AccountId, BidId, CommandId, ImageId, ItemId, NoticeId, bid_id};
