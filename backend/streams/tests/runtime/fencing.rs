//! Two processes that take each other for dead, or share a name: whatever they do, each record counts once.

use crate::harness::{House, wait_for_status, wait_until_running};

crate::on_each_log!(two_processes_of_one_name, two_processes_share_and_take_over);

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
    let mut newer = house.options("one");
    newer.state_folder.push("elsewhere");
    let newer = house.start_with(&newer);
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
