//! A thread dies at any beat of a unit of work; what comes out is as if it had not.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use gavel_streams::Beat;
use gavel_streams::runtime::RuntimeOptions;

use crate::failpoints::{at, hold_at};
use crate::faulty::faulty;
use crate::harness::{House, wait_for_status, wait_until_running};

crate::on_each_log!(no_beat_loses_or_doubles, a_stop_finishes_what_is_in_hand, a_stop_at_any_time_loses_nothing);

const RECORDS: usize = 60;

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
    let (failpoint, held) = hold_at(Beat::Processed);
    let runtime = house.start_failing(failpoint);
    wait_until_running(&runtime);
    house.append("stream", 0, "a", "go");
    held.wait();
    let stopping = std::thread::spawn(move || runtime.stop());
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(house.outputs(), [""; 0]);
    held.let_go();
    stopping.join().unwrap();
    assert_eq!(house.outputs(), ["a=go#1"], "committed before the stop returned");
}

fn a_stop_at_any_time_loses_nothing(house: &House) {
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

#[test]
fn units_of_work_keep_their_distance() {
    let mut house = House::embedded();
    house.pace(Duration::from_millis(40));
    let (log, faults) = faulty(&house.log, None);
    house.log = log;
    let begun = Instant::now();
    let runtime = house.start_with(&RuntimeOptions { max_batch_records: 1000, ..house.options("one") });
    for _ in 0..30 {
        house.append("stream", 0, "a", "go");
    }
    house.wait_for_outputs(30);
    let units = faults.commits.load(Ordering::SeqCst) as u128;
    assert!(units <= 1 + begun.elapsed().as_millis() / 40, "{units} units of work");
    runtime.stop();
}

#[test]
fn a_full_unit_of_work_does_not_wait() {
    let mut house = House::embedded();
    house.pace(Duration::from_secs(3600));
    let most = house.options("one").max_batch_records;
    for _ in 0..3 * most {
        house.append("stream", 0, "a", "go");
    }
    let runtime = house.start();
    house.wait_for_outputs(3 * most);
    runtime.stop();
}

#[test]
fn a_unit_of_work_ends_where_it_becomes_large() {
    let mut house = House::embedded();
    let (log, faults) = faulty(&house.log, None);
    house.log = log;
    for _ in 0..30 {
        house.append("stream", 0, "a", "go");
    }
    let options = house.options("one");
    let most = options.max_batch_records;
    let runtime = house.start_with(&RuntimeOptions { max_unit_records: 1000, max_unit_bytes: 1, ..options });
    house.wait_for_outputs(30);
    let units = faults.commits.load(Ordering::SeqCst) as usize;
    assert!(units >= 30_usize.div_ceil(most), "{units} units of work, none longer than a batch");
    runtime.stop();
}

#[test]
fn nothing_is_committed_while_nothing_comes() {
    let mut house = House::embedded();
    let (log, faults) = faulty(&house.log, None);
    house.log = log;
    let commits = || faults.commits.load(Ordering::SeqCst);
    let runtime = house.start();
    wait_until_running(&runtime);
    assert_eq!(commits(), 0);
    house.append("stream", 0, "a", "go");
    house.wait_for_outputs(1);
    std::thread::sleep(100 * house.options("one").max_wait);
    assert_eq!(commits(), 1, "one unit of work");
    runtime.stop();
    assert_eq!(commits(), 1, "nor by the stop");
    let changelog = house.read("changelog");
    let keys = changelog.iter().map(|record| String::from_utf8_lossy(record.key.as_deref().unwrap_or_default()));
    let consumed = format!("task/o{}", house.topic("stream"));
    assert_eq!(
        keys.collect::<Vec<_>>(),
        ["task/t", &consumed, "counts/a"],
        "partition time, what is consumed, the count"
    );
}
