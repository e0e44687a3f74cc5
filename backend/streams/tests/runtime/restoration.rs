//! State comes back from the changelog alone, and from the local store with the rest of the changelog.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use gavel_streams::Beat;

use crate::failpoints::at;
use crate::faulty::faulty;
use crate::harness::{House, PARTITIONS, eventually, wait_for_status, wait_until_running};

crate::on_each_log!(
    from_the_changelog_alone,
    from_the_local_store_and_the_rest,
    after_the_changelog_was_compacted,
    on_another_instance
);

fn counted(house: &House, total: usize) {
    let last = house.wait_for_outputs(total).pop();
    assert_eq!(last, Some(format!("a=go#{total}")));
}

fn append(house: &House, count: usize) {
    for _ in 0..count {
        house.append("stream", 0, "a", "go");
    }
}

fn from_the_changelog_alone(house: &House) {
    append(house, 10);
    let runtime = house.start();
    counted(house, 10);
    runtime.stop();
    house.wipe("one");
    append(house, 5);
    let runtime = house.start();
    counted(house, 15);
    runtime.stop();
}

fn from_the_local_store_and_the_rest(house: &House) {
    append(house, 10);
    let runtime = house.start();
    counted(house, 10);
    runtime.stop();
    append(house, 5);
    // Committed, but not in the local store: only the changelog knows.
    let runtime = house.start_failing(at(Beat::AfterCommit, 1));
    wait_for_status(&runtime, "the thread died", |status| status.threads.iter().any(|thread| !thread.running));
    drop(runtime);
    append(house, 5);
    let runtime = house.start();
    counted(house, 20);
    runtime.stop();
}

fn after_the_changelog_was_compacted(house: &House) {
    append(house, 30);
    let runtime = house.start();
    counted(house, 30);
    runtime.stop();
    house.log.clean().unwrap();
    house.wipe("one");
    append(house, 1);
    let runtime = house.start();
    counted(house, 31);
    runtime.stop();
}

fn on_another_instance(house: &House) {
    append(house, 10);
    let one = house.start();
    counted(house, 10);
    one.stop();
    append(house, 10);
    let two = house.start_with(&house.options("two"));
    counted(house, 20);
    wait_until_running(&two);
    // The lag is asked for again only after a while.
    eventually("nothing waits", || two.status().tasks().all(|task| task.lag_records == 0));
    assert_eq!(two.status().tasks().count(), PARTITIONS as usize);
    two.stop();
}

/// Kafka drops the offsets of a group that was empty for a week.
#[test]
fn offsets_that_the_group_forgot_are_in_the_state() {
    for wipe in [false, true] {
        let mut house = House::embedded();
        append(&house, 10);
        let runtime = house.start();
        counted(&house, 10);
        runtime.stop();
        if wipe {
            house.wipe("one");
        }
        let honest = Arc::clone(&house.log);
        let (log, faults) = faulty(&honest, None);
        faults.is_forgetful.store(true, Ordering::SeqCst);
        house.log = log;
        append(&house, 5);
        let runtime = house.start();
        counted(&house, 15);
        runtime.stop();
    }
}

#[test]
fn a_store_of_another_log_is_dropped() {
    let mut house = House::embedded();
    append(&house, 10);
    let runtime = house.start();
    counted(&house, 10);
    runtime.stop();
    house.replace_log();
    // The other log's changelog is longer than that of the first was, its group less far.
    append(&house, 3);
    for _ in 0..3 {
        house.append("table", 0, "t", "1");
    }
    let runtime = house.start_with(&house.options("two"));
    counted(&house, 3);
    wait_until_running(&runtime);
    runtime.stop();
    append(&house, 1);
    let runtime = house.start();
    counted(&house, 4);
    runtime.stop();
}
