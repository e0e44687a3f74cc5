//! What was listed: the terms an auction runs on. They do not change while it runs.
//!
//! The state machine is total over any terms. Which terms a seller may list is a stricter matter: [`Terms::faults`].

use serde::{Deserialize, Serialize};

use crate::closing::Closing;
use crate::currency::Currency;
use crate::id::AccountId;
use crate::ladder::Ladder;
use crate::money::{Minor, SecretMinor};
use crate::time::EpochMs;

/// The terms of one auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Who sells, and may withdraw.
    pub seller: AccountId,
    /// What all amounts are in.
    pub currency: Currency,
    /// The increments.
    pub ladder: Ladder,
    /// The least first bid.
    pub starting: Minor,
    /// The least for which the seller sells, if there is such.
    pub reserve: Option<SecretMinor>,
    /// For how much it can be had at once, if at all.
    pub buy_now: Option<Minor>,
    /// Bids before it are refused.
    pub starts_at: EpochMs,
    /// The listed end.
    pub ends_at: EpochMs,
    /// How it closes.
    pub closing: Closing,
}

/// Why terms may not be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TermsFault {
    /// The end is not after the start.
    #[error("the auction must end after it starts")]
    EndsBeforeStart,
    /// The starting price is zero.
    #[error("the starting price must be more than zero")]
    StartingZero,
    /// The reserve is below the starting price, where it would say nothing.
    #[error("the reserve must not be below the starting price; leave it empty for none")]
    ReserveBelowStarting,
    /// Buying at once would cost less than bidding.
    #[error("the buy-now price must not be below the starting price or the reserve")]
    BuyNowTooLow,
    /// A soft close that could never move the end.
    #[error("a soft close needs a window, an extension and a cap of at least one second each")]
    SoftCloseWithoutEffect,
}

impl Terms {
    /// All that is wrong with these terms for a new listing.
    #[must_use]
    pub fn faults(&self) -> Vec<TermsFault> {
        let reserve = self.reserve.map(SecretMinor::reveal);
        [
            (self.ends_at <= self.starts_at, TermsFault::EndsBeforeStart),
            (self.starting == Minor::ZERO, TermsFault::StartingZero),
            (reserve.is_some_and(|reserve| reserve < self.starting), TermsFault::ReserveBelowStarting),
            (
                self.buy_now.is_some_and(|price| price < self.starting || Some(price) < reserve),
                TermsFault::BuyNowTooLow,
            ),
            (
                matches!(self.closing, Closing::Soft { window_s, extend_s, cap_s }
                    if window_s == 0 || extend_s == 0 || cap_s == 0),
                TermsFault::SoftCloseWithoutEffect,
            ),
        ]
        .into_iter()
        .filter_map(|(wrong, fault)| wrong.then_some(fault))
        .collect()
    }
}

/// Where an auction is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Listed, not yet open.
    Scheduled,
    /// Taking bids.
    Open,
    /// Over: it has an outcome, or `t` is past its end and the outcome is on its way.
    Ended,
}

impl Status {
    /// The status at `t` of an auction without an outcome.
    #[must_use]
    pub fn at(t: EpochMs, starts_at: EpochMs, ends_at: EpochMs) -> Self {
        if t > ends_at {
            Self::Ended
        } else if t < starts_at {
            Self::Scheduled
        } else {
            Self::Open
        }
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Open => "open",
            Self::Ended => "ended",
        }
    }
}
