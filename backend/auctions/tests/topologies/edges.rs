//! The edges of time and money, through the topology.

use gavel_auctions::wire::topics;
use serde_json::{Value, json};

use crate::house::{END, House, START, bid, decided, listing, listing_with, of_topic, pick, tick};

/// Late bids move the end to 30 s after them, at most a minute past the listed one.
fn soft() -> Value {
    listing_with('V', &json!({"closing": {"kind": "soft", "window_s": 10, "extend_s": 30, "cap_s": 60}}))
}

#[test]
fn an_item_takes_the_bids_of_its_own_millisecond_whichever_is_read_first() {
    let mut item_first = House::new();
    item_first.items(&listing('V'), START);
    let record = decided(&item_first.bids(&bid('V', 'A', 500, "1"), START));
    assert_eq!(pick(&record, &["decision", "sequence"]), json!({"decision": "accepted", "sequence": 1}));
    let mut bid_first = House::new();
    assert_eq!(bid_first.bids(&bid('V', 'A', 500, "1"), START), []);
    assert_eq!(decided(&bid_first.items(&listing('V'), START)), record);
}

#[test]
fn an_item_listed_after_its_own_end_ends_with_the_next_record() {
    let mut house = House::new();
    let outputs = house.items(&listing('V'), END + 5_000);
    assert_eq!(of_topic(&outputs, topics::COMPLETE), [] as [Value; 0], "the items topic is no clock");
    let outputs = house.bids(&bid('V', 'A', 500, "1"), END + 5_000);
    let completed = &of_topic(&outputs, topics::COMPLETE)[0];
    assert_eq!(
        pick(completed, &["outcome", "ended_at_ms", "sequence"]),
        json!({"outcome": "unsold", "ended_at_ms": END, "sequence": 1})
    );
    assert_eq!(decided(&outputs)["decision"], "ended");
    assert_eq!(house.run_out(), []);
}

#[test]
fn a_bid_in_the_last_millisecond_of_a_soft_close_counts_and_moves_the_end() {
    let mut house = House::new();
    house.items(&soft(), START);
    let record = decided(&house.bids(&bid('V', 'A', 500, "1"), END));
    assert_eq!(pick(&record, &["decision", "ends_at_ms"]), json!({"decision": "accepted", "ends_at_ms": END + 30_000}));
    assert_eq!(house.earliest_due_ms(), Some(END + 30_000), "the timer of the old end is gone");
}

#[test]
fn a_soft_close_stops_at_its_cap() {
    let mut house = House::new();
    house.items(&soft(), START);
    let mut ends = Vec::new();
    for (number, (bidder, late)) in [('A', 0), ('B', 25_000), ('C', 50_000), ('D', 60_000)].into_iter().enumerate() {
        let max = 1_000 * (number as i64 + 1);
        let record = decided(&house.bids(&bid('V', bidder, max, "1"), END + late));
        assert_eq!(record["decision"], "accepted");
        ends.push(record["ends_at_ms"].as_i64().expect("a number") - END);
    }
    assert_eq!(ends, [30_000, 55_000, 60_000, 60_000]);
    let completed = of_topic(&house.bids(&tick(), END + 60_001), topics::COMPLETE);
    assert_eq!(
        pick(&completed[0], &["ended_at_ms", "bid_count"]),
        json!({"ended_at_ms": END + 60_000, "bid_count": 4})
    );
}

#[test]
fn steps_are_of_the_currency() {
    for (currency, starting, [first, second], [minimum, price, next]) in [
        ("USD", 100, [1_000, 500], [125, 550, 600]),
        // One yen stands where one cent stands.
        ("JPY", 100, [1_000, 500], [125, 550, 600]),
        // A dinar has a thousand fils: the rungs are at the same major amounts.
        ("KWD", 1_000, [10_000, 5_000], [1_250, 5_500, 6_000]),
    ] {
        let mut house = House::new();
        let outputs =
            house.items(&listing_with('V', &json!({"currency": currency, "starting_minor": starting})), START);
        assert_eq!(of_topic(&outputs, topics::PRICES)[0]["currency"], currency);
        let record = decided(&house.bids(&bid('V', 'A', first, "1"), START));
        let shown = |record: &Value| (record["price_minor"].clone(), record["minimum_minor"].clone());
        assert_eq!(shown(&record), (json!(starting), json!(minimum)), "{currency}");
        let record = decided(&house.bids(&bid('V', 'B', second, "1"), START));
        assert_eq!(shown(&record), (json!(price), json!(next)), "{currency}");
    }
}

#[test]
fn who_is_suspended_bids_in_vain() {
    let mut house = House::new();
    house.items(&listing('V'), START);
    let mut suspended = bid('V', 'A', 500, "1");
    suspended["suspended"] = json!(true);
    let outputs = house.bids(&suspended, START);
    assert_eq!(
        pick(&decided(&outputs), &["decision", "sequence", "leader_id", "bid_count"]),
        json!({"decision": "suspended", "sequence": null, "leader_id": null, "bid_count": 0})
    );
    assert_eq!(outputs.len(), 1, "nothing public moved");
    suspended["suspended"] = json!(null);
    let again = decided(&house.bids(&suspended, START));
    assert_eq!(pick(&again["first"], &["decision"]), json!({"decision": "suspended"}), "the same bid, the same answer");
    suspended["bid_id"] = bid('V', 'A', 500, "2")["bid_id"].clone();
    assert_eq!(decided(&house.bids(&suspended, START))["decision"], "accepted");
}
