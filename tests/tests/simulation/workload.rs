//! What people ask of the house: items listed, bids in time, early, late and at the very end, withdrawals, and what is no
//! request at all. Each is handed to a gateway at its time, some of them twice.

use bytes::Bytes;
use gavel_auctions::wire::topics;
use gavel_domain::{AccountId, ItemId, bid_id};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::clock::START_MS;
use crate::mark::Mark;
use crate::random::Random;

/// For how long new lots are listed.
const LISTING_MS: i64 = 15_000;

/// Something that is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// When, by the true time.
    pub(crate) at_ms: i64,
    pub(crate) topic: &'static str,
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Bytes,
}

/// A lot to come.
struct Lot {
    item: Uuid,
    seller: Uuid,
    listed_ms: i64,
    ends_ms: i64,
}

/// All requests of one simulation, in the order of their times.
pub(crate) fn draw(random: &mut Random) -> Vec<Request> {
    let accounts: Vec<Uuid> = (0..random.between(2, 6)).map(|_| random.uuid()).collect();
    let mut requests = Vec::new();
    for _ in 0..random.between(2, 24) {
        lot(random, &accounts, &mut requests);
    }
    for _ in 0..random.below(3) {
        orphan(random, &accounts, &mut requests);
    }
    for _ in 0..random.below(4) {
        nonsense(random, &mut requests);
    }
    repeat_some(random, &mut requests);
    requests.sort_by_key(|request| request.at_ms);
    requests
}

fn lot(random: &mut Random, accounts: &[Uuid], requests: &mut Vec<Request>) {
    let listed_ms = START_MS + random.between(0, LISTING_MS);
    let lot = Lot {
        item: random.uuid(),
        seller: *random.pick(accounts),
        listed_ms,
        ends_ms: listed_ms + random.between(200, 9000),
    };
    requests.push(request(lot.listed_ms, topics::ITEMS, &listing(&lot, random)));
    for number in 0..random.below(14) {
        let at_ms = match random.below(4) {
            0 => lot.ends_ms + random.between(-20, 20),
            1 => lot.listed_ms + random.between(-400, 50),
            _ => random.between(lot.listed_ms, lot.ends_ms + 300),
        };
        let bidder = *random.pick(accounts);
        requests.push(request(at_ms, topics::BIDS, &bid(lot.item, bidder, number, random)));
    }
    if random.chance(80) {
        let at_ms = random.between(lot.listed_ms - 100, lot.ends_ms + 100);
        let seller = if random.chance(800) { lot.seller } else { *random.pick(accounts) };
        let command = random.uuid();
        let withdrawal =
            json!({"type": "withdrawal", "v": 1, "command_id": command, "item_id": lot.item, "seller_id": seller});
        requests.push(request(at_ms, topics::BIDS, &withdrawal));
    }
}

fn listing(lot: &Lot, random: &mut Random) -> Value {
    let skew_ms = if random.chance(200) { random.between(-4000, 4000) } else { 0 };
    if skew_ms != 0 {
        Mark::GatewaySkewed.hit();
    }
    let ends_ms = lot.ends_ms + skew_ms;
    let closing = if random.chance(400) {
        json!({"kind": "soft", "window_s": random.between(1, 3), "extend_s": random.between(1, 3), "cap_s": random.between(0, 8).max(1)})
    } else {
        json!({"kind": "hard"})
    };
    let reserve = random.chance(300).then(|| random.between(100, 3000));
    let starts_ms = lot.listed_ms + skew_ms + if random.chance(150) { random.between(-500, 1500) } else { 0 };
    let starting = random.between(1, 500);
    json!({
        "type": "item_listed", "v": 1, "item_id": lot.item, "seller_id": lot.seller, "title": "Lot", "description": "",
        "category": "other", "currency": "USD", "starting_minor": starting, "reserve_minor": reserve.map(|reserve| reserve.max(starting)),
        "buy_now_minor": null, "ladder": "standard", "starts_at_ms": starts_ms.min(ends_ms - 1),
        "ends_at_ms": ends_ms, "closing": closing, "country": null, "grid": null, "images": []
    })
}

fn bid(item: Uuid, bidder: Uuid, number: usize, random: &mut Random) -> Value {
    let (account, lot) = (bidder.to_string().parse::<AccountId>(), item.to_string().parse::<ItemId>());
    let id = account.ok().zip(lot.ok()).map(|(account, lot)| bid_id(account, lot, &number.to_string()));
    json!({
        "type": "bid_placed", "v": 1, "bid_id": id, "item_id": item, "bidder_id": bidder,
        "max_minor": random.between(1, 4000), "country": null, "grid": null
    })
}

/// A bid on an item that nobody lists.
fn orphan(random: &mut Random, accounts: &[Uuid], requests: &mut Vec<Request>) {
    Mark::Orphaned.hit();
    let (item, bidder) = (random.uuid(), *random.pick(accounts));
    let at_ms = START_MS + random.between(0, LISTING_MS);
    requests.push(request(at_ms, topics::BIDS, &bid(item, bidder, 0, random)));
}

/// What is no request.
fn nonsense(random: &mut Random, requests: &mut Vec<Request>) {
    let at_ms = START_MS + random.between(0, LISTING_MS);
    let topic = *random.pick(&[topics::ITEMS, topics::BIDS]);
    let value = *random.pick(&["", "{", "[]", r#"{"type":"bid_placed","v":1}"#, r#"{"type":"other","v":1}"#]);
    let key = random.chance(500).then(|| Bytes::from(random.uuid().to_string()));
    requests.push(Request { at_ms, topic, key, value: value.into() });
}

/// People click twice, and clients try again.
fn repeat_some(random: &mut Random, requests: &mut Vec<Request>) {
    let per_mille = *random.pick(&[0, 50, 200]);
    let repeated: Vec<Request> = requests.iter().filter(|_| random.chance(per_mille)).cloned().collect();
    for mut request in repeated {
        Mark::Repeated.hit();
        request.at_ms += random.between(0, 1500);
        requests.push(request);
    }
}

fn request(at_ms: i64, topic: &'static str, value: &Value) -> Request {
    let key = value["item_id"].as_str().map(|id| Bytes::copy_from_slice(id.as_bytes()));
    Request { at_ms, topic, key, value: value.to_string().into() }
}
