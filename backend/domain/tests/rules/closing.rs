//! Hard and soft closing at the edges of the window and of the cap.

use gavel_domain::{Auction, Closing, Decision, EpochMs, Terms};

use crate::lot::{END, START, bid, close, decide, terms};

/// A bid in the last 60 s moves the end to 120 s after it, at most 300 s past the listed end.
const SOFT: Closing = Closing::Soft { window_s: 60, extend_s: 120, cap_s: 300 };

fn soft() -> Auction {
    Auction::list(Terms { closing: SOFT, ..terms() })
}

fn ends_at(auction: &Auction) -> i64 {
    auction.standing().ends_at.get()
}

#[test]
fn a_hard_end_never_moves() {
    let mut auction = Auction::list(terms());
    decide(&mut auction, bid('A', 500), END);
    assert_eq!(ends_at(&auction), END);
}

#[test]
fn the_window_opens_exactly_window_s_before_the_end() {
    let mut auction = soft();
    decide(&mut auction, bid('A', 500), END - 60_001);
    assert_eq!(ends_at(&auction), END, "one millisecond early");
    decide(&mut auction, bid('B', 1_000), END - 60_000);
    assert_eq!(ends_at(&auction), END + 60_000);
    // The window now lies before the new end.
    decide(&mut auction, bid('C', 2_000), END - 1);
    assert_eq!(ends_at(&auction), END + 60_000);
    decide(&mut auction, bid('D', 3_000), END);
    assert_eq!(ends_at(&auction), END + 120_000);
}

#[test]
fn the_last_millisecond_moves_it_too() {
    let mut auction = soft();
    decide(&mut auction, bid('A', 500), END);
    assert_eq!(ends_at(&auction), END + 120_000);
}

#[test]
fn an_outbid_bid_moves_it_and_a_raise_or_a_refusal_does_not() {
    let mut auction = soft();
    decide(&mut auction, bid('A', 5_000), START);
    assert_eq!(decide(&mut auction, bid('A', 9_000), END - 1), Decision::Raised);
    assert_eq!(decide(&mut auction, bid('B', 1), END - 1), Decision::TooLow);
    assert_eq!(ends_at(&auction), END);
    assert_eq!(decide(&mut auction, bid('B', 8_990), END - 1), Decision::AcceptedOutbid);
    assert_eq!(ends_at(&auction), END - 1 + 120_000);
    let last_minute = END + 119_000;
    assert_eq!(decide(&mut auction, bid('A', 20_000), last_minute), Decision::Raised);
    assert_eq!(auction.standing().sequence, 3, "the raise was public: 8990 had cut its step short");
    assert_eq!(ends_at(&auction), END - 1 + 120_000);
}

#[test]
fn the_cap_is_the_last_possible_end() {
    let mut auction = soft();
    let mut max = 1_000;
    for bidder in ['A', 'B', 'C', 'D', 'E'] {
        max *= 2;
        let t = ends_at(&auction);
        decide(&mut auction, bid(bidder, max), t);
    }
    assert_eq!(ends_at(&auction), END + 300_000);
    assert_eq!(decide(&mut auction, bid('F', 2 * max), END + 300_000), Decision::Accepted);
    let completion = close(&mut auction);
    assert_eq!(completion.ended_at, EpochMs::new(END + 300_000));
}

#[test]
fn an_extension_shorter_than_the_window_never_moves_the_end_back() {
    let closing = Closing::Soft { window_s: 60, extend_s: 10, cap_s: 300 };
    let mut auction = Auction::list(Terms { closing, ..terms() });
    decide(&mut auction, bid('A', 500), END - 30_000);
    assert_eq!(ends_at(&auction), END);
    decide(&mut auction, bid('B', 1_000), END - 10_000);
    assert_eq!(ends_at(&auction), END);
    decide(&mut auction, bid('C', 2_000), END - 9_999);
    assert_eq!(ends_at(&auction), END + 1);
}

#[test]
fn a_moved_end_is_when_it_ends() {
    let mut auction = soft();
    decide(&mut auction, bid('A', 500), END);
    assert_eq!(auction.close_if_due(EpochMs::new(END + 120_000)), None);
    let completion = auction.close_if_due(EpochMs::new(END + 120_001)).expect("the moved end has passed");
    assert_eq!(completion.ended_at, EpochMs::new(END + 120_000));
}

#[test]
fn a_window_as_long_as_the_auction_is_no_overflow() {
    let closing = Closing::Soft { window_s: u32::MAX, extend_s: u32::MAX, cap_s: u32::MAX };
    let mut auction = Auction::list(Terms { closing, ..terms() });
    decide(&mut auction, bid('A', 500), START);
    assert_eq!(ends_at(&auction), START + i64::from(u32::MAX) * 1000);
}
