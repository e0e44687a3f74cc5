//! A process keeps warm what it would get if another went, and then has but the rest to read.

use gavel_streams::runtime::{RuntimeOptions, RuntimeStatus};
use gavel_streams::{Beat, Runtime};

use crate::failpoints::at;
use crate::harness::{House, eventually, wait_for_status};

crate::on_each_log!(
    an_heir_has_read_ahead_when_the_owner_dies_with_its_disk,
    a_store_is_given_up_to_its_task_and_kept_warm_again,
);

const RECORDS: usize = 60;

fn options(house: &House, instance: &str) -> RuntimeOptions {
    RuntimeOptions { standbys: 1, ..house.steered(instance) }
}

/// Records of as many keys in partition 0, which goes to the first by name: each makes records of the changelog.
fn append(house: &House, from: usize, count: usize) {
    for number in from..from + count {
        house.append("stream", 0, &format!("k{number}"), "go");
    }
}

fn holds(status: &RuntimeStatus, partitions: &[u32]) -> bool {
    status.is_ready() && status.tasks().map(|task| task.partition).eq(partitions.iter().copied())
}

/// Waits until this process keeps just this partition warm, and has read all of its changelog.
fn wait_until_warm(runtime: &Runtime, partition: u32) {
    wait_for_status(
        runtime,
        "it is warm",
        |status| matches!(&status.standbys[..], [standby] if standby.partition == partition && standby.lag_records == 0),
    );
}

fn an_heir_has_read_ahead_when_the_owner_dies_with_its_disk(house: &House) {
    let (one, two) = (house.start_with(&options(house, "one")), house.start_with(&options(house, "two")));
    wait_for_status(&one, "one has partition 0", |status| holds(status, &[0]));
    wait_for_status(&two, "two has partition 1", |status| holds(status, &[1]));
    append(house, 0, RECORDS);
    house.wait_for_outputs(RECORDS);
    wait_until_warm(&two, 0);
    one.stop();
    house.wipe("one");
    wait_for_status(&two, "two has all", |status| holds(status, &[0, 1]));
    let restored = |runtime: &Runtime| {
        let status = runtime.status();
        let restored = status.tasks().find(|task| task.partition == 0).map(|task| task.restored_records);
        restored.unwrap_or(u64::MAX)
    };
    assert!(restored(&two) < 5, "{} records were left to read", restored(&two));
    append(house, RECORDS, 1);
    house.wait_for_outputs(RECORDS + 1);
    // It comes back without its disk, takes its partition, and dies in the middle of its very first unit of work.
    let dying = RuntimeOptions { failpoint: Some(at(Beat::BeforeCommit, 1)), ..options(house, "one") };
    let one = house.start_with(&dying);
    wait_for_status(&one, "one has partition 0 again", |status| holds(status, &[0]));
    assert!(restored(&one) >= RECORDS as u64, "without its disk it reads all: {}", restored(&one));
    wait_until_warm(&two, 0);
    append(house, RECORDS + 1, 1);
    wait_for_status(&one, "one died", |status| status.threads.iter().any(|thread| !thread.running));
    drop(one);
    wait_for_status(&two, "two has all again", |status| holds(status, &[0, 1]));
    assert!(restored(&two) < 10, "{} records were left to read", restored(&two));
    let outputs = house.wait_for_outputs(RECORDS + 2);
    assert!(outputs.iter().all(|line| line.ends_with("=go#1")), "none is lost or doubled: {outputs:?}");
    two.stop();
}

fn a_store_is_given_up_to_its_task_and_kept_warm_again(house: &House) {
    let one = house.start_with(&options(house, "one"));
    wait_for_status(&one, "one has all", |status| holds(status, &[0, 1]));
    append(house, 0, RECORDS);
    house.wait_for_outputs(RECORDS);
    assert_eq!(one.status().standbys, [], "alone, it has nobody to stand by for");
    for round in 0..2 {
        let two = house.start_with(&options(house, "two"));
        wait_until_warm(&two, 0);
        wait_until_warm(&one, 1);
        append(house, RECORDS + round, 1);
        house.wait_for_outputs(RECORDS + round + 1);
        two.stop();
        wait_for_status(&one, "one has all again", |status| holds(status, &[0, 1]));
        eventually("it has nobody to stand by for", || one.status().standbys.is_empty());
    }
    one.stop();
}
