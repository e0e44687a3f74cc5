//! `gavel backtest`: the same bytes however the files are laid out.

use bytes::Bytes;
use gavel_auctions::backtest::{BacktestError, Summary, backtest};
use gavel_auctions::bidding::PARKING_LIMIT_MS;
use serde_json::{Value, json};

use crate::house::{END, House, START, bid, item, listing, listing_with, tick};

/// Lines of (append time, partition, value).
type Lines = Vec<(i64, u32, Value)>;

fn file(lines: &Lines) -> Bytes {
    let line = |(append_ms, partition, value): &(i64, u32, Value)| {
        let partition_field = if *partition == 0 { String::new() } else { format!(r#""partition":{partition},"#) };
        format!("{{\"append_ms\":{append_ms},{partition_field}\"value\":{value}}}\n")
    };
    lines.iter().map(line).collect::<String>().into()
}

fn run(items: &Lines, bids: &Lines) -> (Summary, String) {
    let mut out = Vec::new();
    let summary = backtest(&file(items), &file(bids), &mut out).expect("the files are sound");
    (summary, String::from_utf8(out).expect("JSON is UTF-8"))
}

/// Two partitions with two lots each; one lot comes late, one never.
fn recording() -> (Lines, Lines) {
    let items = vec![
        (START, 0, listing('V')),
        (START, 0, listing('A')),
        (START + 40, 1, listing_with('W', &json!({"reserve_minor": 5_000}))),
        (START, 1, listing_with('X', &json!({"ends_at_ms": END + 1}))),
    ];
    let mut bids = Vec::new();
    for (number, bidder) in ['A', 'B', 'C', 'A', 'B', 'C'].into_iter().enumerate() {
        let (t, max, key) = (START + 10 * number as i64, 500 * (number as i64 + 1), number.to_string());
        bids.push((t, 0, bid('V', bidder, max, &key)));
        bids.push((t, 1, bid('W', bidder, max, &key)));
        bids.push((t, 1, bid('N', bidder, max, &key)));
    }
    bids.push((END + 1, 0, tick()));
    bids.push((END + 2, 1, bid('X', 'A', 100, "late")));
    (items, bids)
}

#[test]
fn every_auction_ends_and_every_command_is_decided() {
    let (items, bids) = recording();
    let (summary, out) = run(&items, &bids);
    assert_eq!(summary, Summary { items: 4, commands: 20, decisions: 19, completions: 4, dead_letters: 0 });
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 23);
    for line in &lines {
        assert_eq!(line["key"], line["value"]["item_id"]);
        let topic =
            if line["value"]["type"] == "item_completed" { "auctions.items-complete" } else { "auctions.bids.history" };
        assert_eq!(line["topic"], topic);
    }
    let ended: Vec<_> = lines.iter().filter(|line| line["value"]["type"] == "item_completed").collect();
    // Due at the same time in partition 0: in the order of the item.
    let expected = [
        (item('A'), END, "unsold"),
        (item('V'), END, "sold"),
        (item('W'), END, "reserve_not_met"),
        (item('X'), END + 1, "unsold"),
    ];
    for (line, (item, ended_at_ms, outcome)) in ended.iter().zip(expected) {
        assert_eq!(line["key"], json!(item));
        assert_eq!((&line["value"]["ended_at_ms"], &line["value"]["outcome"]), (&json!(ended_at_ms), &json!(outcome)));
    }
}

#[test]
fn the_bytes_are_the_same_in_every_run_and_for_every_layout() {
    let (items, bids) = recording();
    let expected = run(&items, &bids);
    assert_eq!(run(&items, &bids), expected);
    // The other way round between partitions, and the items in any order.
    let mut items_backward = items.clone();
    items_backward.reverse();
    let mut by_partition = bids.clone();
    by_partition.sort_by_key(|(_, partition, _)| std::cmp::Reverse(*partition));
    assert_eq!(run(&items_backward, &by_partition), expected);
    by_partition.sort_by_key(|(_, partition, _)| *partition);
    assert_eq!(run(&items, &by_partition), expected);
}

#[test]
fn it_decides_as_a_live_run_does() {
    let (items, bids) = recording();
    let of_partition = |lines: &Lines, wanted: u32| -> Lines {
        lines.iter().filter(|(_, partition, _)| *partition == wanted).cloned().collect()
    };
    for partition in [0, 1] {
        let (items, bids) = (of_partition(&items, partition), of_partition(&bids, partition));
        let mut house = House::new();
        let mut merged: Vec<_> = items.iter().map(|line| (line.0, 0, &line.2)).collect();
        merged.extend(bids.iter().map(|line| (line.0, 1, &line.2)));
        merged.sort_by_key(|(append_ms, source, _)| (*append_ms, *source));
        let mut outputs = Vec::new();
        for (append_ms, source, value) in merged {
            outputs.extend(if source == 0 { house.items(value, append_ms) } else { house.bids(value, append_ms) });
        }
        outputs.extend(house.run_out());
        let public = ["auctions.bids.history", "auctions.items-complete"];
        let live: Vec<Value> =
            outputs.into_iter().filter(|output| public.contains(&&*output.topic)).map(|output| output.value).collect();
        let (_, out) = run(&items, &bids);
        let replayed: Vec<Value> =
            out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["value"].clone()).collect();
        // The late item's commands were parked live, too, for it was appended after them.
        assert_eq!(replayed, live);
    }
}

#[test]
fn the_clock_runs_on_until_what_waits_for_its_item_is_decided() {
    let (summary, out) = run(&Lines::new(), &vec![(START, 0, bid('N', 'A', 100, "1"))]);
    assert_eq!((summary.decisions, summary.completions), (1, 0));
    let line: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&line["value"]["decision"], &line["value"]["at_ms"]), (&json!("unknown_item"), &json!(START)));
    assert_eq!(PARKING_LIMIT_MS, 3_600_000);
}

#[test]
fn what_is_no_record_names_its_line() {
    let good = file(&vec![(START, 0, listing('V'))]);
    let bad = Bytes::from([&good[..], b"\n{\"append_ms\":1}\n"].concat());
    let refused = backtest(&bad, &Bytes::new(), &mut Vec::new());
    assert!(matches!(refused, Err(BacktestError::Line { file: "items", line: 3 })), "{refused:?}");
    let refused = backtest(&good, &Bytes::from("x"), &mut Vec::new());
    assert!(matches!(refused, Err(BacktestError::Line { file: "bids", line: 1 })), "{refused:?}");
}

#[test]
fn what_cannot_be_processed_is_counted_and_passed_over() {
    let bids = vec![(START, 0, json!({"type": "from_the_future"})), (START, 0, bid('V', 'A', 100, "1"))];
    let (summary, _) = run(&vec![(START, 0, listing('V'))], &bids);
    assert_eq!((summary.decisions, summary.completions, summary.dead_letters), (1, 1, 1));
}
