//! Ticks: appended when a timer is due, at once on start, and never else.

use crate::harness::{House, eventually, wait_for_status, wait_until_running};

crate::on_each_log!(a_tick_fires_what_is_due, what_ended_while_all_was_down_ends_on_start, no_tick_while_none_is_due);

fn ticks(house: &House) -> usize {
    house.read("stream").iter().filter(|record| record.value.as_deref() == Some(b"tick")).count()
}

fn a_tick_fires_what_is_due(house: &House) {
    let runtime = house.start();
    wait_until_running(&runtime);
    let append_ms = house.append("stream", 0, "a", "at 1").append_ms;
    house.wait_for_outputs(1);
    wait_for_status(&runtime, "the timer waits", |status| {
        status.tasks().any(|task| task.earliest_due_ms == Some(append_ms + 1))
    });
    house.clock.set(append_ms + 2);
    assert_eq!(house.wait_for_outputs(2), ["a=at 1#1", "a=fired"]);
    // A tick appended too early by the log's clock is followed by another, as ours goes on; here one suffices or two.
    eventually("no timer waits", || {
        house.clock.set(append_ms + 1000);
        runtime.status().tasks().all(|task| task.earliest_due_ms.is_none())
    });
    runtime.stop();
    assert!((1..=2).contains(&ticks(house)));
}

fn what_ended_while_all_was_down_ends_on_start(house: &House) {
    let runtime = house.start();
    let append_ms = house.append("stream", 0, "a", "at 1").append_ms;
    house.wait_for_outputs(1);
    runtime.stop();
    assert_eq!(ticks(house), 0);
    house.clock.set(append_ms + 1000);
    let runtime = house.start();
    assert_eq!(house.wait_for_outputs(2), ["a=at 1#1", "a=fired"]);
    runtime.stop();
}

fn no_tick_while_none_is_due(house: &House) {
    let runtime = house.start();
    let append_ms = house.append("stream", 0, "a", "at 100000").append_ms;
    house.wait_for_outputs(1);
    house.clock.set(append_ms + 50_000);
    // Turns of the thread pass while it processes these; at none of them a timer is past due.
    for count in 1..20 {
        house.append("stream", 1, "b", "go");
        house.wait_for_outputs(1 + count);
    }
    runtime.stop();
    assert_eq!(ticks(house), 0);
}
