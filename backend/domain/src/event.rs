//! What the state machine answers: decisions and completions.

use serde::{Deserialize, Serialize};

use crate::id::AccountId;
use crate::money::Minor;
use crate::time::EpochMs;

/// What was decided on a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Counted; the bidder leads.
    Accepted,
    /// Counted, but another maximum stands.
    AcceptedOutbid,
    /// The leader raised their own maximum.
    Raised,
    /// The seller took the item back.
    Withdrawn,
    /// Refused: under the minimum.
    TooLow,
    /// Refused: before the start.
    NotStarted,
    /// Refused: after the end.
    Ended,
    /// Refused: sellers do not bid on their own items.
    OwnItem,
    /// Refused: the leader must exceed their own maximum.
    NotAboveOwnMax,
    /// Refused: the account may not bid.
    Suspended,
    /// Seen before: the first decision stands. Who keeps the receipts decides this, not the state machine.
    Duplicate,
    /// Refused: no such item came in time. Decided where commands wait for their item, not by the state machine.
    UnknownItem,
    /// Refused: only the seller withdraws.
    NotSeller,
}

impl Decision {
    /// Every decision, in a fixed order.
    pub const ALL: [Self; 13] = [
        Self::Accepted,
        Self::AcceptedOutbid,
        Self::Raised,
        Self::Withdrawn,
        Self::TooLow,
        Self::NotStarted,
        Self::Ended,
        Self::OwnItem,
        Self::NotAboveOwnMax,
        Self::Suspended,
        Self::Duplicate,
        Self::UnknownItem,
        Self::NotSeller,
    ];

    /// Whether the command took effect; otherwise it was refused and changed nothing.
    #[must_use]
    pub const fn is_counted(self) -> bool {
        matches!(self, Self::Accepted | Self::AcceptedOutbid | Self::Raised | Self::Withdrawn)
    }

    /// Whether it adds to the bid count, and so can extend a soft close.
    #[must_use]
    pub const fn adds_bid(self) -> bool {
        matches!(self, Self::Accepted | Self::AcceptedOutbid)
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::AcceptedOutbid => "accepted_outbid",
            Self::Raised => "raised",
            Self::Withdrawn => "withdrawn",
            Self::TooLow => "too_low",
            Self::NotStarted => "not_started",
            Self::Ended => "ended",
            Self::OwnItem => "own_item",
            Self::NotAboveOwnMax => "not_above_own_max",
            Self::Suspended => "suspended",
            Self::Duplicate => "duplicate",
            Self::UnknownItem => "unknown_item",
            Self::NotSeller => "not_seller",
        }
    }
}

/// How an auction ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// To the leader, the reserve met or none.
    Sold,
    /// Without any bid.
    Unsold,
    /// Bids, but no maximum met the reserve.
    ReserveNotMet,
    /// The seller took the item back.
    Withdrawn,
}

impl Outcome {
    /// Every outcome, in a fixed order.
    pub const ALL: [Self; 4] = [Self::Sold, Self::Unsold, Self::ReserveNotMet, Self::Withdrawn];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sold => "sold",
            Self::Unsold => "unsold",
            Self::ReserveNotMet => "reserve_not_met",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// A command's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    /// What was decided.
    pub decision: Decision,
    /// Its place among what the public may know, from 1; `None` for what is the commander's alone.
    pub sequence: Option<u64>,
}

/// The one end of an auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion {
    /// How it ended.
    pub outcome: Outcome,
    /// Who won; `None` unless sold.
    pub winner: Option<AccountId>,
    /// The hammer price; unless sold, the price reached.
    pub price: Minor,
    /// Counted bids.
    pub bid_count: u64,
    /// The effective end, whenever it was noticed; of a withdrawal, its time.
    pub ended_at: EpochMs,
    /// The last sequence of the auction.
    pub sequence: u64,
}

/// One event of an auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A command was decided.
    Decided(Decided),
    /// The auction ended.
    Completed(Completion),
}

/// The events of one command, in order: its decision, and a completion before it (the end had passed) or after it (a
/// withdrawal).
pub type Events = std::iter::Flatten<std::array::IntoIter<Option<Event>, 2>>;
