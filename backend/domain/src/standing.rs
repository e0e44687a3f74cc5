//! How the bidding stands: all of an auction that commands change. It is the same size after a million bids.

use serde::{Deserialize, Serialize};

use crate::event::Completion;
use crate::id::AccountId;
use crate::money::{Minor, SecretMinor};
use crate::terms::Terms;
use crate::time::EpochMs;

/// The bidder with the highest maximum; among equal ones, the earliest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leader {
    /// Who leads.
    pub bidder: AccountId,
    /// Up to how much.
    pub max: SecretMinor,
}

/// How the bidding on some [`Terms`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The leader, once there is a bid.
    pub leader: Option<Leader>,
    /// The highest maximum of anybody else.
    pub runner_up_max: Option<SecretMinor>,
    /// The visible price.
    pub price: Minor,
    /// Counted bids: accepted and accepted but outbid.
    pub bid_count: u64,
    /// The last sequence given; 0 before the first.
    pub sequence: u64,
    /// The effective end.
    pub ends_at: EpochMs,
    /// The outcome, once there is one.
    pub completion: Option<Completion>,
}

impl Standing {
    /// Before the first command.
    #[must_use]
    pub fn opening(terms: &Terms) -> Self {
        Self {
            leader: None,
            runner_up_max: None,
            price: terms.starting,
            bid_count: 0,
            sequence: 0,
            ends_at: terms.ends_at,
            completion: None,
        }
    }

    /// Takes the next sequence.
    pub(crate) fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }
}

/// How the reserve stands; its amount is secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReserveStatus {
    /// There is none.
    None,
    /// There is one, and no maximum reaches it.
    NotMet,
    /// There is one, and it is met.
    Met,
}

impl ReserveStatus {
    /// Whether nothing stands against a sale: met, or there is none.
    #[must_use]
    pub const fn is_met(self) -> bool {
        !matches!(self, Self::NotMet)
    }

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NotMet => "not_met",
            Self::Met => "met",
        }
    }
}
