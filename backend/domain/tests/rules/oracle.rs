//! The rules once more, naively: every counted bid is kept, and the standing is worked out from the ranked list.

use std::collections::BTreeMap;

use gavel_domain::{AccountId, Bid, Closing, Decision, EpochMs, Terms};

/// An auction that remembers everything.
pub(crate) struct Oracle {
    pub(crate) terms: Terms,
    /// (bidder, maximum, append order) of all counted bids.
    bids: Vec<(AccountId, i64, usize)>,
    pub(crate) price: i64,
    pub(crate) bid_count: u64,
    pub(crate) ends_at: i64,
    pub(crate) sequence: u64,
}

impl Oracle {
    pub(crate) fn new(terms: Terms) -> Self {
        Self {
            terms,
            bids: Vec::new(),
            price: terms.starting.get(),
            bid_count: 0,
            ends_at: terms.ends_at.get(),
            sequence: 0,
        }
    }

    /// Each bidder's highest maximum, best first: by maximum descending, then append order ascending.
    pub(crate) fn ranked(&self) -> Vec<(AccountId, i64)> {
        let mut best: BTreeMap<AccountId, (i64, usize)> = BTreeMap::new();
        for &(bidder, max, order) in &self.bids {
            let entry = best.entry(bidder).or_insert((max, order));
            if max > entry.0 {
                *entry = (max, order);
            }
        }
        let mut ranked: Vec<_> = best.into_iter().map(|(bidder, (max, order))| (bidder, max, order)).collect();
        ranked.sort_by_key(|&(_, max, order)| (-max, order));
        ranked.into_iter().map(|(bidder, max, _)| (bidder, max)).collect()
    }

    fn step(&self, price: i64) -> i64 {
        let ladder = [
            (99, 5),
            (499, 25),
            (2_499, 50),
            (9_999, 100),
            (24_999, 250),
            (49_999, 500),
            (99_999, 1_000),
            (249_999, 2_500),
            (499_999, 5_000),
            (i64::MAX, 10_000),
        ];
        ladder.iter().find(|(up_to, _)| price <= *up_to).expect("the last rung takes all").1
    }

    /// Bids at `t`, while open.
    pub(crate) fn bid(&mut self, bid: &Bid, t: EpochMs) -> Decision {
        let (max, ranked) = (bid.max.reveal().get(), self.ranked());
        let leader = ranked.first().copied();
        if t < self.terms.starts_at {
            return Decision::NotStarted;
        }
        if bid.bidder == self.terms.seller {
            return Decision::OwnItem;
        }
        if bid.suspended {
            return Decision::Suspended;
        }
        let leads = leader.is_some_and(|(bidder, _)| bidder == bid.bidder);
        if leads && leader.is_some_and(|(_, own)| max <= own) {
            return Decision::NotAboveOwnMax;
        }
        let minimum = if ranked.is_empty() { self.terms.starting.get() } else { self.price + self.step(self.price) };
        if !leads && max < minimum {
            return Decision::TooLow;
        }
        self.count(bid.bidder, max, t.get(), leads)
    }

    fn count(&mut self, bidder: AccountId, max: i64, t: i64, leads: bool) -> Decision {
        self.bids.push((bidder, max, self.bids.len()));
        let ranked = self.ranked();
        let (leader, max1) = ranked[0];
        let mut price = match ranked.get(1) {
            None => self.terms.starting.get(),
            Some(&(_, max2)) => max1.min(max2 + self.step(max2)),
        };
        if let Some(reserve) = self.terms.reserve.map(|reserve| reserve.reveal().get())
            && max1 >= reserve
        {
            price = price.max(reserve);
        }
        let moved = price != self.price;
        self.price = price;
        if leads {
            self.sequence += u64::from(moved);
            return Decision::Raised;
        }
        self.sequence += 1;
        self.bid_count += 1;
        if let Closing::Soft { window_s, extend_s, cap_s } = self.terms.closing
            && t >= self.ends_at - i64::from(window_s) * 1000
        {
            let extended = (t + i64::from(extend_s) * 1000).min(self.terms.ends_at.get() + i64::from(cap_s) * 1000);
            self.ends_at = self.ends_at.max(extended);
        }
        if leader == bidder { Decision::Accepted } else { Decision::AcceptedOutbid }
    }
}
