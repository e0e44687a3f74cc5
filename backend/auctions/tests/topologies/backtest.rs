//! `gavel backtest`: the same bytes however the files are laid out.

use bytes::Bytes;
use gavel_auctions::backtest::{BacktestError, Recording, Summary};
use gavel_auctions::bidding::PARKING_LIMIT_MS;
use gavel_auctions::wire::topics;
use gavel_streams::TopologyTestDriver;
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
    replay(&file(items), &file(bids))
}

fn replay(items: &Bytes, bids: &Bytes) -> (Summary, String) {
    let mut out = Vec::new();
    let recording = Recording::read(items, bids).expect("the files are sound");
    let summary = recording.replay(&mut out).expect("nothing stops the topology");
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

/// The commands are handed on in chunks of 4,096; the items around that border come when it is their turn.
#[test]
fn a_long_recording_is_replayed_as_if_in_one_piece() {
    const BORDER: i64 = 4_096;
    let lots = ['T', 'U', 'V', 'W', 'X', 'Y', 'Z'];
    // Three commands a millisecond: the border is within one.
    let border_ms = START + BORDER / 3;
    assert_eq!((BORDER - 1) / 3, BORDER / 3);
    let items: Lines = lots.iter().zip(-3..).map(|(lot, after)| (border_ms + after, 0, listing(*lot))).collect();
    let bids: Lines = (0..BORDER + 600)
        .map(|number| {
            let (lot, bidder) = (lots[number as usize % lots.len()], ['A', 'B', 'C'][number as usize % 3]);
            (START + number / 3, 0, bid(lot, bidder, 100 + number, &number.to_string()))
        })
        .collect();

    let mut driver = TopologyTestDriver::new(&gavel_auctions::bidding::topology().expect("the graph is sound"), 1);
    for (topic, lines) in [(topics::ITEMS, &items), (topics::BIDS, &bids)] {
        for (append_ms, _, value) in lines {
            driver.enqueue(topic, 0, "", value.to_string(), *append_ms).expect("there is such a topic");
        }
    }
    driver.run_until_quiet().expect("the task goes on");
    let outputs = driver
        .drain_outputs()
        .into_iter()
        .filter(|record| [topics::HISTORY, topics::COMPLETE].contains(&&*record.topic));
    let expected: Vec<Value> =
        outputs.map(|record| serde_json::from_slice(&record.value.expect("a value")).expect("JSON")).collect();

    let (summary, out) = run(&items, &bids);
    assert_eq!((summary.decisions, summary.completions), (bids.len() as u64, lots.len() as u64));
    let replayed: Vec<Value> =
        out.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["value"].clone()).collect();
    assert!(replayed == expected, "the order or a decision differs");
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
    let refused = Recording::read(&bad, &Bytes::new()).err();
    assert!(matches!(refused, Some(BacktestError::Line { file: "items", line: 3 })), "{refused:?}");
    for bad in ["x", r#"[1,0,{}]"#, r#"{"append_ms":1,"partition":-1,"value":{}}"#] {
        let refused = Recording::read(&good, &bad.into()).err();
        assert!(matches!(refused, Some(BacktestError::Line { file: "bids", line: 1 })), "{bad}: {refused:?}");
    }
}

#[test]
fn an_append_time_out_of_range_names_its_line() {
    for append_ms in [9_007_199_254_740_992, -9_007_199_254_740_992, i64::MAX, i64::MIN] {
        let bad = file(&vec![(START, 0, tick()), (append_ms, 0, tick())]);
        let refused = Recording::read(&Bytes::new(), &bad).err().expect("it is no time");
        assert!(matches!(refused, BacktestError::Time { file: "bids", line: 2, .. }), "{refused:?}");
        assert!(refused.to_string().starts_with("line 2 of the bids: append_ms:"), "{refused}");
    }
}

#[test]
fn the_last_times_of_the_range_end() {
    const LAST: i64 = 9_007_199_254_740_991;
    let soft = json!({"kind": "soft", "window_s": u32::MAX, "extend_s": u32::MAX, "cap_s": u32::MAX});
    let lots = vec![
        (-LAST, 0, listing_with('V', &json!({"starts_at_ms": -LAST, "ends_at_ms": LAST, "closing": soft}))),
        (START, 0, listing_with('W', &json!({"ends_at_ms": i64::MAX}))),
        (START, 0, listing_with('X', &json!({"starts_at_ms": i64::MIN}))),
    ];
    let bids = vec![(LAST, 0, bid('V', 'A', 500, "1")), (LAST, 0, bid('N', 'A', 500, "1"))];
    let (summary, _) = run(&lots, &bids);
    assert_eq!((summary.decisions, summary.completions, summary.dead_letters), (2, 1, 2));
}

#[test]
fn blank_lines_line_ends_and_blanks_do_not_matter() {
    let (items, bids) = recording();
    let spaced = |lines: &Lines| -> Bytes {
        let text = String::from_utf8(file(lines).to_vec()).expect("JSON is UTF-8");
        format!("\r\n \n{}", text.replace("{\"append_ms\":", " { \"append_ms\" : ").replace('\n', "\r\n\t\r\n")).into()
    };
    assert_eq!(replay(&spaced(&items), &spaced(&bids)), run(&items, &bids));
    let mut without_end = file(&bids);
    without_end.truncate(without_end.len() - 1);
    assert_eq!(replay(&file(&items), &without_end), run(&items, &bids));
}

#[test]
fn a_partition_of_null_is_the_first() {
    let null = |lines: &Lines| -> Bytes {
        let lines = lines.iter().map(|(append_ms, _, value)| {
            format!("{}\n", json!({"append_ms": append_ms, "partition": null, "value": value}))
        });
        lines.collect::<String>().into()
    };
    let (items, bids) = (vec![(START, 0, listing('V'))], vec![(START, 0, bid('V', 'A', 100, "1"))]);
    assert_eq!(replay(&null(&items), &null(&bids)), run(&items, &bids));
}

#[test]
fn items_alone_end_and_ticks_alone_do_nothing() {
    let (summary, out) = run(&vec![(START, 0, listing('V')), (START, 3, listing('W'))], &Lines::new());
    assert_eq!(summary, Summary { items: 2, completions: 2, ..Summary::default() });
    let outcomes: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(outcomes.iter().map(|line| &line["value"]["outcome"]).collect::<Vec<_>>(), ["unsold", "unsold"]);
    let ticks = vec![(START, 0, tick()), (END, 1, tick()), (START, 1, tick())];
    assert_eq!(run(&Lines::new(), &ticks), (Summary { commands: 3, ..Summary::default() }, String::new()));
    assert_eq!(run(&Lines::new(), &Lines::new()), (Summary::default(), String::new()));
}

#[test]
fn what_cannot_be_processed_is_counted_and_passed_over() {
    let bids = vec![(START, 0, json!({"type": "from_the_future"})), (START, 0, bid('V', 'A', 100, "1"))];
    let (summary, _) = run(&vec![(START, 0, listing('V'))], &bids);
    assert_eq!((summary.decisions, summary.completions, summary.dead_letters), (1, 1, 1));
}
