//! Orders: every process follows them, they outlive a restart, and what is processed is decided by append times.

use std::num::NonZeroU32;

use gavel_log::Appended;
use gavel_streams::Runtime;
use gavel_streams::control::{ALL, DRAIN_LEAD_MS, Order, OrderedState};
use gavel_streams::runtime::{Clock, SystemClock, TaskState};

use crate::harness::{House, PARTITIONS, eventually, wait_for_status, wait_until_running};

crate::on_each_log!(
    a_pause_outlives_a_restart_while_producers_go_on,
    two_processes_follow_the_same_order,
    what_ended_during_a_pause_ends_by_append_times,
    a_rate_is_shared_by_the_partitions,
    a_drain_stops_at_the_same_place_everywhere,
);

const RUNNING: Order = Order { state: OrderedState::Running, rate_per_s: None };
const PAUSED: Order = Order { state: OrderedState::Paused, rate_per_s: None };
const DRAINING: Order = Order { state: OrderedState::Draining, rate_per_s: None };

/// Waits until all tasks here follow an order, and are so.
fn wait_until(runtime: &Runtime, ordered: Appended, state: TaskState) {
    wait_for_status(runtime, &format!("{state:?}"), |status| {
        let follows = status.threads.iter().all(|thread| thread.control_next > Some(ordered.offset));
        let has_tasks = status.tasks().count() > 0;
        follows && has_tasks && status.is_ready() && status.tasks().all(|task| task.state == state)
    });
}

fn append(house: &House, value: &str, count: usize) {
    for number in 0..count {
        house.append("stream", number as u32 % PARTITIONS, "k", value);
    }
}

/// Waits until so many records are known to wait, in all these processes together.
fn wait_for_lag(runtimes: &[&Runtime], records: u64) {
    eventually("the records wait", || {
        let tasks = |runtime: &&Runtime| runtime.status().tasks().map(|task| task.lag_records).sum::<u64>();
        runtimes.iter().map(tasks).sum::<u64>() == records
    });
}

fn a_pause_outlives_a_restart_while_producers_go_on(house: &House) {
    let ordered = house.order(ALL, PAUSED);
    for _ in 0..2 {
        let runtime = house.start_with(&house.steered("one"));
        wait_until(&runtime, ordered, TaskState::Paused);
        append(house, "go", 4);
        runtime.stop();
    }
    let runtime = house.start_with(&house.steered("one"));
    wait_for_lag(&[&runtime], 8);
    assert_eq!(house.outputs(), [""; 0]);
    let ordered = house.order(ALL, RUNNING);
    wait_until(&runtime, ordered, TaskState::Running);
    house.wait_for_outputs(8);
    runtime.stop();
}

fn two_processes_follow_the_same_order(house: &House) {
    let (one, two) = (house.start_with(&house.steered("one")), house.start_with(&house.steered("two")));
    wait_for_status(&one, "one has its share", |status| status.is_ready() && status.tasks().count() == 1);
    wait_for_status(&two, "two has its share", |status| status.is_ready() && status.tasks().count() == 1);
    append(house, "before", 6);
    house.wait_for_outputs(6);
    // Of the topology alone: it counts like one for all.
    let ordered = house.order(house.topology.name(), PAUSED);
    for runtime in [&one, &two] {
        wait_until(runtime, ordered, TaskState::Paused);
    }
    append(house, "meanwhile", 6);
    wait_for_lag(&[&one, &two], 6);
    assert_eq!(house.outputs().len(), 6);
    // Who takes over what another held pauses too.
    two.stop();
    wait_for_status(&one, "one has all", |status| status.is_ready() && status.tasks().count() == 2);
    wait_until(&one, ordered, TaskState::Paused);
    assert_eq!(house.outputs().len(), 6);
    house.order(house.topology.name(), RUNNING);
    house.wait_for_outputs(12);
    one.stop();
}

fn what_ended_during_a_pause_ends_by_append_times(house: &House) {
    let runtime = house.start_with(&house.steered("one"));
    wait_until_running(&runtime);
    let begun = house.append("stream", 0, "a", "at 2000");
    assert_eq!(house.wait_for_outputs(1), ["a=at 2000#1"]);
    let ordered = house.order(ALL, PAUSED);
    wait_until(&runtime, ordered, TaskState::Paused);
    let in_time = house.append("stream", 0, "a", "in time");
    assert!(in_time.append_ms <= begun.append_ms + 2_000, "the machine is too slow for this test");
    eventually("the timer is due", || SystemClock.now_ms() > begun.append_ms + 2_001);
    house.clock.set(SystemClock.now_ms() + 1);
    house.append("stream", 0, "a", "late");
    wait_for_lag(&[&runtime], 2);
    assert_eq!(house.read("stream").len(), 3, "no tick while it is paused");
    house.order(ALL, RUNNING);
    assert_eq!(house.wait_for_outputs(4)[1..], ["a=in time#2", "a=fired", "a=late#3"]);
    runtime.stop();
}

fn a_rate_is_shared_by_the_partitions(house: &House) {
    let ordered = house.order(ALL, Order { rate_per_s: NonZeroU32::new(10), ..RUNNING });
    for _ in 0..30 {
        house.append("stream", 0, "k", "go");
    }
    house.append("stream", 1, "k", "go");
    let runtime = house.start_with(&house.steered("one"));
    wait_until(&runtime, ordered, TaskState::Running);
    let begun_ms = house.clock.now_ms();
    for (passed_ms, outputs) in [(0, 0), (400, 2 + 1), (1_000, 5 + 1), (5_000, 10 + 1), (6_000, 15 + 1)] {
        house.clock.set(begun_ms + passed_ms);
        house.wait_for_outputs(outputs);
    }
    house.order(ALL, RUNNING);
    house.wait_for_outputs(31);
    runtime.stop();
}

fn a_drain_stops_at_the_same_place_everywhere(house: &House) {
    let (one, two) = (house.start_with(&house.steered("one")), house.start_with(&house.steered("two")));
    for runtime in [&one, &two] {
        wait_for_status(runtime, "has its share", |status| status.is_ready() && status.tasks().count() == 1);
    }
    let ordered = house.order(ALL, DRAINING);
    let until_ms = ordered.append_ms + DRAIN_LEAD_MS;
    let (mut in_time, mut late) = ([0; PARTITIONS as usize], 0);
    eventually("records are appended after the end", || {
        for partition in 0..PARTITIONS {
            let appended = house.append("stream", partition, "k", &format!("to {partition}"));
            if appended.append_ms <= until_ms {
                in_time[partition as usize] += 1;
            } else {
                late += 1;
            };
        }
        late >= 4
    });
    house.clock.set(until_ms + 1);
    for runtime in [&one, &two] {
        wait_until(runtime, ordered, TaskState::Drained);
    }
    let outputs = house.outputs();
    let processed =
        [0, 1].map(|partition| outputs.iter().filter(|line| line.contains(&format!("to {partition}#"))).count());
    assert_eq!(processed, in_time);
    wait_for_lag(&[&one, &two], late);
    house.order(ALL, RUNNING);
    house.wait_for_outputs(in_time.iter().sum::<usize>() + late as usize);
    one.stop();
    two.stop();
}
