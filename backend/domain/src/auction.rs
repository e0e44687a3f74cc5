//! The state machine of one auction. Commands come in the order of the log, each with its time; what comes out is a
//! function of that alone.

use crate::bidding;
use crate::event::{Completion, Decided, Decision, Event, Events, Outcome};
use crate::id::AccountId;
use crate::money::{Minor, SecretMinor};
use crate::standing::{ReserveStatus, Standing};
use crate::terms::{Status, Terms};
use crate::time::EpochMs;

/// A bidder offers up to a maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bid {
    /// Who bids.
    pub bidder: AccountId,
    /// The most they would pay.
    pub max: SecretMinor,
    /// The account may not bid at present.
    pub suspended: bool,
}

/// Somebody asks to take the item back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Withdrawal {
    /// Who asks.
    pub by: AccountId,
}

/// What can be asked of an auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// To count a bid.
    Bid(Bid),
    /// To end it without a sale.
    Withdraw(Withdrawal),
}

/// One auction: its terms and how the bidding stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auction {
    terms: Terms,
    standing: Standing,
}

impl Auction {
    /// A newly listed auction.
    #[must_use]
    pub fn list(terms: Terms) -> Self {
        Self { terms, standing: Standing::opening(&terms) }
    }

    /// An auction as it stood when it was stored.
    #[must_use]
    pub const fn restore(terms: Terms, standing: Standing) -> Self {
        Self { terms, standing }
    }

    /// Decides a command at its time. If the end has passed, the auction ends first.
    pub fn apply(&mut self, command: Command, t: EpochMs) -> Events {
        let closed = self.close_if_due(t);
        let decided = match command {
            _ if self.standing.completion.is_some() => Decided { decision: Decision::Ended, sequence: None },
            Command::Bid(bid) => self.bid(&bid, t),
            Command::Withdraw(withdrawal) if withdrawal.by != self.terms.seller => {
                Decided { decision: Decision::NotSeller, sequence: None }
            }
            Command::Withdraw(_) => return self.withdraw(t),
        };
        [closed.map(Event::Completed), Some(Event::Decided(decided))].into_iter().flatten()
    }

    /// Ends the auction if its end has passed at `t` and it has not ended yet: for timers.
    pub fn close_if_due(&mut self, t: EpochMs) -> Option<Completion> {
        let due = self.standing.completion.is_none() && t > self.standing.ends_at;
        due.then(|| {
            let outcome = match (self.standing.leader, self.reserve_status()) {
                (None, _) => Outcome::Unsold,
                (Some(_), ReserveStatus::NotMet) => Outcome::ReserveNotMet,
                (Some(_), ReserveStatus::Met | ReserveStatus::None) => Outcome::Sold,
            };
            self.complete(outcome, self.standing.ends_at)
        })
    }

    fn bid(&mut self, bid: &Bid, t: EpochMs) -> Decided {
        let decision = bidding::judge(&self.terms, &self.standing, bid, t);
        if !decision.is_counted() {
            return Decided { decision, sequence: None };
        }
        let price_before = self.standing.price;
        bidding::rank(&self.terms, &mut self.standing, bid, decision);
        if decision.adds_bid() {
            self.standing.bid_count += 1;
            self.standing.ends_at = self.terms.closing.end_after_bid(self.terms.ends_at, self.standing.ends_at, t);
        }
        // A raise that moves nothing visible stays the leader's secret.
        let is_public = decision.adds_bid() || self.standing.price != price_before;
        Decided { decision, sequence: is_public.then(|| self.standing.next_sequence()) }
    }

    fn withdraw(&mut self, t: EpochMs) -> Events {
        let decided = Decided { decision: Decision::Withdrawn, sequence: Some(self.standing.next_sequence()) };
        // There is one end: where the auction is withdrawn, it is now.
        self.standing.ends_at = t;
        let completion = self.complete(Outcome::Withdrawn, t);
        [Some(Event::Decided(decided)), Some(Event::Completed(completion))].into_iter().flatten()
    }

    fn complete(&mut self, outcome: Outcome, ended_at: EpochMs) -> Completion {
        let winner = self.standing.leader.filter(|_| outcome == Outcome::Sold).map(|leader| leader.bidder);
        let completion = Completion {
            outcome,
            winner,
            price: self.standing.price,
            bid_count: self.standing.bid_count,
            ended_at,
            sequence: self.standing.next_sequence(),
        };
        *self.standing.completion.insert(completion)
    }

    /// What was listed.
    #[must_use]
    pub const fn terms(&self) -> &Terms {
        &self.terms
    }

    /// How the bidding stands. Holds maxima.
    #[must_use]
    pub const fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The least that the next challenger must offer; `None` once it has ended.
    #[must_use]
    pub fn minimum(&self) -> Option<Minor> {
        self.standing.completion.is_none().then(|| bidding::minimum(&self.terms, &self.standing))
    }

    /// Who leads.
    #[must_use]
    pub fn leader(&self) -> Option<AccountId> {
        self.standing.leader.map(|leader| leader.bidder)
    }

    /// How the reserve stands.
    #[must_use]
    pub fn reserve_status(&self) -> ReserveStatus {
        bidding::reserve_status(&self.terms, &self.standing)
    }

    /// Where it is in its life at `t`.
    #[must_use]
    pub fn status(&self, t: EpochMs) -> Status {
        match self.standing.completion {
            Some(_) => Status::Ended,
            None => Status::at(t, self.terms.starts_at, self.standing.ends_at),
        }
    }
}
