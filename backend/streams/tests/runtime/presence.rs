//! What a process says of itself, for others to read.

use std::time::Duration;

use gavel_log::{Start, TopicPartition};
use gavel_streams::control::{ALL, Order, OrderedState};
use gavel_streams::presence::{LIVE_WITHIN_MS, Presence, Report};
use gavel_streams::runtime::{Clock, SystemClock, TaskState};

use crate::harness::{House, PARTITIONS, eventually};

crate::on_each_log!(a_process_says_what_it_runs_and_when_it_stops);

fn a_process_says_what_it_runs_and_when_it_stops(house: &House) {
    let status = TopicPartition::new(house.topic("status"), 0);
    let mut consumer = house.log.consumer(None).unwrap();
    consumer.assign(&[(status, Start::Earliest)]).unwrap();
    let mut presence = Presence::default();
    let mut heard = |what: &str, holds: &dyn Fn(&Report) -> bool| {
        eventually(what, || {
            let mut records = Vec::new();
            consumer.poll(&mut records, 100, Duration::from_millis(20)).unwrap();
            records.iter().for_each(|record| presence.read(record));
            presence.heard().any(|heard| holds(&heard.report))
        });
        let now_ms = SystemClock.now_ms();
        let is_live = |now_ms| presence.live(now_ms).count() == 1;
        (is_live(now_ms), is_live(now_ms + 2 * LIVE_WITHIN_MS))
    };
    let runtime = house.start_with(&house.steered("one"));
    let runs = |state: TaskState| {
        move |report: &Report| {
            let tasks = report.status.tasks().filter(|task| task.state == state);
            report.status.is_ready() && tasks.count() == PARTITIONS as usize
        }
    };
    assert_eq!(heard("all run", &runs(TaskState::Running)), (true, false));
    house.append("stream", 1, "k", "go");
    let position = house.topic("stream");
    heard("it has processed one", &|report| {
        let task = report.status.tasks().find(|task| task.partition == 1).unwrap();
        task.positions.get(&position) == Some(&1) && task.partition_time_ms.is_some()
    });
    house.order(ALL, Order { state: OrderedState::Paused, rate_per_s: None });
    heard("all are paused", &runs(TaskState::Paused));
    runtime.stop();
    assert_eq!(heard("it has stopped", &|report| report.stopped), (false, false));
    let report = &presence.heard().next().unwrap().report;
    assert_eq!((report.instance.as_str(), report.address.as_str()), ("one", "one.example"));
}
