//! Old records of a `Delete` topic may be dropped; young ones, and those of other topics, may not.

use std::time::{Duration, Instant};

use gavel_log::Cleanup;

use crate::subject::{PATIENCE, Subject, append, append_numbers, partition, read_all, record, topic, values};

promises!(old_records_go_and_young_ones_stay);

fn old_records_go_and_young_ones_stay(subject: &Subject) {
    let log = subject.open();
    let (short, long, forever) = (
        topic(&*log, 1, Cleanup::Delete { retention_ms: 1 }),
        topic(&*log, 1, Cleanup::Delete { retention_ms: 3_600_000 }),
        topic(&*log, 1, Cleanup::Keep),
    );
    for topic in [&short, &long, &forever] {
        append_numbers(&*log, topic, 0, 3);
    }
    let deadline = Instant::now() + PATIENCE;
    while subject.cleans_at_once() && log.watermarks(&partition(&short, 0)).unwrap().low < 3 {
        assert!(Instant::now() < deadline, "the old records are still there");
        log.clean().unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    log.clean().unwrap();
    if subject.cleans_at_once() {
        assert!(read_all(&*log, &partition(&short, 0)).is_empty());
    }
    assert_eq!(append(&*log, record(&short, 0, "k", "new")).offset, 3);
    for topic in [&long, &forever] {
        assert_eq!(values(&read_all(&*log, &partition(topic, 0))), ["0", "1", "2"]);
    }
}
