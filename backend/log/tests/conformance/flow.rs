//! Pause, resume, seek, watermarks, deleted records, and waking when something comes.

use std::time::{Duration, Instant};

use gavel_log::{Cleanup, Start};

use crate::subject::{
    Subject, append, append_numbers, partition, poll_until, read_all, read_to_end, record, topic, values,
};

promises!(
    a_paused_partition_is_silent_until_resumed,
    a_reader_seeks,
    watermarks_move,
    deleted_records_are_gone,
    a_waiting_reader_wakes,
    a_poll_returns_no_more_than_asked,
);

fn a_paused_partition_is_silent_until_resumed(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 2, Cleanup::Keep);
    let both = [partition(&topic, 0), partition(&topic, 1)];
    let mut consumer = log.consumer(None).unwrap();
    consumer.assign(&both.clone().map(|partition| (partition, Start::Earliest))).unwrap();
    append(&*log, record(&topic, 0, "k", "before"));
    let mut records = Vec::new();
    poll_until(&mut *consumer, &mut records, |_, records| records.len() == 1);
    consumer.pause(&both[..1]).unwrap();
    append(&*log, record(&topic, 0, "k", "paused"));
    append(&*log, record(&topic, 1, "k", "open"));
    poll_until(&mut *consumer, &mut records, |_, records| records.len() == 2);
    consumer.poll(&mut records, 10, Duration::from_millis(100)).unwrap();
    assert_eq!(values(&records), ["before", "open"]);
    consumer.resume(&both[..1]).unwrap();
    poll_until(&mut *consumer, &mut records, |_, records| records.len() == 3);
    assert_eq!(values(&records), ["before", "open", "paused"]);
}

fn a_reader_seeks(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let only = partition(&topic, 0);
    append_numbers(&*log, &topic, 0, 5);
    let mut consumer = log.consumer(None).unwrap();
    consumer.assign(&[(only.clone(), Start::Earliest)]).unwrap();
    assert_eq!(read_to_end(&*log, &mut *consumer, &only).len(), 5);
    for (start, expected) in [(Start::Offset(3), 2), (Start::Earliest, 5), (Start::Offset(4), 1)] {
        consumer.seek(&only, start).unwrap();
        assert_eq!(read_to_end(&*log, &mut *consumer, &only).len(), expected, "{start:?}");
    }
    consumer.seek(&only, Start::Offset(0)).unwrap();
    consumer.seek(&only, Start::Latest).unwrap();
    append(&*log, record(&topic, 0, "k", "new"));
    assert_eq!(values(&read_to_end(&*log, &mut *consumer, &only)), ["new"]);
}

fn watermarks_move(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let only = partition(&topic, 0);
    let ends = || {
        let watermarks = log.watermarks(&only).unwrap();
        assert!(watermarks.stable_end <= watermarks.end);
        assert_eq!(log.stable_end(&only).unwrap(), watermarks.stable_end);
        assert_eq!(log.end(&only).unwrap(), watermarks.end);
        (watermarks.low, watermarks.stable_end)
    };
    assert_eq!(ends(), (0, 0));
    append(&*log, record(&topic, 0, "k", "0"));
    append(&*log, record(&topic, 0, "k", "1"));
    assert_eq!(ends(), (0, 2));
    log.delete_records(&only, 1).unwrap();
    assert_eq!(ends(), (1, 2));
}

fn deleted_records_are_gone(subject: &Subject) {
    let (topic, only) = {
        let log = subject.open();
        let topic = topic(&*log, 1, Cleanup::Keep);
        let only = partition(&topic, 0);
        append_numbers(&*log, &topic, 0, 5);
        log.delete_records(&only, 3).unwrap();
        assert_eq!(values(&read_all(&*log, &only)), ["3", "4"]);
        let mut late = log.consumer(None).unwrap();
        late.assign(&[(only.clone(), Start::Offset(1))]).unwrap();
        assert_eq!(values(&read_to_end(&*log, &mut *late, &only)), ["3", "4"], "reads on at the first kept");
        log.delete_records(&only, 5).unwrap();
        assert!(read_all(&*log, &only).is_empty());
        (topic, only)
    };
    let log = subject.open();
    assert_eq!(append(&*log, record(&topic, 0, "k", "next")).offset, 5, "offsets are never used again");
    assert_eq!(values(&read_all(&*log, &only)), ["next"]);
}

fn a_waiting_reader_wakes(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let mut consumer = log.consumer(None).unwrap();
    consumer.assign(&[(partition(&topic, 0), Start::Latest)]).unwrap();
    consumer.poll(&mut Vec::new(), 10, Duration::from_millis(10)).unwrap();
    let reader = std::thread::spawn(move || {
        let mut records = Vec::new();
        let start = Instant::now();
        while records.is_empty() && start.elapsed() < Duration::from_secs(60) {
            consumer.poll(&mut records, 10, Duration::from_secs(60)).unwrap();
        }
        (values(&records), start.elapsed())
    });
    append(&*log, record(&topic, 0, "k", "wake"));
    let (read, elapsed) = reader.join().unwrap();
    assert_eq!(read, ["wake"]);
    assert!(elapsed < Duration::from_secs(30), "woken, not timed out: {elapsed:?}");
}

fn a_poll_returns_no_more_than_asked(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 2, Cleanup::Keep);
    let producer = log.producer().unwrap();
    let sent: Vec<_> = (0..200).map(|n: u32| producer.send(record(&topic, n % 2, "k", &n.to_string()))).collect();
    for delivery in sent {
        delivery.wait().unwrap();
    }
    let mut consumer = log.consumer(None).unwrap();
    consumer.assign(&[0, 1].map(|number| (partition(&topic, number), Start::Earliest))).unwrap();
    let mut records = Vec::new();
    while records.len() < 200 {
        let before = records.len();
        consumer.poll(&mut records, 7, Duration::from_secs(1)).unwrap();
        assert!(records.len() - before <= 7);
    }
    let mut read: Vec<u32> = values(&records).iter().map(|value| value.parse().unwrap()).collect();
    read.sort_unstable();
    assert_eq!(read, (0..200).collect::<Vec<_>>(), "none twice, none left out");
}
