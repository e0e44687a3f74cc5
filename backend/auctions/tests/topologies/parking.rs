//! Commands before their item.

use gavel_auctions::bidding::PARKING_LIMIT_MS;
use gavel_auctions::wire::topics;
use serde_json::{Value, json};

use crate::house::{END, House, MINUTE, START, bid, decided, listing, listing_with, of_topic, pick, tick, withdrawal};

fn long() -> Value {
    listing_with('V', &json!({"ends_at_ms": START + 10 * PARKING_LIMIT_MS}))
}

fn decisions(history: &[Value]) -> Vec<Value> {
    history.iter().map(|record| record["decision"].clone()).collect()
}

#[test]
fn an_item_adopts_what_waits_in_order_each_at_its_own_time() {
    let mut house = House::new();
    assert_eq!(house.bids(&bid('V', 'A', 1_000, "1"), START + 1), []);
    assert_eq!(house.bids(&bid('V', 'B', 500, "2"), START + 2), []);
    assert_eq!(house.bids(&bid('V', 'A', 1_000, "1"), START + 3), []);
    let history = of_topic(&house.items(&listing('V'), START + 4), topics::HISTORY);
    assert_eq!(decisions(&history), ["accepted", "accepted_outbid", "duplicate"]);
    let times: Vec<_> = history.iter().map(|record| record["at_ms"].as_i64().expect("a number") - START).collect();
    assert_eq!(times, [1, 2, 3]);
    assert_eq!(history[1]["price_minor"], 550);
    house.bids(&tick(), END + 1);
    assert_eq!(house.earliest_due_ms(), None, "no parking limit is left to pass");
}

#[test]
fn what_was_bid_in_time_counts_though_the_item_is_read_after_its_end() {
    let mut house = House::new();
    house.bids(&bid('V', 'A', 1_000, "1"), END);
    house.bids(&bid('V', 'A', 1_000, "1"), END + 1);
    house.bids(&bid('V', 'B', 9_000, "2"), END + 2);
    let outputs = house.items(&listing('V'), START);
    let history = of_topic(&outputs, topics::HISTORY);
    assert_eq!(decisions(&history), ["accepted", "duplicate", "ended"]);
    assert_eq!(history[1]["minimum_minor"], json!(null), "the copy, too, sees that it has ended");
    let completed = of_topic(&outputs, topics::COMPLETE);
    assert_eq!(pick(&completed[0], &["outcome", "ended_at_ms"]), json!({"outcome": "sold", "ended_at_ms": END}));
    assert_eq!(house.run_out(), []);
}

#[test]
fn a_command_without_an_item_is_decided_unknown_once_its_limit_has_passed() {
    let mut house = House::new();
    house.bids(&bid('V', 'A', 1_000, "1"), START);
    house.bids(&withdrawal('V', 'S'), START + 1);
    assert_eq!(house.bids(&tick(), START + PARKING_LIMIT_MS), []);
    let record = decided(&house.bids(&tick(), START + PARKING_LIMIT_MS + 1));
    assert_eq!(
        pick(&record, &["decision", "sequence", "price_minor", "minimum_minor", "leader_id", "ends_at_ms", "at_ms"]),
        json!({
            "decision": "unknown_item", "sequence": null, "price_minor": null, "minimum_minor": null,
            "leader_id": null, "ends_at_ms": null, "at_ms": START
        })
    );
    let outputs = house.run_out();
    assert_eq!(
        pick(&decided(&outputs), &["type", "decision"]),
        json!({"type": "withdrawal_decided", "decision": "unknown_item"})
    );
    // A later copy repeats that, though the item has come.
    house.items(&long(), START + PARKING_LIMIT_MS + 2);
    let copy = decided(&house.bids(&bid('V', 'A', 1_000, "1"), START + PARKING_LIMIT_MS + 3));
    assert_eq!(pick(&copy, &["decision", "price_minor"]), json!({"decision": "duplicate", "price_minor": 100}));
    assert_eq!(copy["first"]["decision"], "unknown_item");
}

#[test]
fn the_append_times_judge_whether_an_item_adopts_never_the_reading() {
    let bid_early = bid('V', 'A', 1_000, "1");
    let bid_late = bid('V', 'B', 2_000, "2");
    let listed_ms = START + PARKING_LIMIT_MS + MINUTE;
    // The first was appended a minute and an hour before the item; the second exactly an hour.
    let mut read_first = House::new();
    read_first.items(&long(), listed_ms);
    let mut history =
        vec![decided(&read_first.bids(&bid_early, START)), decided(&read_first.bids(&bid_late, START + MINUTE))];
    assert_eq!(decisions(&history), ["unknown_item", "accepted"]);

    let mut read_last = House::new();
    read_last.bids(&bid_early, START);
    read_last.bids(&bid_late, START + MINUTE);
    assert_eq!(of_topic(&read_last.items(&long(), listed_ms), topics::HISTORY), history);

    let mut read_between = House::new();
    read_between.bids(&bid_early, START);
    let mut between = of_topic(&read_between.items(&long(), listed_ms), topics::HISTORY);
    between.extend(of_topic(&read_between.bids(&bid_late, START + MINUTE), topics::HISTORY));
    assert_eq!(between, std::mem::take(&mut history));
}

/// The brokers of the two topics may have different clocks: then an item that was read before a tick comes after it in a replay.
#[test]
fn an_item_whose_end_has_passed_when_it_is_read_has_ended_with_it() {
    let mut house = House::new();
    house.bids(&bid('V', 'A', 500, "1"), END - 5);
    house.bids(&tick(), END + 1);
    let outputs = house.items(&listing('V'), END + 2);
    assert_eq!(of_topic(&outputs, topics::HISTORY).len(), 1);
    let complete = of_topic(&outputs, topics::COMPLETE);
    assert_eq!(complete.len(), 1);
    assert_eq!(pick(&complete[0], &["outcome", "ended_at_ms"]), json!({"outcome": "sold", "ended_at_ms": END}));
    assert_eq!(house.earliest_due_ms(), None);
}
