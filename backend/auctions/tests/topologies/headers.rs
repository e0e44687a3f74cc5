//! By its headers one bid can be followed from the click to the notice, however long it was parked.

use gavel_auctions::bidding::PARKING_LIMIT_MS;
use gavel_auctions::wire::topics::{BIDS, COMPLETE, HISTORY, ITEMS, PRICES};
use gavel_log::NewRecord;
use gavel_streams::Beat;

use crate::house::{END, House, START, bid, header, listing, tick, withdrawal};

/// Of each output: topic, causation, correlation id.
fn trail(outputs: &[NewRecord]) -> Vec<(&str, String, Option<String>)> {
    let of = |record| {
        let id = header(record, "correlation-id");
        assert_eq!(header(record, "traceparent"), id.as_ref().map(|id| format!("trace of {id}")));
        (&*record.topic, header(record, "causation").expect("every output has a cause"), id)
    };
    outputs.iter().map(of).collect()
}

fn step<'a>(topic: &'a str, causation: &str, id: &str) -> (&'a str, String, Option<String>) {
    (topic, causation.into(), Some(id.into()))
}

#[test]
fn what_comes_of_a_record_is_the_records() {
    let mut house = House::new();
    let outputs = house.traced(ITEMS, &listing('V'), START, "list");
    assert_eq!(trail(&outputs), [step(PRICES, "auctions.items/0/0", "list")]);
    let outputs = house.traced(BIDS, &bid('V', 'A', 500, "1"), START, "bid");
    assert_eq!(trail(&outputs), [step(HISTORY, "auctions.bids/0/0", "bid"), step(PRICES, "auctions.bids/0/0", "bid")]);
}

#[test]
fn what_comes_of_an_adopted_bid_is_the_bids() {
    let mut house = House::new();
    assert_eq!(house.traced(BIDS, &bid('V', 'A', 500, "1"), START, "first"), []);
    // The headers are state: they outlive a crash.
    house.crash_next(Beat::AfterCommit);
    assert_eq!(house.traced(BIDS, &bid('V', 'B', 50, "2"), START, "second"), []);
    assert_eq!(house.traced(BIDS, &withdrawal('V', 'S'), START + 1, "third"), []);
    let outputs = house.traced(ITEMS, &listing('V'), START + 2, "list");
    let expected = [
        step(HISTORY, "auctions.bids/0/0", "first"),
        step(HISTORY, "auctions.bids/0/1", "second"),
        step(HISTORY, "auctions.bids/0/2", "third"),
        step(COMPLETE, "auctions.bids/0/2", "third"),
        step(ITEMS, "auctions.bids/0/2", "third"),
        step(PRICES, "auctions.bids/0/2", "third"),
    ];
    assert_eq!(trail(&outputs), expected);
}

#[test]
fn what_comes_of_an_expired_bid_is_the_bids_and_no_ticks() {
    let mut house = House::new();
    house.traced(BIDS, &bid('N', 'A', 500, "1"), START, "bid");
    let outputs = house.traced(BIDS, &tick(), START + PARKING_LIMIT_MS + 1, "tick");
    assert_eq!(trail(&outputs), [step(HISTORY, "auctions.bids/0/0", "bid")]);
}

#[test]
fn an_end_is_nobodys_doing_and_names_the_record_that_let_time_pass() {
    let mut house = House::new();
    house.traced(ITEMS, &listing('V'), START, "list");
    house.traced(BIDS, &bid('V', 'A', 500, "1"), START, "bid");
    let outputs = house.traced(BIDS, &bid('V', 'B', 900, "2"), END + 1, "late");
    let timer = |topic| (topic, "auctions.bids/0/1".to_owned(), None);
    let expected = [timer(COMPLETE), timer(ITEMS), step(HISTORY, "auctions.bids/0/1", "late"), timer(PRICES)];
    assert_eq!(trail(&outputs), expected);
}
