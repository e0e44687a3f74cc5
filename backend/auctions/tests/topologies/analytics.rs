//! Every measure against the history it is of, recounted naively.

use std::collections::BTreeMap;

use gavel_auctions::analytics;
use gavel_auctions::wire::topics;
use gavel_streams::TopologyTestDriver;
use serde_json::{Value, json};

use crate::house::{END, House, MINUTE, Output, START, bid, header, listing, listing_with, tick, withdrawal};

/// (measure, window, dimension, currency)
type Cell = (String, i64, String, String);

/// The last value of each cell: (count, sum).
fn measured(listings: &[Value], outputs: &[Output]) -> BTreeMap<Cell, (i64, i64)> {
    let mut driver = TopologyTestDriver::new(&analytics::topology().expect("the graph is sound"), 1);
    let read = [topics::HISTORY, topics::COMPLETE];
    let records = listings.iter().map(|value| (topics::ITEMS, value)).chain(
        outputs.iter().filter(|output| read.contains(&&*output.topic)).map(|output| (&*output.topic, &output.value)),
    );
    for (topic, value) in records {
        driver.pipe(topic, 0, "key", value.to_string(), START).expect("the task goes on");
    }
    let mut cells = BTreeMap::new();
    for record in driver.drain_outputs() {
        assert_eq!(&*record.topic, topics::ANALYTICS);
        let value: Value = serde_json::from_slice(&record.value.expect("a measure has a value")).expect("JSON");
        let text = |field: &str| value[field].as_str().expect("a text").to_owned();
        assert_eq!((&value["type"], &value["partition"]), (&json!("measure"), &json!(0)));
        let cell = (
            text("measure"),
            value["window_start_ms"].as_i64().expect("a number"),
            text("dimension"),
            text("currency"),
        );
        cells.insert(cell, (value["count"].as_i64().expect("a number"), value["sum"].as_i64().expect("a number")));
    }
    cells
}

/// The same from the records alone.
fn recounted(outputs: &[Output], currency_of: impl Fn(&Value) -> &'static str) -> BTreeMap<Cell, (i64, i64)> {
    let mut cells = BTreeMap::new();
    let mut add = |measure: &str, at: &Value, dimension: &Value, currency: &str, amount: i64| {
        let window = at.as_i64().expect("a number") / MINUTE * MINUTE;
        let cell = (measure.to_owned(), window, dimension.as_str().expect("a text").to_owned(), currency.to_owned());
        let (count, sum) = cells.entry(cell).or_insert((0, 0));
        (*count, *sum) = (*count + 1, *sum + amount);
    };
    for Output { topic, value, .. } in outputs {
        if topic == topics::HISTORY && value["type"] == "bid_decided" {
            let (at, decision) = (&value["at_ms"], &value["decision"]);
            add("bids", at, decision, "", 0);
            if decision == "accepted" || decision == "accepted_outbid" {
                let known = |field: &str, unknown: &str| {
                    if value[field].is_null() { json!(unknown) } else { value[field].clone() }
                };
                add("bids_by_country", at, &known("country", "??"), "", 0);
                add("bids_by_grid", at, &known("grid", "????"), "", 0);
                let spread = value["minimum_minor"].as_i64().expect("a number")
                    - value["price_minor"].as_i64().expect("a number");
                add("spread", at, &json!(""), currency_of(&value["item_id"]), spread);
            }
        } else if topic == topics::COMPLETE {
            let at = &value["ended_at_ms"];
            add("outcomes", at, &value["outcome"], "", 0);
            if value["outcome"] == "sold" {
                add("price_ranges", at, &json!("10"), currency_of(&value["item_id"]), 0);
                add(
                    "hammer",
                    at,
                    &json!(""),
                    currency_of(&value["item_id"]),
                    value["price_minor"].as_i64().expect("a number"),
                );
            }
        }
    }
    cells
}

#[test]
fn every_measure_equals_a_recount_of_the_records() {
    let listings = [
        listing_with('V', &json!({})),
        listing_with('W', &json!({"currency": "EUR", "reserve_minor": 1_200, "ends_at_ms": END + 5 * MINUTE})),
        listing_with('X', &json!({"reserve_minor": 99_999})),
        listing_with('Y', &json!({})),
        listing_with('Z', &json!({})),
    ];
    let mut house = House::new();
    let mut outputs = Vec::new();
    for listing in &listings {
        outputs.extend(house.items(listing, START));
    }
    let mut number = 0;
    for (lot, max) in [('V', 1_000), ('W', 2_000), ('X', 3_000), ('V', 1_900), ('W', 100), ('V', 4_000), ('N', 100)] {
        for bidder in ['A', 'B', 'S'] {
            number += 1;
            let mut bid = bid(lot, bidder, max, &number.to_string());
            if bidder == 'B' {
                (bid["country"], bid["grid"]) = (Value::Null, Value::Null);
            }
            outputs.extend(house.bids(&bid, START + number * 4_000));
        }
    }
    outputs.extend(house.bids(&withdrawal('Y', 'S'), END));
    outputs.extend(house.bids(&tick(), END + 1));
    outputs.extend(house.run_out());
    let euro = json!(crate::house::item('W'));
    let expected = recounted(&outputs, |item| if *item == euro { "EUR" } else { "USD" });
    for measure in ["bids", "bids_by_country", "bids_by_grid", "spread", "outcomes", "price_ranges", "hammer"] {
        assert!(expected.keys().any(|(name, ..)| name == measure), "the script never measures {measure}");
    }
    assert_eq!(measured(&listings, &outputs), expected);
}

#[test]
fn a_listing_that_bidding_refuses_does_not_shadow_the_one_it_takes() {
    let refused = listing_with('V', &json!({"currency": "EUR", "starting_minor": -1}));
    let mut driver = TopologyTestDriver::new(&analytics::topology().expect("the graph is sound"), 1);
    driver.pipe(topics::ITEMS, 0, "key", refused.to_string(), START).expect("the task goes on");
    let letters = driver.drain_outputs();
    assert_eq!(letters.len(), 1);
    assert_eq!(&*letters[0].topic, "auctions.items.dead-letters");
    assert_eq!(header(&letters[0], "dead-letter-cause").as_deref(), Some("malformed"));
    driver.pipe(topics::ITEMS, 0, "key", listing('V').to_string(), START).expect("the task goes on");
    assert_eq!(driver.drain_outputs().len(), 0);
    let stored = driver.entries("lots", 0);
    assert_eq!(stored.iter().map(|(_, currency)| &currency[..]).collect::<Vec<_>>(), [b"USD"]);
}
