//! The rules of bidding, and nothing else: no clock, no I/O, no async, no randomness.
//!
//! Start at [`auction`]: one pure state machine, `(auction, command, t) -> (auction, events)`. [`bidding`] has the gate
//! and the price, [`closing`] the end, [`ladder`] the increments; [`terms`] is what was listed, [`standing`] all that
//! bidding changes; [`money`] and [`currency`] are amounts and how people write them.
//!
//! Invariants, held by the properties in `tests/rules`:
//! - An auction is decided by its terms and the commands in order with their times, by nothing else.
//! - The price never falls and never exceeds the leader's maximum; the leader is the earliest of the highest.
//! - A rejected command changes nothing. An end that moves only moves later, up to its cap; a withdrawal alone
//!   makes it earlier.
//! - Exactly one completion, always the last in sequence; sequences are dense from 1.
//! - No maximum and no reserve can be printed: they are [`SecretMinor`].

pub mod auction;
pub mod bidding;
pub mod closing;
pub mod currency;
pub mod event;
pub mod id;
pub mod ladder;
pub mod money;
pub mod standing;
pub mod terms;
pub mod time;

pub use auction::{Auction, Bid, Command, Withdrawal};
pub use closing::Closing;
pub use currency::{AmountError, Currency, UnknownCurrency};
pub use event::{Completion, Decided, Decision, Event, Events, Outcome};
pub use id::{AccountId, BidId, CommandId, ImageId, ItemId, NoticeId, bid_id};
pub use ladder::{Ladder, UnknownLadder};
pub use money::{AmountOutOfRange, Minor, SecretMinor};
pub use standing::{Leader, ReserveStatus, Standing};
pub use terms::{Status, Terms, TermsFault};
pub use time::{EpochMs, TimeOutOfRange};
