//! One lot from its listing to its outcome, and every kind of record on the way.

use gavel_auctions::alias::alias;
use gavel_auctions::wire::topics;
use gavel_domain::bid_id;
use gavel_streams::Beat;
use serde_json::{Value, json};

use crate::house::{
    END, House, START, account, bid, decided, item, listing, listing_with, of_topic, pick, tick, withdrawal,
};

const DEAD_ITEMS: &str = "auctions.items.dead-letters";
const DEAD_BIDS: &str = "auctions.bids.dead-letters";

fn listed() -> House {
    let mut house = House::new();
    house.items(&listing('V'), START);
    house
}

#[test]
fn a_listing_shows_its_price() {
    let mut house = House::new();
    let outputs = house.items(&listing_with('V', &json!({"reserve_minor": 5_000})), START);
    assert_eq!(
        of_topic(&outputs, topics::PRICES),
        [json!({
            "type": "price", "v": 1, "item_id": item('V'), "sequence": 0, "currency": "USD", "price_minor": 100,
            "minimum_minor": 100, "leader_id": null, "leader_alias": null, "bid_count": 0, "reserve": "not_met",
            "starts_at_ms": START, "ends_at_ms": END, "outcome": null
        })]
    );
    assert_eq!(outputs.len(), 1);
}

#[test]
fn a_bid_is_decided_in_full() {
    let mut house = listed();
    let outputs = house.bids(&bid('V', 'A', 1_000, "k"), START + 5);
    let name = alias(item('V'), account('A'));
    assert_eq!(
        of_topic(&outputs, topics::HISTORY),
        [json!({
            "type": "bid_decided", "v": 1, "item_id": item('V'), "sequence": 1,
            "bid_id": bid_id(account('A'), item('V'), "k"), "bidder_id": account('A'), "alias": name,
            "decision": "accepted", "price_minor": 100, "minimum_minor": 125, "leader_id": account('A'),
            "leader_alias": name, "bid_count": 1, "reserve_met": true, "ends_at_ms": END, "at_ms": START + 5,
            "received_ms": START + 5, "country": "GB", "grid": "gcpv"
        })]
    );
    let prices = of_topic(&outputs, topics::PRICES);
    assert_eq!(
        pick(&prices[0], &["sequence", "price_minor", "bid_count"]),
        json!({"sequence": 1, "price_minor": 100, "bid_count": 1})
    );
}

#[test]
fn a_silent_raise_and_a_refusal_are_in_the_audit_alone() {
    let mut house = listed();
    house.bids(&bid('V', 'A', 1_000, "1"), START);
    for (bidder, max, decision) in [('A', 2_000, "raised"), ('B', 50, "too_low"), ('S', 5_000, "own_item")] {
        let outputs = house.bids(&bid('V', bidder, max, decision), START + 1);
        let fields = pick(&decided(&outputs), &["decision", "sequence", "price_minor", "minimum_minor"]);
        assert_eq!(fields, json!({"decision": decision, "sequence": null, "price_minor": 100, "minimum_minor": 125}));
        assert_eq!(outputs.len(), 1, "nothing public moved");
    }
}

#[test]
fn a_second_copy_gets_the_first_decision_and_counts_nothing() {
    let mut house = listed();
    house.bids(&bid('V', 'A', 1_000, "same"), START);
    house.bids(&bid('V', 'B', 2_000, "other"), START + 1);
    let outputs = house.bids(&bid('V', 'A', 9_000, "same"), START + 2);
    let duplicate = decided(&outputs);
    assert_eq!(
        pick(&duplicate, &["decision", "sequence", "price_minor", "bid_count", "first"]),
        json!({
            "decision": "duplicate", "sequence": null, "price_minor": 1_050, "bid_count": 2,
            "first": {
                "decision": "accepted", "sequence": 1, "price_minor": 100, "minimum_minor": 125, "leading": true,
                "at_ms": START, "received_ms": START
            }
        })
    );
    assert_eq!(outputs.len(), 1);
    // Also after the end, where it comes before `ended`.
    house.bids(&tick(), END + 1);
    let duplicate = decided(&house.bids(&bid('V', 'B', 1, "other"), END + 2));
    assert_eq!(
        pick(&duplicate, &["decision", "minimum_minor"]),
        json!({"decision": "duplicate", "minimum_minor": null})
    );
    assert_eq!(duplicate["first"]["sequence"], 2);
}

#[test]
fn the_end_is_told_once_and_its_time_is_the_end_not_the_tick() {
    let mut house = listed();
    house.bids(&bid('V', 'A', 1_000, "1"), START);
    assert_eq!(house.bids(&tick(), END), [], "the last millisecond still counts");
    let outputs = house.bids(&tick(), END + 700);
    let completed = json!({
        "type": "item_completed", "v": 1, "item_id": item('V'), "sequence": 2, "outcome": "sold",
        "winner_id": account('A'), "winner_alias": alias(item('V'), account('A')), "price_minor": 100, "bid_count": 1,
        "ended_at_ms": END
    });
    assert_eq!(of_topic(&outputs, topics::COMPLETE), std::slice::from_ref(&completed));
    assert_eq!(of_topic(&outputs, topics::ITEMS), std::slice::from_ref(&completed));
    let prices = of_topic(&outputs, topics::PRICES);
    assert_eq!(
        pick(&prices[0], &["sequence", "outcome", "minimum_minor"]),
        json!({"sequence": 2, "outcome": "sold", "minimum_minor": null})
    );
    assert_eq!(house.items(&completed, END + 701), [], "its own record, read back, changes nothing");
    assert_eq!(house.run_out(), []);
}

#[test]
fn a_late_bid_ends_the_auction_first_and_is_told_so() {
    let mut house = listed();
    let outputs = house.bids(&bid('V', 'A', 1_000, "1"), END + 1);
    let topics_in_order: Vec<&str> = outputs.iter().map(|output| output.topic.as_str()).collect();
    assert_eq!(topics_in_order, [topics::COMPLETE, topics::ITEMS, topics::HISTORY, topics::PRICES]);
    assert_eq!(outputs[0].value["outcome"], "unsold");
    assert_eq!(outputs[2].value["decision"], "ended");
}

#[test]
fn a_soft_close_moves_the_timer() {
    let soft = json!({"closing": {"kind": "soft", "window_s": 10, "extend_s": 30, "cap_s": 60}});
    let mut house = House::new();
    house.items(&listing_with('V', &soft), START);
    let record = decided(&house.bids(&bid('V', 'A', 1_000, "1"), END - 5_000));
    assert_eq!(record["ends_at_ms"], END + 25_000);
    assert_eq!(house.bids(&tick(), END + 25_000), []);
    let outputs = house.bids(&tick(), END + 25_001);
    assert_eq!(of_topic(&outputs, topics::COMPLETE)[0]["ended_at_ms"], END + 25_000);
}

#[test]
fn a_withdrawal_is_decided_and_completes() {
    let mut house = listed();
    house.bids(&bid('V', 'A', 1_000, "1"), START);
    let refused = decided(&house.bids(&withdrawal('V', 'A'), START + 1));
    assert_eq!(
        pick(&refused, &["type", "decision", "sequence", "bid_id", "command_id", "bidder_id"]),
        json!({
            "type": "withdrawal_decided", "decision": "not_seller", "sequence": null, "bid_id": null,
            "command_id": "00000000-0000-0000-0000-000000000007", "bidder_id": account('A')
        })
    );
    let outputs = house.bids(&withdrawal('V', 'S'), START + 2);
    assert_eq!(
        pick(&decided(&outputs), &["decision", "sequence", "ends_at_ms"]),
        json!({"decision": "withdrawn", "sequence": 2, "ends_at_ms": START + 2})
    );
    assert_eq!(of_topic(&outputs, topics::PRICES)[0]["ends_at_ms"], START + 2, "there is one end");
    let completed = &of_topic(&outputs, topics::COMPLETE)[0];
    assert_eq!(
        pick(completed, &["outcome", "winner_id", "price_minor", "ended_at_ms", "sequence"]),
        json!({"outcome": "withdrawn", "winner_id": null, "price_minor": 100, "ended_at_ms": START + 2, "sequence": 3})
    );
    assert_eq!(decided(&house.bids(&withdrawal('V', 'S'), START + 3))["decision"], "ended");
    assert_eq!(house.run_out(), [], "its timer is gone");
}

#[test]
fn a_withdrawal_needs_no_id() {
    let mut house = listed();
    let mut nameless = withdrawal('V', 'S');
    nameless.as_object_mut().expect("it is an object").remove("command_id");
    let outputs = house.bids(&nameless, START + 1);
    assert_eq!(
        pick(&decided(&outputs), &["decision", "command_id"]),
        json!({"decision": "withdrawn", "command_id": null})
    );
    assert_eq!(of_topic(&outputs, topics::COMPLETE)[0]["outcome"], "withdrawn");
}

#[test]
fn time_never_goes_back() {
    let mut house = listed();
    house.bids(&tick(), END + 1);
    // The broker's clock stepped back; partition time did not.
    let record = decided(&house.bids(&bid('V', 'A', 1_000, "1"), START));
    assert_eq!(
        pick(&record, &["decision", "at_ms", "received_ms"]),
        json!({"decision": "ended", "at_ms": END + 1, "received_ms": START})
    );
}

#[test]
fn what_cannot_be_processed_goes_to_the_dead_letters() {
    let mut house = listed();
    let mut without_bidder = bid('V', 'A', 100, "1");
    without_bidder["bidder_id"] = Value::Null;
    for value in [without_bidder, bid('V', 'A', -1, "1"), json!({"type": "from_the_future", "v": 9}), json!([])] {
        let outputs = house.bids(&value, START);
        assert_eq!(of_topic(&outputs, DEAD_BIDS), [value]);
        assert_eq!(outputs.len(), 1);
    }
    for value in [
        listing('V'),
        listing_with('W', &json!({"currency": "XXX"})),
        listing_with('W', &json!({"ladder": "steep"})),
        listing_with('W', &json!({"starting_minor": -1})),
        listing_with('W', &json!({"starts_at_ms": i64::MIN})),
        listing_with('W', &json!({"ends_at_ms": i64::MAX})),
        json!({"type": "from_the_future", "v": 9}),
        json!(["item_completed"]),
    ] {
        assert_eq!(of_topic(&house.items(&value, START), DEAD_ITEMS), [value]);
    }
    assert_eq!(decided(&house.bids(&bid('V', 'A', 100, "1"), START))["decision"], "accepted");
}

#[test]
fn a_crash_at_any_beat_changes_nothing() {
    let play = |crash: Option<Beat>| {
        let mut house = listed();
        let mut outputs = Vec::new();
        for (number, (bidder, max)) in [('A', 1_000), ('B', 2_000), ('A', 3_000)].into_iter().enumerate() {
            if let Some(beat) = crash {
                house.crash_next(beat);
            }
            outputs.extend(house.bids(&bid('V', bidder, max, &number.to_string()), START + number as i64));
        }
        outputs.extend(house.run_out());
        outputs
    };
    let expected = play(None);
    for beat in Beat::ALL {
        assert_eq!(play(Some(beat)), expected, "{beat:?}");
    }
}
