//! A house on the test driver: what goes in and what came out, in few words. Accounts and items are letters.

use bytes::Bytes;
use gavel_auctions::bidding;
use gavel_auctions::wire::topics;
use gavel_domain::{AccountId, ItemId, bid_id};
use gavel_log::{Header, NewRecord};
use gavel_streams::TopologyTestDriver;
use newtype_uuid::GenericUuid;
use serde_json::{Value, json};
use uuid::Uuid;

/// When lots open.
pub(crate) const START: i64 = 1_800_000_000_000;
/// When they end: a minute later.
pub(crate) const END: i64 = START + 60_000;
/// A minute of milliseconds.
pub(crate) const MINUTE: i64 = 60_000;

/// The account of that letter.
pub(crate) fn account(letter: char) -> AccountId {
    AccountId::from_untyped_uuid(Uuid::from_u128(u128::from(letter)))
}

/// The item of that letter.
pub(crate) fn item(letter: char) -> ItemId {
    ItemId::from_untyped_uuid(Uuid::from_u128(u128::from(letter) << 64))
}

/// A listing by S: dollars from 1.00, hard close at [`END`].
pub(crate) fn listing(lot: char) -> Value {
    json!({
        "type": "item_listed", "v": 1, "item_id": item(lot), "seller_id": account('S'), "title": format!("Lot {lot}"),
        "description": "", "category": "other", "currency": "USD", "starting_minor": 100, "reserve_minor": null,
        "buy_now_minor": null, "ladder": "standard", "starts_at_ms": START, "ends_at_ms": END,
        "closing": {"kind": "hard"}, "country": null, "grid": null, "images": []
    })
}

/// [`listing`] with some fields changed.
pub(crate) fn listing_with(lot: char, fields: &Value) -> Value {
    let mut listing = listing(lot);
    for (name, value) in fields.as_object().expect("fields are an object") {
        listing[name] = value.clone();
    }
    listing
}

/// A bid under an idempotency key.
pub(crate) fn bid(lot: char, bidder: char, max_minor: i64, key: &str) -> Value {
    json!({
        "type": "bid_placed", "v": 1, "bid_id": bid_id(account(bidder), item(lot), key), "item_id": item(lot),
        "bidder_id": account(bidder), "max_minor": max_minor, "country": "GB", "grid": "gcpv"
    })
}

/// A withdrawal.
pub(crate) fn withdrawal(lot: char, by: char) -> Value {
    json!({
        "type": "withdrawal", "v": 1, "command_id": Uuid::from_u128(7), "item_id": item(lot), "seller_id": account(by)
    })
}

/// A tick.
pub(crate) fn tick() -> Value {
    json!({"type": "tick", "v": 1})
}

/// One output.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Output {
    pub(crate) topic: String,
    pub(crate) value: Value,
    /// Its `causation`, where it has one.
    pub(crate) causation: Option<String>,
}

/// The bidding topology at work, one partition.
pub(crate) struct House(TopologyTestDriver);

impl House {
    pub(crate) fn new() -> Self {
        Self(TopologyTestDriver::new(&bidding::topology().expect("the graph is sound"), 1))
    }

    /// Appends to the items topic; answers what came out.
    pub(crate) fn items(&mut self, value: &Value, append_ms: i64) -> Vec<Output> {
        self.append(topics::ITEMS, value, append_ms)
    }

    /// Appends to the bids topic; answers what came out.
    pub(crate) fn bids(&mut self, value: &Value, append_ms: i64) -> Vec<Output> {
        self.append(topics::BIDS, value, append_ms)
    }

    fn append(&mut self, topic: &str, value: &Value, append_ms: i64) -> Vec<Output> {
        let key = value["item_id"].as_str().unwrap_or_default().to_owned();
        self.0.pipe(topic, 0, key, value.to_string(), append_ms).expect("the task goes on");
        self.outputs()
    }

    /// Appends under a correlation id; answers the records that came out.
    pub(crate) fn traced(&mut self, topic: &str, value: &Value, append_ms: i64, id: &str) -> Vec<NewRecord> {
        let headers = [("correlation-id", id.to_owned()), ("traceparent", format!("trace of {id}"))];
        let headers = headers.map(|(name, value)| Header { name: name.into(), value: value.into() }).into();
        let value = Some(value.to_string().into());
        self.0.enqueue_record(topic, 0, None, value, headers, append_ms).expect("there is such a topic");
        self.0.run().expect("the task goes on");
        self.0.drain_outputs()
    }

    /// Lets the clock go on until nothing waits; answers what came out.
    pub(crate) fn run_out(&mut self) -> Vec<Output> {
        self.0.run_until_quiet().expect("the task goes on");
        self.outputs()
    }

    /// When the next timer is due.
    pub(crate) fn earliest_due_ms(&self) -> Option<i64> {
        self.0.earliest_due_ms(0)
    }

    /// Lets the next unit of work die at that beat, and the task come back.
    pub(crate) fn crash_next(&mut self, beat: gavel_streams::Beat) {
        self.0.crash_next(0, beat);
    }

    fn outputs(&mut self) -> Vec<Output> {
        let parse = |value: Option<Bytes>| {
            value.map_or(Value::Null, |value| serde_json::from_slice(&value).expect("every output is JSON"))
        };
        let outputs = self.0.drain_outputs().into_iter();
        outputs
            .map(|record| {
                let causation = header(&record, "causation");
                Output { topic: record.topic.to_string(), value: parse(record.value), causation }
            })
            .collect()
    }
}

/// A header of an output, as text.
pub(crate) fn header(record: &NewRecord, name: &str) -> Option<String> {
    let found = record.headers.iter().find(|header| header.name == name)?;
    Some(String::from_utf8_lossy(&found.value).into_owned())
}

/// The values of one topic.
pub(crate) fn of_topic(outputs: &[Output], topic: &str) -> Vec<Value> {
    outputs.iter().filter(|output| output.topic == topic).map(|output| output.value.clone()).collect()
}

/// The one history record of a command.
pub(crate) fn decided(outputs: &[Output]) -> Value {
    let history = of_topic(outputs, topics::HISTORY);
    assert_eq!(history.len(), 1, "{outputs:?}");
    history[0].clone()
}

/// Some fields of an object, to compare with what is expected.
pub(crate) fn pick(value: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| ((*field).to_owned(), value[field].clone())).collect::<serde_json::Map<_, _>>().into()
}
