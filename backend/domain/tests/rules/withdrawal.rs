//! The seller takes the item back.

use gavel_domain::{Auction, Completion, Decided, Decision, EpochMs, Outcome};

use crate::lot::{END, SELLER, START, apply, bid, decide, minor, terms, withdrawal};

#[test]
fn a_withdrawal_is_told_and_then_ends_the_auction_at_its_time() {
    let mut auction = Auction::list(terms());
    decide(&mut auction, bid('A', 1_000), START);
    decide(&mut auction, bid('B', 500), START);
    let did = apply(&mut auction, withdrawal(SELLER), START + 5);
    assert_eq!(did.before, None);
    assert_eq!(did.decided, Decided { decision: Decision::Withdrawn, sequence: Some(3) });
    assert_eq!(
        did.after,
        Some(Completion {
            outcome: Outcome::Withdrawn,
            winner: None,
            price: minor(550),
            bid_count: 2,
            ended_at: EpochMs::new(START + 5),
            sequence: 4,
        })
    );
    assert_eq!(auction.standing().ends_at, EpochMs::new(START + 5), "there is no other end");
}

#[test]
fn it_can_come_before_the_start_and_in_the_last_millisecond() {
    for t in [0, START - 1, END] {
        let mut auction = Auction::list(terms());
        let did = apply(&mut auction, withdrawal(SELLER), t);
        let completion = did.after.expect("it ends the auction");
        assert_eq!((completion.price, completion.sequence), (minor(100), 2));
        assert_eq!(completion.ended_at, EpochMs::new(t));
    }
}

#[test]
fn only_the_seller_withdraws() {
    let mut auction = Auction::list(terms());
    let before = auction.clone();
    assert_eq!(decide(&mut auction, withdrawal('A'), START), Decision::NotSeller);
    assert_eq!(auction, before);
}

#[test]
fn after_the_end_it_is_too_late() {
    let mut auction = Auction::list(terms());
    let did = apply(&mut auction, withdrawal('A'), END + 1);
    assert_eq!(did.before.map(|completion| completion.outcome), Some(Outcome::Unsold));
    assert_eq!(did.decided, Decided { decision: Decision::Ended, sequence: None }, "ended comes before not_seller");
}

#[test]
fn nothing_counts_after_a_withdrawal() {
    let mut auction = Auction::list(terms());
    apply(&mut auction, withdrawal(SELLER), START);
    assert_eq!(decide(&mut auction, bid('A', 1_000), START), Decision::Ended);
    assert_eq!(decide(&mut auction, withdrawal(SELLER), START), Decision::Ended);
    assert_eq!(auction.close_if_due(EpochMs::new(END + 1)), None);
}
