//! `gavel verify`: what is recorded otherwise than the log gives it is found, and nothing else.

use bytes::Bytes;
use gavel_auctions::verify::{Asked, COMPARED, Difference, Outcome, Recorded, Report, verify};
use serde_json::{Value, json};

use crate::house::{END, House, START, bid, item, listing, tick};

/// What was asked: two lots, five bids, a tick that ends both.
fn commands() -> Vec<(i64, Value)> {
    vec![
        (START + 1, bid('V', 'A', 500, "1")),
        (START + 2, bid('W', 'B', 700, "2")),
        (START + 3, bid('V', 'B', 900, "3")),
        (START + 4, bid('V', 'A', 100, "4")),
        (START + 5, bid('V', 'B', 900, "3")),
        (END + 1, tick()),
    ]
}

fn recorded((append_ms, value): (i64, Value)) -> Recorded {
    Recorded { append_ms, value: Some(value.to_string().into()) }
}

/// The same, cut before the command of this number.
fn asked(before: usize) -> (Asked, Asked) {
    let items = ['V', 'W'].map(|lot| recorded((START, listing(lot)))).to_vec();
    let mut commands: Vec<Recorded> = commands().into_iter().map(recorded).collect();
    let since = commands.split_off(before);
    (Asked { items, commands }, Asked { items: Vec::new(), commands: since })
}

/// What a live house recorded of it.
fn outcomes() -> Vec<Outcome> {
    let mut house = House::new();
    let mut outputs = Vec::new();
    for lot in ['V', 'W'] {
        outputs.extend(house.items(&listing(lot), START));
    }
    for (append_ms, value) in commands() {
        outputs.extend(house.bids(&value, append_ms));
    }
    let mut ends = [0; 2];
    let outcome = |output: crate::house::Output| {
        let index = COMPARED.iter().position(|topic| *topic == &*output.topic)?;
        let offset = ends[index];
        ends[index] += 1;
        let key = Bytes::from(output.value["item_id"].as_str()?.to_owned());
        Some(Outcome { topic: COMPARED[index], offset, key, value: output.value.to_string().into() })
    };
    outputs.into_iter().filter_map(outcome).collect()
}

fn compared(before: usize, outcomes: Vec<Outcome>) -> Report {
    let (committed, since) = asked(before);
    verify(committed, since, outcomes).expect("the replay runs")
}

fn completion_of(outcomes: &[Outcome], lot: char) -> usize {
    let key = item(lot).to_string();
    let is_it = |outcome: &Outcome| outcome.topic == COMPARED[1] && outcome.key == key.as_bytes();
    outcomes.iter().position(is_it).expect("it ended")
}

#[test]
fn what_a_live_house_recorded_agrees() {
    assert_eq!(compared(6, outcomes()), Report { agreed: 7, differences: Vec::new() });
}

#[test]
fn what_was_decided_since_may_be_there_or_not() {
    for before in 0..6 {
        assert_eq!(compared(before, outcomes()), Report { agreed: 7, differences: Vec::new() }, "{before}");
    }
    let report = compared(5, outcomes()[..5].to_vec());
    assert_eq!(report, Report { agreed: 5, differences: Vec::new() }, "the end was not processed yet");
}

#[test]
fn another_winner_is_found() {
    let mut outcomes = outcomes();
    let index = completion_of(&outcomes, 'V');
    let mut forged: Value = serde_json::from_slice(&outcomes[index].value).expect("it is JSON");
    forged["price_minor"] = json!(901);
    let truth = std::mem::replace(&mut outcomes[index].value, forged.to_string().into());
    let offset = outcomes[index].offset;
    let report = compared(6, outcomes);
    assert_eq!(report.agreed, 6);
    let [Difference { topic, key, recorded, replayed }] = &report.differences[..] else { panic!("{report:?}") };
    assert_eq!((*topic, key), (COMPARED[1], &item('V').to_string()));
    assert_eq!(recorded, &Some((offset, forged.to_string())));
    let replayed: Value = serde_json::from_str(replayed.as_deref().expect("it ends")).expect("it is JSON");
    assert_eq!(replayed, serde_json::from_slice::<Value>(&truth).expect("it is JSON"));
}

#[test]
fn a_lost_and_a_doubled_outcome_are_found() {
    let mut lost = outcomes();
    let index = completion_of(&lost, 'W');
    let completion = lost.remove(index);
    let report = compared(6, lost);
    assert_eq!((report.agreed, report.differences.len()), (6, 1));
    assert_eq!(report.differences[0].recorded, None);
    let mut doubled = outcomes();
    doubled.push(Outcome { offset: 9, ..completion.clone() });
    let report = compared(6, doubled);
    assert_eq!((report.agreed, report.differences.len()), (7, 1));
    let text = String::from_utf8(completion.value.to_vec()).expect("it is text");
    assert_eq!((&report.differences[0].recorded, &report.differences[0].replayed), (&Some((9, text)), &None));
}

#[test]
fn a_field_that_was_added_since_is_no_difference() {
    let mut outcomes = outcomes();
    let mut older: Value = serde_json::from_slice(&outcomes[0].value).expect("it is JSON");
    older.as_object_mut().expect("it is an object").remove("received_ms").expect("there is one to remove");
    outcomes[0].value = older.to_string().into();
    assert_eq!(compared(6, outcomes), Report { agreed: 7, differences: Vec::new() });
}
