//! Law 5: no maximum and no reserve in any public byte.

use gavel_auctions::wire::topics;
use serde_json::json;

use crate::house::{END, House, START, bid, listing_with, tick, withdrawal};

/// Recognisable anywhere.
const RESERVE: i64 = 7_331_733;
const MAXIMA: [i64; 3] = [1_337_001, 1_337_402, 1_337_803];

#[test]
fn maxima_and_reserves_stay_in() {
    let mut house = House::new();
    let mut outputs = house.bids(&bid('V', 'A', MAXIMA[0], "early"), START);
    outputs.extend(house.items(&listing_with('V', &json!({"reserve_minor": RESERVE})), START + 1));
    // The leader raises, a lower bid is refused, a copy is repeated, a stranger withdraws: the leader stands alone.
    outputs.extend(house.bids(&bid('V', 'A', MAXIMA[1], "raise"), START + 2));
    outputs.extend(house.bids(&bid('V', 'B', 101, "low"), START + 3));
    outputs.extend(house.bids(&bid('V', 'A', MAXIMA[2], "early"), START + 4));
    outputs.extend(house.bids(&withdrawal('V', 'B'), START + 5));
    outputs.extend(house.bids(&tick(), END + 1));
    outputs.extend(house.bids(&bid('V', 'A', MAXIMA[2], "late"), END + 2));
    outputs.extend(house.bids(&bid('X', 'A', MAXIMA[2], "unknown"), END + 3));
    outputs.extend(house.run_out());
    assert!(outputs.iter().any(|output| output.value["decision"] == "unknown_item"));
    assert!(outputs.iter().any(|output| output.value["outcome"] == "reserve_not_met"));
    for output in outputs.iter().filter(|output| output.topic != topics::ITEMS) {
        let text = output.value.to_string();
        for secret in MAXIMA.into_iter().chain([RESERVE]) {
            assert!(!text.contains(&secret.to_string()), "{text}");
        }
    }
}
