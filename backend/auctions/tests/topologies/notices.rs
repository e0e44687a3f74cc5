//! Who is told what. The history and completions come from the bidding topology itself.

use bytes::Bytes;
use gavel_auctions::notices;
use gavel_auctions::wire::topics;
use gavel_streams::TopologyTestDriver;
use newtype_uuid::GenericUuid;
use serde_json::{Value, json};

use crate::house::{
    END, House, Output, START, account, bid, header, item, listing, listing_with, pick, tick, withdrawal,
};

/// A house whose records go on to the notices topology.
struct Heralded {
    house: House,
    notices: TopologyTestDriver,
}

impl Heralded {
    fn new(listing: &Value) -> Self {
        let notices = TopologyTestDriver::new(&notices::topology().expect("the graph is sound"), 1);
        let mut heralded = Self { house: House::new(), notices };
        heralded.house.items(listing, START);
        assert_eq!(heralded.tell(topics::ITEMS, listing), [] as [Value; 0]);
        heralded
    }

    fn tell(&mut self, topic: &str, value: &Value) -> Vec<Value> {
        self.notices.pipe(topic, 0, "key", value.to_string(), START).expect("the task goes on");
        let outputs = self.notices.drain_outputs().into_iter();
        outputs
            .map(|record| {
                assert_eq!(&*record.topic, topics::NOTICES);
                let value = record.value.expect("a notice has a value");
                let notice: Value = serde_json::from_slice(&value).expect("a notice is JSON");
                assert_eq!(notice["account_id"].as_str().map(str::as_bytes), record.key.as_deref());
                notice
            })
            .collect()
    }

    /// Notices of these outputs, as (account, kind) in order.
    fn pass_on(&mut self, outputs: &[Output]) -> Vec<Value> {
        let read = [topics::HISTORY, topics::COMPLETE];
        let outputs = outputs.iter().filter(|output| read.contains(&&*output.topic));
        outputs.flat_map(|output| self.tell(&output.topic, &output.value)).collect()
    }

    fn bid(&mut self, bidder: char, max: i64) -> Vec<Value> {
        let outputs = self.house.bids(&bid('V', bidder, max, &max.to_string()), START + max);
        self.pass_on(&outputs)
    }

    fn end(&mut self) -> Vec<Value> {
        let outputs = self.house.bids(&tick(), END + 1);
        self.pass_on(&outputs)
    }
}

fn told(notices: &[Value]) -> Vec<(Value, &str)> {
    notices.iter().map(|notice| (notice["account_id"].clone(), notice["kind"].as_str().expect("a text"))).collect()
}

fn to(account_letter: char, kind: &str) -> (Value, &str) {
    (json!(account(account_letter)), kind)
}

#[test]
fn who_is_outbid_is_told() {
    let mut house = Heralded::new(&listing('V'));
    assert_eq!(told(&house.bid('A', 1_000)), []);
    assert_eq!(told(&house.bid('B', 500)), [to('B', "outbid")], "outbid at once");
    assert_eq!(told(&house.bid('A', 1_500)), [], "one's own raise outbids nobody");
    assert_eq!(told(&house.bid('B', 101)), [], "a refusal is no event");
    let notices = house.bid('C', 2_000);
    assert_eq!(told(&notices), [to('A', "outbid")]);
    assert_eq!(
        pick(&notices[0], &["type", "v", "item_id", "title", "currency", "price_minor", "sequence", "at_ms"]),
        json!({
            "type": "notice", "v": 1, "item_id": item('V'), "title": "Lot V", "currency": "USD", "price_minor": 1_550,
            "sequence": 3, "at_ms": START + 2_000
        })
    );
}

#[test]
fn a_sale_is_told_to_all() {
    let mut house = Heralded::new(&listing('V'));
    house.bid('A', 1_000);
    house.bid('B', 500);
    assert_eq!(told(&house.end()), [to('A', "won"), to('B', "lost"), to('S', "sold")]);
}

#[test]
fn an_unmet_reserve_is_told_to_the_seller_and_the_highest_bidder() {
    let mut house = Heralded::new(&listing_with('V', &json!({"reserve_minor": 5_000})));
    house.bid('A', 500);
    house.bid('B', 1_000);
    assert_eq!(told(&house.end()), [to('A', "lost"), to('B', "reserve_not_met"), to('S', "reserve_not_met")]);
}

#[test]
fn a_lot_without_bids_is_told_to_its_seller() {
    assert_eq!(told(&Heralded::new(&listing('V')).end()), [to('S', "unsold")]);
}

#[test]
fn a_withdrawal_is_told_to_the_bidders() {
    let mut house = Heralded::new(&listing('V'));
    house.bid('A', 500);
    let outputs = house.house.bids(&withdrawal('V', 'S'), START + 9_000);
    assert_eq!(told(&house.pass_on(&outputs)), [to('A', "withdrawn")]);
}

#[test]
fn an_outcome_that_is_read_before_its_history_waits_for_it() {
    let mut house = Heralded::new(&listing('V'));
    let mut outputs = house.house.bids(&bid('V', 'A', 500, "1"), START);
    outputs.extend(house.house.bids(&bid('V', 'B', 900, "2"), START));
    outputs.extend(house.house.bids(&tick(), END + 1));
    outputs.sort_by_key(|output| output.topic != topics::COMPLETE);
    let notices = house.pass_on(&outputs);
    assert_eq!(told(&notices), [to('A', "outbid"), to('A', "lost"), to('B', "won"), to('S', "sold")]);
}

#[test]
fn nothing_is_kept_of_a_lot_that_has_ended() {
    let mut house = Heralded::new(&listing('V'));
    house.bid('A', 500);
    house.end();
    let mark = (Bytes::copy_from_slice(item('V').as_untyped_uuid().as_bytes()), Bytes::from_static(b"\x02"));
    assert_eq!(house.notices.entries("lots", 0), [mark], "but that it has ended");
    assert_eq!(house.notices.entries("bidders", 0), []);
}

#[test]
fn a_listing_repeated_after_the_end_brings_nothing_back() {
    let mut house = Heralded::new(&listing('V'));
    house.end();
    let kept = house.notices.entries("lots", 0);
    assert_eq!(house.tell(topics::ITEMS, &listing('V')), [] as [Value; 0]);
    assert_eq!(house.notices.entries("lots", 0), kept);
}

#[test]
fn a_listing_that_bidding_refuses_does_not_shadow_the_one_it_takes() {
    let mut notices = TopologyTestDriver::new(&notices::topology().expect("the graph is sound"), 1);
    for fields in [json!({"starting_minor": -1}), json!({"ends_at_ms": i64::MAX}), json!({"currency": "XXX"})] {
        let refused = listing_with('V', &fields).to_string();
        notices.pipe(topics::ITEMS, 0, "key", refused, START).expect("the task goes on");
        let letters = notices.drain_outputs();
        assert_eq!(letters.len(), 1);
        assert_eq!(&*letters[0].topic, "auctions.items.dead-letters");
        assert_eq!(header(&letters[0], "dead-letter-cause").as_deref(), Some("malformed"));
    }
    let mut house = House::new();
    house.items(&listing_with('V', &json!({"title": "The one"})), START);
    let mut heralded = Heralded { house, notices };
    heralded.tell(topics::ITEMS, &listing_with('V', &json!({"title": "The one"})));
    assert_eq!(heralded.end()[0]["title"], "The one");
}

#[test]
fn a_replay_makes_the_same_notices() {
    let play = || {
        let mut house = Heralded::new(&listing('V'));
        let mut notices = house.bid('A', 500);
        notices.extend(house.bid('B', 1_000));
        notices.extend(house.end());
        notices
    };
    let first = play();
    assert_eq!(first, play());
    let ids: std::collections::BTreeSet<&str> =
        first.iter().map(|notice| notice["notice_id"].as_str().expect("a text")).collect();
    assert_eq!(ids.len(), first.len(), "each has an id of its own");
}
