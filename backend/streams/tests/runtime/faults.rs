//! A log that does not answer, aborts, or answers too late. Each record still counts once, each timer fires once, and what
//! concerns one partition stops no other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gavel_log::{Cleanup, TopicPartition, TopicSpec};
use gavel_streams::runtime::{Failpoint, Restarts, RuntimeOptions, TaskState};
use gavel_streams::{Beat, Runtime};

use crate::faulty::faulty;
use crate::harness::{House, HurriedClock, PARTITIONS, eventually, wait_for_status, wait_until_running};

const RECORDS: usize = 60;
const NONE: Restarts = Restarts { most: 0, within: Duration::ZERO, first_pause: Duration::ZERO };

fn survives(seed: u64) {
    let mut house = House::embedded();
    let honest = Arc::clone(&house.log);
    let (log, faults) = faulty(&honest, Some(seed));
    house.log = log;
    let runtime = house.start_with(&RuntimeOptions { clock: Arc::new(HurriedClock), ..house.options("one") });
    house.log = honest;
    // The same (due, key) twice is one timer.
    let mut timers = BTreeSet::new();
    for _ in 0..RECORDS {
        house.append("table", 0, "t", "1");
        house.append("stream", 0, "a", "go");
        timers.insert(house.append("stream", 1, "b", "at 5").append_ms);
    }
    let mut outputs = house.wait_for_outputs(2 * RECORDS + timers.len());
    outputs.sort();
    let of = |key: &'static str, what: &'static str| (1..=RECORDS).map(move |count| format!("{key}={what}#{count}"));
    let fired = std::iter::repeat_n("b=fired".to_string(), timers.len());
    let mut expected: Vec<String> = of("a", "go").chain(of("b", "at 5")).chain(fired).collect();
    expected.sort();
    assert_eq!(outputs, expected, "seed {seed}");
    for dead_letters in ["table.dead-letters", "stream.dead-letters"] {
        assert!(house.read(dead_letters).is_empty(), "seed {seed}: what passes puts nothing aside");
    }
    assert!(faults.failed.load(Ordering::SeqCst) > 10, "seed {seed}: the log hardly failed");
    runtime.stop();
}

#[test]
fn a_failing_log_loses_and_doubles_nothing() {
    std::thread::scope(|scope| {
        for seed in 0..6 {
            scope.spawn(move || survives(seed));
        }
    });
}

#[test]
fn a_partition_that_does_not_answer_stops_no_other() {
    let mut house = House::embedded();
    let (log, faults) = faulty(&house.log, None);
    house.log = log;
    let runtime = house.start();
    wait_until_running(&runtime);
    faults.set_silent(Some(TopicPartition::new(house.topic("table"), 0)));
    house.append("stream", 0, "a", "go");
    for count in 1..=RECORDS {
        house.append("stream", 1, "b", "go");
        house.wait_for_outputs(count);
    }
    wait_for_status(&runtime, "it is told", |status| status.errors().any(|error| error.contains("silent")));
    let asked = faults.asked_in_vain.load(Ordering::SeqCst);
    assert!((1..40).contains(&asked), "asked {asked} times, with ever longer pauses");
    faults.set_silent(None);
    house.wait_for_outputs(RECORDS + 1);
    wait_for_status(&runtime, "it is over", |status| status.errors().count() == 0);
    runtime.stop();
}

#[test]
fn a_task_that_cannot_read_its_state_stops_no_other() {
    let house = House::embedded();
    let runtime = house.start();
    wait_until_running(&runtime);
    house.append("stream", 0, "a", "rot");
    wait_for_status(&runtime, "it failed", |status| {
        let failed = status.tasks().filter(|task| task.state == TaskState::Failed && task.partition == 0);
        failed.count() == 1 && status.errors().any(|error| error.contains("it says rot")) && !status.is_ready()
    });
    house.append("stream", 1, "b", "go");
    assert_eq!(house.wait_for_outputs(1), ["b=go#1"]);
    assert!(runtime.status().threads.iter().all(|thread| thread.running));
    runtime.stop();
}

#[test]
fn topics_that_come_late_are_waited_for() {
    let house = House::embedded_without_topics();
    let runtime = house.start();
    wait_for_status(&runtime, "it misses a topic", |status| status.errors().any(|error| error.contains("exist")));
    house.create_topics();
    wait_until_running(&runtime);
    runtime.stop();
}

#[test]
fn topics_that_do_not_come_end_the_thread() {
    let house = House::embedded_without_topics();
    let options = RuntimeOptions { topic_grace: Duration::from_millis(100), restarts: NONE, ..house.options("one") };
    let runtime = house.start_with(&options);
    eventually("it gives up", || runtime.status().threads.iter().all(|thread| !thread.running));
    assert!(runtime.status().errors().any(|error| error.contains("cannot run")));
}

/// Quick ones, for who waits for them.
const TWICE: Restarts = Restarts { most: 2, within: Duration::from_secs(600), first_pause: Duration::from_millis(1) };

#[test]
fn a_thread_that_fails_for_good_is_started_again() {
    let mut house = House::embedded();
    let (log, faults) = faulty(&house.log, None);
    house.log = log;
    let runtime = house.start_with(&RuntimeOptions { restarts: TWICE, ..house.options("one") });
    wait_until_running(&runtime);
    for count in 1..=2 {
        faults.break_down(&house.topology.group(), 1);
        eventually("it broke down", || faults.breakdowns_left() == 0);
        house.append("stream", 0, "a", "go");
        house.wait_for_outputs(count);
    }
    wait_for_status(&runtime, "it is over", |status| status.is_ready() && status.errors().count() == 0);
    runtime.stop();
}

#[test]
fn a_thread_that_panics_is_started_again() {
    let house = House::embedded();
    let panics = AtomicU64::new(0);
    let failpoint = move |beat| {
        assert!(beat != Beat::BeforeCommit || panics.fetch_add(1, Ordering::SeqCst) >= 2, "the failpoint panics");
        false
    };
    let failpoint: Option<Failpoint> = Some(Arc::new(failpoint));
    let runtime = house.start_with(&RuntimeOptions { restarts: TWICE, failpoint, ..house.options("one") });
    house.append("stream", 0, "a", "go");
    assert_eq!(house.wait_for_outputs(1), ["a=go#1"]);
    assert!(house.read("stream.dead-letters").is_empty(), "the record is not to blame");
    runtime.stop();
}

/// Too many restarts in too short a time: it stays down and says why, and the other topology goes on.
#[test]
fn a_thread_that_keeps_failing_stays_down_and_stops_no_other() {
    let mut house = House::embedded();
    let honest = Arc::clone(&house.log);
    let (log, faults) = faulty(&honest, None);
    let beside = house.topology.relocated("", "beside.");
    for spec in beside.topics(PARTITIONS) {
        house.log.create_topic(&spec).unwrap();
    }
    let sink = TopicSpec {
        name: format!("beside.{}", house.topic("out")).into(),
        partitions: PARTITIONS,
        cleanup: Cleanup::Keep,
    };
    house.log.create_topic(&sink).unwrap();
    house.log = log;
    faults.break_down(&beside.group(), 1_000);
    let options = RuntimeOptions { restarts: TWICE, ..house.options("one") };
    let runtime = Runtime::start(&house.log, &[house.topology.clone(), beside.clone()], &options).unwrap();
    wait_for_status(&runtime, "it stays down", |status| {
        let down: Vec<_> = status.threads.iter().filter(|thread| !thread.running).collect();
        down.len() == 1 && down[0].topology == beside.name() && !status.is_ready()
    });
    let status = runtime.status();
    let error = status.errors().next().unwrap();
    assert!(error.contains("stay down after too many restarts") && error.contains("the disk is gone"), "{error}");
    assert_eq!(faults.breakdowns_left(), 1_000 - 3, "started once, and again twice");
    house.append("stream", 0, "a", "go");
    assert_eq!(house.wait_for_outputs(1), ["a=go#1"]);
    runtime.stop();
}
