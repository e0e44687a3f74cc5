//! Scripts of bids, worked out by hand: after each, who leads at what price, and what the public was told.

use gavel_domain::{Auction, Closing, Decision, Outcome, ReserveStatus, Terms};

use crate::lot::{START, account, apply, bid, close, minor, reserved, terms};
use Decision::{Accepted, AcceptedOutbid, NotAboveOwnMax, Raised, TooLow};

/// A bid and what must come of it: (bidder, maximum) -> (decision, price, leader, count, sequence; 0 where none).
type Row = ((char, i64), (Decision, i64, char, u64, u64));

fn play(terms: Terms, rows: &[Row]) -> Auction {
    let mut auction = Auction::list(terms);
    for (number, &((bidder, max), (decision, price, leader, count, sequence))) in rows.iter().enumerate() {
        let did = apply(&mut auction, bid(bidder, max), START + number as i64);
        let standing = auction.standing();
        assert_eq!(
            (did.decided.decision, standing.price.get(), auction.leader(), standing.bid_count, did.decided.sequence),
            (decision, price, Some(account(leader)), count, (sequence > 0).then_some(sequence)),
            "row {number}: {bidder} offers {max}"
        );
    }
    auction
}

#[test]
fn before_the_first_bid_the_price_is_the_starting_price() {
    let auction = Auction::list(terms());
    assert_eq!(auction.standing().price, minor(100));
    assert_eq!(auction.leader(), None);
    assert_eq!(auction.minimum(), Some(minor(100)));
    assert_eq!(auction.reserve_status(), ReserveStatus::None);
}

#[test]
fn one_bidder_leads_at_the_starting_price() {
    let auction = play(terms(), &[(('A', 9_000), (Accepted, 100, 'A', 1, 1))]);
    assert_eq!(auction.minimum(), Some(minor(125)));
}

#[test]
fn a_challenger_moves_the_price_a_step_above_the_loser() {
    play(
        terms(),
        &[
            (('A', 1_000), (Accepted, 100, 'A', 1, 1)),
            // Outbid at once: 500 takes a step of 50.
            (('B', 500), (AcceptedOutbid, 550, 'A', 2, 2)),
            // B passes A: 1000 takes a step of 50.
            (('B', 2_000), (Accepted, 1_050, 'B', 3, 3)),
            // The third only adds to the rest; the second best counts.
            (('C', 1_100), (AcceptedOutbid, 1_150, 'B', 4, 4)),
            (('A', 5_000), (Accepted, 2_050, 'A', 5, 5)),
        ],
    );
}

#[test]
fn the_step_is_that_of_the_losing_maximum_not_of_the_price() {
    // 99 takes 5, 100 takes 25: at the boundary the higher rung applies to the loser's 100.
    let low = Terms { starting: minor(50), ..terms() };
    play(low, &[(('A', 1_000), (Accepted, 50, 'A', 1, 1)), (('B', 99), (AcceptedOutbid, 104, 'A', 2, 2))]);
    play(low, &[(('A', 1_000), (Accepted, 50, 'A', 1, 1)), (('B', 100), (AcceptedOutbid, 125, 'A', 2, 2))]);
}

#[test]
fn the_leaders_maximum_cuts_the_step_short() {
    let auction = play(
        terms(),
        &[
            (('A', 1_000), (Accepted, 100, 'A', 1, 1)),
            (('B', 980), (AcceptedOutbid, 1_000, 'A', 2, 2)),
            // The raise restores the full step, and no more.
            (('A', 1_010), (Raised, 1_010, 'A', 2, 3)),
            (('A', 3_000), (Raised, 1_030, 'A', 2, 4)),
            (('A', 4_000), (Raised, 1_030, 'A', 2, 0)),
        ],
    );
    assert_eq!(auction.minimum(), Some(minor(1_080)));
}

#[test]
fn of_equal_maxima_the_earlier_leads_at_that_price() {
    play(
        terms(),
        &[
            (('A', 1_000), (Accepted, 100, 'A', 1, 1)),
            (('B', 1_000), (AcceptedOutbid, 1_000, 'A', 2, 2)),
            // The tie leaves no room: a step above is due now.
            (('B', 1_049), (TooLow, 1_000, 'A', 2, 0)),
            (('B', 1_050), (Accepted, 1_050, 'B', 3, 3)),
        ],
    );
}

#[test]
fn a_leaders_raise_after_a_tie_moves_the_price_by_the_step() {
    play(
        terms(),
        &[
            (('A', 1_000), (Accepted, 100, 'A', 1, 1)),
            (('B', 1_000), (AcceptedOutbid, 1_000, 'A', 2, 2)),
            (('A', 1_000), (NotAboveOwnMax, 1_000, 'A', 2, 0)),
            (('A', 2_000), (Raised, 1_050, 'A', 2, 3)),
        ],
    );
}

#[test]
fn a_raise_of_a_lone_leader_is_silent() {
    play(
        terms(),
        &[
            (('A', 1_000), (Accepted, 100, 'A', 1, 1)),
            (('A', 1_001), (Raised, 100, 'A', 1, 0)),
            (('A', 1_001), (NotAboveOwnMax, 100, 'A', 1, 0)),
            (('A', 500), (NotAboveOwnMax, 100, 'A', 1, 0)),
            (('B', 1_001), (AcceptedOutbid, 1_001, 'A', 2, 2)),
        ],
    );
}

#[test]
fn a_leader_may_raise_below_the_step() {
    // A challenger would owe 125; the leader only owes more than their own maximum.
    play(terms(), &[(('A', 100), (Accepted, 100, 'A', 1, 1)), (('A', 101), (Raised, 100, 'A', 1, 0))]);
}

#[test]
fn who_takes_the_lead_back_competes_with_the_other_only() {
    play(
        terms(),
        &[
            (('A', 1_000), (Accepted, 100, 'A', 1, 1)),
            (('B', 2_000), (Accepted, 1_050, 'B', 2, 2)),
            (('A', 3_000), (Accepted, 2_050, 'A', 3, 3)),
            // A's own old 1000 is nobody to beat: B's 2000 still is the rest's best.
            (('A', 9_000), (Raised, 2_050, 'A', 3, 0)),
        ],
    );
}

#[test]
fn a_maximum_under_the_reserve_bids_as_if_there_were_none() {
    let auction = play(
        reserved(5_000),
        &[(('A', 4_999), (Accepted, 100, 'A', 1, 1)), (('B', 1_000), (AcceptedOutbid, 1_050, 'A', 2, 2))],
    );
    assert_eq!(auction.reserve_status(), ReserveStatus::NotMet);
}

#[test]
fn a_maximum_that_meets_the_reserve_lifts_the_price_to_it() {
    let auction = play(
        reserved(5_000),
        &[
            (('A', 5_000), (Accepted, 5_000, 'A', 1, 1)),
            (('B', 5_100), (Accepted, 5_100, 'B', 2, 2)),
            (('B', 9_000), (Raised, 5_100, 'B', 2, 0)),
        ],
    );
    assert_eq!(auction.reserve_status(), ReserveStatus::Met);
}

#[test]
fn a_raise_that_meets_the_reserve_is_public() {
    let mut auction = play(
        reserved(5_000),
        &[
            (('A', 3_000), (Accepted, 100, 'A', 1, 1)),
            (('B', 2_000), (AcceptedOutbid, 2_050, 'A', 2, 2)),
            (('A', 4_999), (Raised, 2_050, 'A', 2, 0)),
            (('A', 7_000), (Raised, 5_000, 'A', 2, 3)),
        ],
    );
    assert_eq!(auction.reserve_status(), ReserveStatus::Met);
    let completion = close(&mut auction);
    assert_eq!((completion.outcome, completion.winner), (Outcome::Sold, Some(account('A'))));
    assert_eq!((completion.price, completion.sequence), (minor(5_000), 4));
}

#[test]
fn two_bidders_over_the_reserve_pay_a_step_above_the_loser() {
    play(
        reserved(5_000),
        &[
            (('A', 6_000), (Accepted, 5_000, 'A', 1, 1)),
            (('B', 5_099), (TooLow, 5_000, 'A', 1, 0)),
            (('B', 5_900), (AcceptedOutbid, 6_000, 'A', 2, 2)),
            (('C', 8_000), (Accepted, 6_100, 'C', 3, 3)),
        ],
    );
}

#[test]
fn a_reserve_at_or_under_the_start_is_met_by_the_first_bid() {
    let mut auction = Auction::list(reserved(60));
    assert_eq!(auction.reserve_status(), ReserveStatus::NotMet);
    apply(&mut auction, bid('A', 100), START);
    assert_eq!((auction.reserve_status(), auction.standing().price), (ReserveStatus::Met, minor(100)));
}

#[test]
fn outcomes() {
    for (reserve, bids, outcome, winner, price, sequence) in [
        (None, &[][..], Outcome::Unsold, None, 100, 1),
        (Some(5_000), &[], Outcome::Unsold, None, 100, 1),
        (None, &[('A', 100)], Outcome::Sold, Some('A'), 100, 2),
        (Some(5_000), &[('A', 4_999)], Outcome::ReserveNotMet, None, 100, 2),
        (Some(5_000), &[('A', 4_999), ('B', 4_000)], Outcome::ReserveNotMet, None, 4_100, 3),
        (Some(5_000), &[('A', 5_000)], Outcome::Sold, Some('A'), 5_000, 2),
        (Some(5_000), &[('A', 4_000), ('B', 5_001)], Outcome::Sold, Some('B'), 5_000, 3),
    ] {
        let mut auction = Auction::list(reserve.map_or_else(terms, reserved));
        for (number, &(bidder, max)) in bids.iter().enumerate() {
            apply(&mut auction, bid(bidder, max), START + number as i64);
        }
        let completion = close(&mut auction);
        assert_eq!(completion.outcome, outcome);
        assert_eq!(completion.winner, winner.map(account));
        assert_eq!((completion.price, completion.sequence), (minor(price), sequence));
        assert_eq!(completion.bid_count, bids.len() as u64);
        assert_eq!(completion.ended_at, auction.terms().ends_at);
    }
}

#[test]
fn amounts_at_the_end_of_the_range_do_not_overflow() {
    let top = gavel_domain::Minor::MAX.get();
    play(
        Terms { closing: Closing::Hard, ..terms() },
        &[
            (('A', top), (Accepted, 100, 'A', 1, 1)),
            (('B', top), (AcceptedOutbid, top, 'A', 2, 2)),
            (('A', top), (NotAboveOwnMax, top, 'A', 2, 0)),
        ],
    );
}

#[test]
fn at_the_top_of_the_range_a_step_is_still_owed() {
    let top = gavel_domain::Minor::MAX.get();
    let auction = play(
        terms(),
        &[
            (('A', top), (Accepted, 100, 'A', 1, 1)),
            (('B', top - 1), (AcceptedOutbid, top, 'A', 2, 2)),
            // A step above the price is no amount any more: nobody can offer it.
            (('C', top), (TooLow, top, 'A', 2, 0)),
        ],
    );
    assert_eq!(auction.minimum(), Some(gavel_domain::Minor::MAX), "the nearest amount there is");
}
