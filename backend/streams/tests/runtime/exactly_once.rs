//! A thread dies at any beat of a unit of work; what comes out is as if it had not.

use gavel_streams::Beat;

use crate::harness::{House, at, wait_for_status, wait_until_running};

crate::on_each_log!(
    no_beat_loses_or_doubles,
    a_stop_finishes_what_is_in_hand,
    nothing_is_committed_while_nothing_comes
);

const RECORDS: usize = 40;

fn expected() -> Vec<String> {
    let of = |key: &'static str| (1..=RECORDS).map(move |count| format!("{key}=go#{count}"));
    let mut expected: Vec<String> = of("a").chain(of("b")).collect();
    expected.sort();
    expected
}

fn sorted(mut outputs: Vec<String>) -> Vec<String> {
    outputs.sort();
    outputs
}

fn no_beat_loses_or_doubles(house: &House) {
    for _ in 0..RECORDS {
        house.append("stream", 0, "a", "go");
        house.append("stream", 1, "b", "go");
    }
    for beat in Beat::ALL {
        for wipe in [false, true] {
            let runtime = house.start_failing(at(beat, 1));
            wait_for_status(&runtime, "the thread died", |status| status.threads.iter().any(|thread| !thread.running));
            drop(runtime);
            if wipe {
                house.wipe("one");
            }
        }
    }
    let runtime = house.start();
    assert_eq!(sorted(house.wait_for_outputs(2 * RECORDS)), expected());
    runtime.stop();
}

fn a_stop_finishes_what_is_in_hand(house: &House) {
    for round in 0..RECORDS {
        house.append("stream", 0, "a", "go");
        house.append("stream", 1, "b", "go");
        if round % 10 == 5 {
            let runtime = house.start();
            wait_until_running(&runtime);
            runtime.stop();
        }
    }
    let runtime = house.start();
    assert_eq!(sorted(house.wait_for_outputs(2 * RECORDS)), expected());
    runtime.stop();
}

fn nothing_is_committed_while_nothing_comes(house: &House) {
    house.append("stream", 0, "a", "go");
    let runtime = house.start();
    wait_until_running(&runtime);
    house.wait_for_outputs(1);
    runtime.stop();
    let changes = house.read("task.changelog").len();
    let runtime = house.start();
    wait_until_running(&runtime);
    house.append("stream", 1, "b", "go");
    house.wait_for_outputs(2);
    runtime.stop();
    assert_eq!(house.read("task.changelog").len(), changes + 1, "one unit of work, one row of partition time");
}
