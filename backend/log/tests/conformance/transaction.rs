//! A transaction is visible as a whole, over several partitions and with its offsets, or never.

use std::time::Duration;

use gavel_log::{Cleanup, LogError, Start};

use crate::subject::{
    Subject, append, consumed, group, partition, poll_until, read_all, read_stable, record, topic, unique, values,
};

promises!(
    a_commit_shows_everything_at_once,
    an_abort_shows_nothing,
    offsets_may_be_added_again,
    more_than_a_client_holds_at_a_time_is_committed,
    a_dropped_transaction_shows_nothing,
    readers_see_whole_transactions_only,
);

fn a_commit_shows_everything_at_once(subject: &Subject) {
    let log = subject.open();
    let (source, first, second) =
        (topic(&*log, 1, Cleanup::Keep), topic(&*log, 2, Cleanup::Keep), topic(&*log, 1, Cleanup::Compact));
    append(&*log, record(&source, 0, "k", "input"));
    let name = unique("group");
    let mut consumer = log.consumer(Some(&group(&name))).unwrap();
    consumer.subscribe(&[&source]).unwrap();
    poll_until(&mut *consumer, &mut Vec::new(), |_, records| !records.is_empty());
    let mut producer = log.transactional_producer(&unique("tx")).unwrap();
    producer.begin().unwrap();
    let written = [(&first, 0), (&first, 1), (&second, 0)];
    for (topic, partition) in written {
        producer.send(record(topic, partition, "k", "output")).unwrap();
    }
    producer.send_offsets(&[consumed(&partition(&source, 0), 1)], &consumer.group_metadata().unwrap()).unwrap();
    for (topic, number) in written {
        assert!(read_stable(&*log, &partition(topic, number)).is_empty(), "nothing before the commit");
    }
    producer.commit().unwrap();
    for (topic, number) in written {
        assert_eq!(values(&read_all(&*log, &partition(topic, number))), ["output"]);
    }
    assert_eq!(log.committed(&name, &[partition(&source, 0), partition(&first, 0)]).unwrap(), [Some(1), None]);
}

fn an_abort_shows_nothing(subject: &Subject) {
    let log = subject.open();
    let (source, sink) = (topic(&*log, 1, Cleanup::Keep), topic(&*log, 1, Cleanup::Keep));
    append(&*log, record(&source, 0, "k", "input"));
    let name = unique("group");
    let mut consumer = log.consumer(Some(&group(&name))).unwrap();
    consumer.subscribe(&[&source]).unwrap();
    poll_until(&mut *consumer, &mut Vec::new(), |_, records| !records.is_empty());
    let mut producer = log.transactional_producer(&unique("tx")).unwrap();
    producer.begin().unwrap();
    producer.send(record(&sink, 0, "k", "aborted")).unwrap();
    producer.send_offsets(&[consumed(&partition(&source, 0), 1)], &consumer.group_metadata().unwrap()).unwrap();
    producer.abort().unwrap();
    producer.begin().unwrap();
    producer.send(record(&sink, 0, "k", "committed")).unwrap();
    producer.commit().unwrap();
    assert_eq!(values(&read_all(&*log, &partition(&sink, 0))), ["committed"]);
    assert_eq!(log.committed(&name, &[partition(&source, 0)]).unwrap(), [None]);
}

fn offsets_may_be_added_again(subject: &Subject) {
    let log = subject.open();
    let source = topic(&*log, 2, Cleanup::Keep);
    for number in [0, 0, 0, 1] {
        append(&*log, record(&source, number, "k", "input"));
    }
    let name = unique("group");
    let mut consumer = log.consumer(Some(&group(&name))).unwrap();
    consumer.subscribe(&[&source]).unwrap();
    poll_until(&mut *consumer, &mut Vec::new(), |_, records| !records.is_empty());
    let (first, second) = (partition(&source, 0), partition(&source, 1));
    let mut producer = log.transactional_producer(&unique("tx")).unwrap();
    let mut add = |is_meant: bool| {
        producer.begin().unwrap();
        for offsets in [vec![consumed(&first, 1)], vec![consumed(&first, 3), consumed(&second, 1)]] {
            producer.send_offsets(&offsets, &consumer.group_metadata().unwrap()).unwrap();
        }
        let outcome = if is_meant { producer.commit() } else { producer.abort() };
        outcome.unwrap();
        log.committed(&name, &[first.clone(), second.clone()]).unwrap()
    };
    assert_eq!(add(false), [None, None]);
    assert_eq!(add(true), [Some(3), Some(1)]);
}

fn more_than_a_client_holds_at_a_time_is_committed(subject: &Subject) {
    const RECORDS: usize = 64;
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let value = "v".repeat(512 << 10);
    let mut producer = log.transactional_producer(&unique("tx")).unwrap();
    producer.begin().unwrap();
    for _ in 0..RECORDS {
        producer.send(record(&topic, 0, "k", &value)).unwrap();
    }
    producer.commit().unwrap();
    assert_eq!(read_all(&*log, &partition(&topic, 0)).len(), RECORDS);
}

fn a_dropped_transaction_shows_nothing(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let id = unique("tx");
    let mut dropped = log.transactional_producer(&id).unwrap();
    dropped.begin().unwrap();
    dropped.send(record(&topic, 0, "k", "dropped")).unwrap();
    drop(dropped);
    let mut next = log.transactional_producer(&id).unwrap();
    next.begin().unwrap();
    next.send(record(&topic, 0, "k", "next")).unwrap();
    next.commit().unwrap();
    assert_eq!(values(&read_all(&*log, &partition(&topic, 0))), ["next"]);
}

/// A reader of two partitions that are always written together never sees one of them ahead by a part of a transaction.
fn readers_see_whole_transactions_only(subject: &Subject) {
    const ROUNDS: usize = 100;
    let log = subject.open();
    let topic = topic(&*log, 2, Cleanup::Keep);
    let writer = {
        let (log, topic) = (log.clone(), topic.clone());
        std::thread::spawn(move || {
            let mut producer = log.transactional_producer(&unique("tx")).unwrap();
            for round in 0..ROUNDS {
                producer.begin().unwrap();
                for number in [0, 1, 0, 1] {
                    producer.send(record(&topic, number, "k", &round.to_string())).unwrap();
                }
                match producer.commit() {
                    Err(error @ LogError::Fenced(_)) => panic!("{error}"),
                    outcome => outcome.unwrap(),
                }
            }
        })
    };
    let ends = [partition(&topic, 0), partition(&topic, 1)];
    let mut consumer = log.consumer(None).unwrap();
    consumer.assign(&ends.clone().map(|partition| (partition, Start::Earliest))).unwrap();
    let mut records = Vec::new();
    while records.len() < ROUNDS * 4 {
        consumer.poll(&mut records, 1000, Duration::from_millis(200)).unwrap();
        for number in [0, 1] {
            let count = records.iter().filter(|record| record.partition == number).count();
            assert!(count.is_multiple_of(2), "a part of a transaction: {count} records of partition {number}");
        }
    }
    writer.join().unwrap();
    for number in [0, 1] {
        let read: Vec<_> = records.iter().filter(|record| record.partition == number).cloned().collect();
        let expected: Vec<_> = (0..ROUNDS).flat_map(|round| [round.to_string(), round.to_string()]).collect();
        assert_eq!(values(&read), expected);
    }
}
