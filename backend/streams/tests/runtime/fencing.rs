//! Two processes that take each other for dead, or share a name: whatever they do, each record counts once.

use std::time::Duration;

use gavel_streams::Beat;
use gavel_streams::runtime::RuntimeOptions;

use crate::failpoints::hold_at;
use crate::harness::{House, PARTITIONS, wait_for_status, wait_until_running};

crate::on_each_log!(
    two_processes_of_one_name,
    two_processes_share_and_take_over,
    a_zombie_commits_nothing,
    who_lost_its_place_is_not_ready,
);

const RECORDS: usize = 30;

fn append_both(house: &House) {
    for _ in 0..RECORDS {
        house.append("stream", 0, "a", "go");
        house.append("stream", 1, "b", "go");
    }
}

fn check(house: &House, total: usize) {
    let mut outputs = house.wait_for_outputs(2 * total);
    outputs.sort();
    let of = |key: &'static str| (1..=total).map(move |count| format!("{key}=go#{count}"));
    let mut expected: Vec<String> = of("a").chain(of("b")).collect();
    expected.sort();
    assert_eq!(outputs, expected);
}

fn two_processes_of_one_name(house: &House) {
    let older = house.start();
    wait_until_running(&older);
    append_both(house);
    let newer = house.start_with(&double(house));
    append_both(house);
    wait_for_status(&older, "the older noticed", |status| status.errors().count() > 0);
    older.stop();
    append_both(house);
    check(house, 3 * RECORDS);
    newer.stop();
}

fn two_processes_share_and_take_over(house: &House) {
    let one = house.start();
    wait_until_running(&one);
    append_both(house);
    let two = house.start_with(&house.options("two"));
    let shared = |status: &gavel_streams::runtime::RuntimeStatus| status.is_ready() && status.tasks().count() == 1;
    wait_for_status(&one, "one keeps a partition", shared);
    wait_for_status(&two, "two has the other", shared);
    append_both(house);
    one.stop();
    append_both(house);
    wait_until_running(&two);
    check(house, 3 * RECORDS);
    two.stop();
}

/// A second process of the name of the first, with local stores of its own.
fn double(house: &House) -> RuntimeOptions {
    RuntimeOptions { local_state: house.options("elsewhere").local_state, ..house.options("one") }
}

/// One stands still just before its commit, another takes its place; then it wakes and commits.
fn a_zombie_commits_nothing(house: &House) {
    let (failpoint, held) = hold_at(Beat::BeforeCommit);
    let zombie = house.start_failing(failpoint);
    append_both(house);
    held.wait();
    let owner = house.start_with(&double(house));
    append_both(house);
    check(house, 2 * RECORDS);
    held.let_go();
    wait_for_status(&zombie, "it noticed", |status| status.errors().count() > 0);
    zombie.stop();
    append_both(house);
    check(house, 3 * RECORDS);
    owner.stop();
}

/// The same, taken for dead by its group for its silence.
#[test]
fn a_silent_zombie_commits_nothing() {
    let house = House::embedded();
    let brief = |options: RuntimeOptions| RuntimeOptions { session_timeout: Duration::from_millis(500), ..options };
    let (failpoint, held) = hold_at(Beat::BeforeCommit);
    let zombie = house.start_with(&RuntimeOptions { failpoint: Some(failpoint), ..brief(house.options("one")) });
    append_both(&house);
    held.wait();
    let owner = house.start_with(&brief(house.options("two")));
    append_both(&house);
    check(&house, 2 * RECORDS);
    held.let_go();
    wait_for_status(&zombie, "it noticed", |status| status.errors().count() > 0);
    append_both(&house);
    check(&house, 3 * RECORDS);
    zombie.stop();
    owner.stop();
}

fn who_lost_its_place_is_not_ready(house: &House) {
    let older = house.start();
    wait_until_running(&older);
    let newer = house.start_with(&double(house));
    append_both(house);
    wait_for_status(&older, "it lost its place", |status| status.errors().count() > 0);
    let status = older.status();
    assert!(!status.is_ready() && status.tasks().count() == 0, "{status:#?}");
    older.stop();
    wait_until_running(&newer);
    check(house, RECORDS);
    newer.stop();
}

/// More threads than partitions: the one that a rebalance gives nothing is ready all the same. The embedded log tells its
/// member nothing then.
#[test]
fn a_spare_is_ready_once_the_group_has_said_so() {
    let Some(house) = House::kafka() else { return };
    let runtime = house.start_with(&RuntimeOptions { threads: PARTITIONS as usize + 1, ..house.options("one") });
    wait_until_running(&runtime);
    assert!(runtime.status().threads.iter().any(|thread| thread.tasks.is_empty() && thread.ready));
    runtime.stop();
}
