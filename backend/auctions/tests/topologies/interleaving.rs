//! Law 3: how the two topics are read into each other changes nothing.

use std::collections::BTreeMap;

use gavel_auctions::bidding::PARKING_LIMIT_MS;
use gavel_auctions::wire::topics;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::house::{House, MINUTE, Output, START, bid, listing_with, tick, withdrawal};

/// A record of one of the two topics.
#[derive(Debug, Clone)]
enum Appended {
    Item(i64, Value),
    Command(i64, Value),
}

/// What each item's readers see: topic by topic, in order; of the history also which command it says it is of. Of the
/// prices, which are compacted, only the last: how many there are depends on the units of work.
fn per_item(outputs: &[Output]) -> BTreeMap<(String, String), Vec<Value>> {
    let mut seen: BTreeMap<_, Vec<Value>> = BTreeMap::new();
    for output in outputs.iter().filter(|output| output.topic != topics::ITEMS) {
        let item = output.value["item_id"].as_str().expect("every output is of an item").to_owned();
        let causation = output.causation.as_ref().filter(|_| output.topic == topics::HISTORY);
        let records = seen.entry((output.topic.clone(), item)).or_default();
        if output.topic == topics::PRICES {
            records.clear();
        }
        records.push(json!([output.value, causation]));
    }
    seen
}

fn play(records: impl IntoIterator<Item = Appended>) -> BTreeMap<(String, String), Vec<Value>> {
    let mut house = House::new();
    let mut outputs = Vec::new();
    for record in records {
        outputs.extend(match record {
            Appended::Item(append_ms, value) => house.items(&value, append_ms),
            Appended::Command(append_ms, value) => house.bids(&value, append_ms),
        });
    }
    outputs.extend(house.run_out());
    per_item(&outputs)
}

fn any_items() -> impl Strategy<Value = Vec<Appended>> {
    // Listed around the bids, or more than the parking limit after them; some ended before they were listed.
    let listed = prop_oneof![0..120_000_i64, PARKING_LIMIT_MS..PARKING_LIMIT_MS + 3 * MINUTE];
    let lot = (listed, -90_000..180_000_i64, any::<bool>(), proptest::option::of(100..3_000_i64));
    proptest::collection::vec(lot, 3).prop_map(|lots| {
        let mut items: Vec<_> = lots
            .into_iter()
            .zip(['V', 'W', 'X'])
            .map(|((listed, lasts, soft, reserve), lot)| {
                let listed_ms = START + listed;
                let closing = if soft {
                    json!({"kind": "soft", "window_s": 20, "extend_s": 30, "cap_s": 90})
                } else {
                    json!({"kind": "hard"})
                };
                let fields = json!({"ends_at_ms": listed_ms + lasts, "closing": closing, "reserve_minor": reserve});
                (listed_ms, listing_with(lot, &fields))
            })
            .collect();
        items.sort_by_key(|(listed_ms, _)| *listed_ms);
        items.into_iter().map(|(listed_ms, value)| Appended::Item(listed_ms, value)).collect()
    })
}

fn any_commands() -> impl Strategy<Value = Vec<Appended>> {
    let lot = proptest::sample::select(vec!['V', 'W', 'X', 'N']);
    let bidder = proptest::sample::select(vec!['A', 'B', 'C', 'S']);
    let bid = (lot.clone(), bidder, 90..4_000_i64, 0..12_u8)
        .prop_map(|(lot, bidder, max, key)| bid(lot, bidder, max, &key.to_string()));
    let command = prop_oneof![
        20 => bid,
        1 => lot.prop_map(|lot| withdrawal(lot, 'S')),
        1 => Just(tick()),
    ];
    let gap = prop_oneof![Just(0_i64), 1..8_000_i64, Just(20 * MINUTE)];
    proptest::collection::vec((command, gap), 1..40).prop_map(|commands| {
        let mut append_ms = START;
        commands
            .into_iter()
            .map(|(command, gap)| {
                append_ms += gap;
                Appended::Command(append_ms, command)
            })
            .collect()
    })
}

/// The records of the two topics in an order that the runtime may read them in: an item no later than synchronised reading
/// allows, that is before any command appended after it; as early as you like.
fn interleaved(items: &[Appended], commands: &[Appended], ahead: &[usize]) -> Vec<Appended> {
    let mut order = Vec::new();
    let mut items = items.iter().enumerate().peekable();
    for (position, command) in commands.iter().enumerate() {
        let Appended::Command(append_ms, _) = command else { unreachable!("commands are commands") };
        while let Some((_, item)) = items.next_if(|(number, item)| {
            let Appended::Item(listed_ms, _) = item else { unreachable!("items are items") };
            listed_ms <= append_ms || ahead[*number] <= position
        }) {
            order.push(item.clone());
        }
        order.push(command.clone());
    }
    order.extend(items.map(|(_, item)| item.clone()));
    order
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_gives_the_same_results(
        items in any_items(),
        commands in any_commands(),
        ahead in proptest::collection::vec(0..40_usize, 3),
    ) {
        let synchronised = play(interleaved(&items, &commands, &[usize::MAX; 3]));
        prop_assert_eq!(play(interleaved(&items, &commands, &[0; 3])), synchronised.clone(), "all items first");
        prop_assert_eq!(play(interleaved(&items, &commands, &ahead)), synchronised);
    }
}
