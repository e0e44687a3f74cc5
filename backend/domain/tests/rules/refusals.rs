//! Which refusal a bid gets where several fit, and what a refusal leaves behind: nothing.

use gavel_domain::{Auction, Bid, Command, Completion, Decided, Decision, EpochMs, Outcome, SecretMinor, Status};

use crate::lot::{END, SELLER, START, account, apply, bid, decide, minor, terms};

fn suspended(bidder: char, max: i64) -> Command {
    Command::Bid(Bid { bidder: account(bidder), max: SecretMinor::new(minor(max)), suspended: true })
}

#[test]
fn the_first_refusal_that_fits_is_given() {
    // A leads up to 10.00 at 5.50; a challenger owes 6.00.
    let mut auction = Auction::list(terms());
    decide(&mut auction, bid('A', 1_000), START);
    decide(&mut auction, bid('B', 500), START);
    for (name, command, t, expected) in [
        ("early, own item, suspended, low", suspended(SELLER, 1), START - 1, Decision::NotStarted),
        ("own item, suspended, low", suspended(SELLER, 1), START, Decision::OwnItem),
        ("own item, enough", bid(SELLER, 9_000), END, Decision::OwnItem),
        ("suspended, not above own, low", suspended('A', 1), END, Decision::Suspended),
        ("suspended, enough", suspended('C', 9_000), END, Decision::Suspended),
        ("not above own, low", bid('A', 1), END, Decision::NotAboveOwnMax),
        ("not above own, equal", bid('A', 1_000), END, Decision::NotAboveOwnMax),
        ("low", bid('C', 599), END, Decision::TooLow),
    ] {
        let before = auction.clone();
        assert_eq!(decide(&mut auction, command, t), expected, "{name}");
        assert_eq!(auction, before, "{name} changed something");
    }
    // Late, and all the rest as well: ended comes first, and for a seller too.
    let did = apply(&mut auction, suspended(SELLER, 1), END + 1);
    assert_eq!(did.decided, Decided { decision: Decision::Ended, sequence: None });
}

#[test]
fn the_first_bid_owes_the_starting_price() {
    let mut auction = Auction::list(terms());
    assert_eq!(decide(&mut auction, bid('A', 99), START), Decision::TooLow);
    assert_eq!(auction.minimum(), Some(minor(100)));
    assert_eq!(decide(&mut auction, bid('A', 100), START), Decision::Accepted);
}

#[test]
fn a_challenger_owes_a_step_above_the_price() {
    let mut auction = Auction::list(terms());
    decide(&mut auction, bid('A', 1_000), START);
    assert_eq!(auction.minimum(), Some(minor(125)));
    assert_eq!(decide(&mut auction, bid('B', 124), START), Decision::TooLow);
    assert_eq!(decide(&mut auction, bid('B', 125), START), Decision::AcceptedOutbid);
    assert_eq!(auction.minimum(), Some(minor(175)), "the price is 1.50");
}

#[test]
fn bidding_is_open_from_the_first_to_the_last_millisecond() {
    let mut auction = Auction::list(terms());
    assert_eq!(auction.status(EpochMs::new(START - 1)), Status::Scheduled);
    assert_eq!(decide(&mut auction, bid('A', 200), START - 1), Decision::NotStarted);
    assert_eq!(auction.status(EpochMs::new(START)), Status::Open);
    assert_eq!(decide(&mut auction, bid('A', 200), START), Decision::Accepted);
    assert_eq!(auction.status(EpochMs::new(END)), Status::Open);
    assert_eq!(decide(&mut auction, bid('B', 500), END), Decision::Accepted);
    assert_eq!(auction.status(EpochMs::new(END + 1)), Status::Ended);
    let did = apply(&mut auction, bid('C', 900), END + 1);
    assert_eq!(did.decided.decision, Decision::Ended);
    assert_eq!(
        did.before,
        Some(Completion {
            outcome: Outcome::Sold,
            winner: Some(account('B')),
            price: minor(225),
            bid_count: 2,
            ended_at: EpochMs::new(END),
            sequence: 3,
        })
    );
}

#[test]
fn an_auction_ends_once() {
    let mut auction = Auction::list(terms());
    assert_eq!(auction.close_if_due(EpochMs::new(END)), None, "the end itself still counts");
    let long_after = EpochMs::new(END + 86_400_000);
    let completion = auction.close_if_due(long_after).expect("the end has passed");
    assert_eq!(completion.ended_at, EpochMs::new(END), "not when it was noticed");
    assert_eq!(auction.close_if_due(long_after), None);
    let did = apply(&mut auction, bid('A', 900), END + 86_400_001);
    assert_eq!((did.before, did.decided.decision, did.after), (None, Decision::Ended, None));
    assert_eq!(auction.minimum(), None);
    assert_eq!(auction.standing().completion, Some(completion));
}
