//! Append times are the broker's: near the wall clock, and never going back within a partition.

use std::time::{SystemTime, UNIX_EPOCH};

use gavel_log::Cleanup;

use crate::subject::{Subject, append, partition, read_all, record, topic};

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
        let times: Vec<_> = (0..50)
            .flat_map(|_| [append(&*log, record(&first, 0, "k", "v")), append(&*log, record(&second, 0, "k", "v"))])
            .map(|appended| appended.append_ms)
            .collect();
        assert!(times.is_sorted(), "one clock for all topics");
        (first, second, *times.last().unwrap())
    };
    let log = subject.open();
    for topic in [&first, &second] {
        assert!(append(&*log, record(topic, 0, "k", "v")).append_ms >= last, "not even over a restart");
        assert!(read_all(&*log, &partition(topic, 0)).is_sorted_by_key(|record| record.append_ms));
    }
}
