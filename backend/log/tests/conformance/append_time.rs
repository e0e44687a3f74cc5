//! Append times are the broker's: near the wall clock, and never going back within a partition.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use gavel_log::Cleanup;
use gavel_log::embedded::{Clock, EmbeddedLog, EmbeddedOptions};

use crate::subject::{Subject, append, options, partition, read_all, record, topic};

promises!(append_times_are_the_brokers, append_times_never_go_back);

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

fn append_times_are_the_brokers(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let before = now_ms();
    let appended = append(&*log, record(&topic, 0, "k", "v"));
    assert!((before..=now_ms()).contains(&appended.append_ms));
    assert_eq!(read_all(&*log, &partition(&topic, 0))[0].append_ms, appended.append_ms);
}

fn append_times_never_go_back(subject: &Subject) {
    let (first, second, last) = {
        let log = subject.open();
        let (first, second) = (topic(&*log, 1, Cleanup::Keep), topic(&*log, 1, Cleanup::Keep));
        let producer = log.producer().unwrap();
        let topics = [&first, &second].into_iter().cycle().take(100);
        let times: Vec<_> =
            topics.map(|topic| producer.send(record(topic, 0, "k", "v")).wait().unwrap().append_ms).collect();
        assert!(times.is_sorted(), "one clock for all topics");
        (first, second, *times.last().unwrap())
    };
    let log = subject.open();
    for topic in [&first, &second] {
        assert!(append(&*log, record(topic, 0, "k", "v")).append_ms >= last, "not even over a restart");
        assert!(read_all(&*log, &partition(topic, 0)).is_sorted_by_key(|record| record.append_ms));
    }
}

/// The machine's clock is set back, while the log is open and while it is closed.
#[test]
fn a_clock_set_back_moves_no_append_time() {
    let folder = tempfile::tempdir().unwrap();
    let now_ms = Arc::new(AtomicI64::new(1_000));
    let open = || {
        let now_ms = Arc::clone(&now_ms);
        let clock = Clock::new(move || now_ms.load(Ordering::Relaxed));
        EmbeddedLog::open(folder.path(), EmbeddedOptions { clock, ..options() }).unwrap()
    };
    let log = open();
    let topic = topic(&*log, 2, Cleanup::Keep);
    let append_at = |log: &EmbeddedLog, partition, clock_ms| {
        now_ms.store(clock_ms, Ordering::Relaxed);
        append(log, record(&topic, partition, "k", "v")).append_ms
    };
    assert_eq!(append_at(&log, 0, 5_000), 5_000);
    assert_eq!(append_at(&log, 1, 2_000), 5_000, "of any partition");
    drop(log);
    let log = open();
    assert_eq!(append_at(&log, 1, 3_000), 5_000, "not even over a restart");
    assert_eq!(append_at(&log, 0, 6_000), 6_000);
}
