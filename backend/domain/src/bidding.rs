//! Proxy bidding: the house bids for each bidder, up to their maximum, no more than it takes to lead.
//!
//! Of all bids only the leader and the highest other maximum are kept. That suffices: whoever is passed was the leader
//! a moment ago, so their maximum is the highest of the rest; whoever is outbid at once only adds to the rest.

use crate::auction::Bid;
use crate::event::Decision;
use crate::money::Minor;
use crate::standing::{Leader, ReserveStatus, Standing};
use crate::terms::Terms;
use crate::time::EpochMs;

/// The least that the next challenger must offer: the starting price, or a step above the price. Where that is more than
/// an amount can be, the largest amount is told; [`judge`] does not take it.
#[must_use]
pub fn minimum(terms: &Terms, standing: &Standing) -> Minor {
    Minor::new(owed(terms, standing)).unwrap_or(Minor::MAX)
}

/// The same without the bound of amounts: both summands are far from that of the integer.
fn owed(terms: &Terms, standing: &Standing) -> i64 {
    match standing.leader {
        None => terms.starting.get(),
        Some(_) => standing.price.get() + terms.ladder.step(terms.currency, standing.price).get(),
    }
}

/// How the reserve stands: met once the leader's maximum reaches it.
#[must_use]
pub fn reserve_status(terms: &Terms, standing: &Standing) -> ReserveStatus {
    match (terms.reserve, standing.leader) {
        (None, _) => ReserveStatus::None,
        (Some(reserve), Some(leader)) if leader.max >= reserve => ReserveStatus::Met,
        (Some(_), _) => ReserveStatus::NotMet,
    }
}

/// Judges a bid on an auction that has not ended: the first refusal that fits, in the order of the rules, or how it
/// counts.
pub(crate) fn judge(terms: &Terms, standing: &Standing, bid: &Bid, t: EpochMs) -> Decision {
    let own = standing.leader.filter(|leader| leader.bidder == bid.bidder);
    match (own, standing.leader) {
        _ if t < terms.starts_at => Decision::NotStarted,
        _ if bid.bidder == terms.seller => Decision::OwnItem,
        _ if bid.suspended => Decision::Suspended,
        (Some(own), _) if bid.max <= own.max => Decision::NotAboveOwnMax,
        (Some(_), _) => Decision::Raised,
        _ if bid.max.reveal().get() < owed(terms, standing) => Decision::TooLow,
        (None, Some(leader)) if bid.max <= leader.max => Decision::AcceptedOutbid,
        (None, _) => Decision::Accepted,
    }
}

/// Ranks a bid that counts and sets the price; `decision` is what [`judge`] said of it.
pub(crate) fn rank(terms: &Terms, standing: &mut Standing, bid: &Bid, decision: Decision) {
    if decision == Decision::AcceptedOutbid {
        standing.runner_up_max = standing.runner_up_max.max(Some(bid.max));
    } else {
        if decision == Decision::Accepted {
            standing.runner_up_max = standing.leader.map(|passed| passed.max);
        }
        standing.leader = Some(Leader { bidder: bid.bidder, max: bid.max });
    }
    standing.price = price(terms, standing).max(standing.price);
}

/// The price that the ranked maxima make.
fn price(terms: &Terms, standing: &Standing) -> Minor {
    let Some(leader) = standing.leader else { return terms.starting };
    let max = leader.max.reveal();
    let against_bidders = standing.runner_up_max.map_or(terms.starting, |runner_up| {
        let runner_up = runner_up.reveal();
        max.min(runner_up.saturating_add(terms.ladder.step(terms.currency, runner_up)))
    });
    match terms.reserve {
        Some(reserve) if leader.max >= reserve => against_bidders.max(reserve.reveal()),
        _ => against_bidders,
    }
}
