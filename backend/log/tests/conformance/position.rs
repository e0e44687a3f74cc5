//! Where a reader is, and where it goes on.

use std::time::Duration;

use gavel_log::{Cleanup, GroupEvent, Start};

use crate::subject::{
    Subject, append, append_numbers, commit, consumed, group, partition, poll_until, read_to_end, record, topic,
    unique, values, wait_until_decided,
};

promises!(
    position_reaches_the_stable_end,
    a_group_resumes_where_it_committed,
    a_reader_starts_where_it_says,
    commits_without_subscription_are_kept,
    an_assigned_partition_obeys_at_once,
    a_group_without_offsets_reads_only_what_was_sought,
    a_reader_behind_retention_reaches_the_end,
);

fn position_reaches_the_stable_end(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let only = partition(&topic, 0);
    append(&*log, record(&topic, 0, "k", "0"));
    commit(&*log, vec![record(&topic, 0, "k", "1"), record(&topic, 0, "k", "2")]);
    let mut aborted = log.transactional_producer(&unique("tx")).unwrap();
    aborted.begin().unwrap();
    aborted.send(record(&topic, 0, "k", "aborted")).unwrap();
    aborted.abort().unwrap();
    wait_until_decided(&*log, &only);
    let mut consumer = log.consumer(None).unwrap();
    consumer.assign(&[(only.clone(), Start::Earliest)]).unwrap();
    let mut records = Vec::new();
    while records.len() < 2 {
        consumer.poll(&mut records, 2, Duration::from_secs(1)).unwrap();
    }
    assert_eq!(consumer.position(&only).unwrap(), records.last().unwrap().offset + 1);
    records.extend(read_to_end(&*log, &mut *consumer, &only));
    assert_eq!(values(&records), ["0", "1", "2"]);
    assert_eq!(consumer.position(&only).unwrap(), log.watermarks(&only).unwrap().stable_end);
}

fn a_group_resumes_where_it_committed(subject: &Subject) {
    let (name, topic) = {
        let log = subject.open();
        let (name, topic) = (unique("group"), topic(&*log, 1, Cleanup::Keep));
        append_numbers(&*log, &topic, 0, 4);
        let mut consumer = log.consumer(Some(&group(&name))).unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        let mut records = Vec::new();
        let events = poll_until(&mut *consumer, &mut records, |_, records| records.len() == 4);
        assert_eq!(events, [GroupEvent::Assigned(vec![partition(&topic, 0)])]);
        consumer.commit(&[consumed(&partition(&topic, 0), 2)]).unwrap();
        (name, topic)
    };
    let log = subject.open();
    assert_eq!(log.committed(&name, &[partition(&topic, 0)]).unwrap(), [Some(2)]);
    let mut consumer = log.consumer(Some(&group(&name))).unwrap();
    consumer.subscribe(&[&topic]).unwrap();
    let mut records = Vec::new();
    poll_until(&mut *consumer, &mut records, |_, records| records.len() == 2);
    assert_eq!(values(&records), ["2", "3"]);
}

fn a_reader_starts_where_it_says(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 3, Cleanup::Keep);
    for number in 0..3 {
        append_numbers(&*log, &topic, number, 4);
    }
    let starts = [Start::Earliest, Start::Offset(1), Start::Latest];
    let assigned: Vec<_> = (0..).zip(starts).map(|(number, start)| (partition(&topic, number), start)).collect();
    let mut consumer = log.consumer(None).unwrap();
    consumer.assign(&assigned).unwrap();
    let mut records = Vec::new();
    poll_until(&mut *consumer, &mut records, |consumer, _| {
        assigned.iter().all(|(partition, _)| consumer.position(partition).is_ok_and(|position| position >= 4))
    });
    append(&*log, record(&topic, 2, "k", "new"));
    poll_until(&mut *consumer, &mut records, |_, records| records.iter().any(|record| record.partition == 2));
    let of = |number| records.iter().filter(|record| record.partition == number).cloned().collect::<Vec<_>>();
    assert_eq!(values(&of(0)), ["0", "1", "2", "3"]);
    assert_eq!(values(&of(1)), ["1", "2", "3"]);
    assert_eq!(values(&of(2)), ["new"]);
}

fn commits_without_subscription_are_kept(subject: &Subject) {
    let log = subject.open();
    let (name, topic) = (unique("group"), topic(&*log, 2, Cleanup::Keep));
    let mut consumer = log.consumer(Some(&group(&name))).unwrap();
    consumer.assign(&[(partition(&topic, 1), Start::Earliest)]).unwrap();
    consumer.commit(&[consumed(&partition(&topic, 1), 7)]).unwrap();
    assert_eq!(log.committed(&name, &[partition(&topic, 0), partition(&topic, 1)]).unwrap(), [None, Some(7)]);
}

/// As a task of the runtime begins: told of its partitions, it pauses, looks where it is, seeks and resumes.
fn an_assigned_partition_obeys_at_once(subject: &Subject) {
    let log = subject.open();
    let (name, topic) = (unique("group"), topic(&*log, 1, Cleanup::Keep));
    let only = partition(&topic, 0);
    append_numbers(&*log, &topic, 0, 6);
    let mut committer = log.consumer(Some(&group(&name))).unwrap();
    committer.commit(&[consumed(&only, 2)]).unwrap();
    for target in 3..6 {
        let mut consumer = log.consumer(Some(&group(&name))).unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        let mut records = Vec::new();
        let mut events = Vec::new();
        while events.is_empty() {
            events = consumer.poll(&mut records, 1, Duration::from_secs(1)).unwrap();
        }
        assert_eq!(events, [GroupEvent::Assigned(vec![only.clone()])]);
        assert!(records.is_empty());
        consumer.pause(std::slice::from_ref(&only)).unwrap();
        assert_eq!(consumer.position(&only).unwrap(), 2, "what the group has committed");
        consumer.seek(&only, Start::Offset(target)).unwrap();
        assert_eq!(consumer.position(&only).unwrap(), target);
        consumer.poll(&mut records, 10, Duration::from_millis(50)).unwrap();
        assert!(records.is_empty(), "it is paused");
        consumer.resume(std::slice::from_ref(&only)).unwrap();
        poll_until(&mut *consumer, &mut records, |consumer, _| consumer.position(&only).unwrap() == 6);
        assert_eq!(records.first().map(|record| record.offset), Some(target));
        consumer.seek(&only, Start::Offset(1)).unwrap();
        assert_eq!(consumer.position(&only).unwrap(), 1, "also backwards");
    }
}

fn a_reader_behind_retention_reaches_the_end(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let only = partition(&topic, 0);
    append_numbers(&*log, &topic, 0, 4);
    log.delete_records(&only, 4).unwrap();
    let mut consumer = log.consumer(None).unwrap();
    for start in [Start::Offset(1), Start::Earliest] {
        consumer.assign(&[(only.clone(), start)]).unwrap();
        assert!(read_to_end(&*log, &mut *consumer, &only).is_empty());
        assert_eq!(consumer.position(&only).unwrap(), 4);
    }
}

/// A group that has committed nothing would begin with the first record; whoever seeks at once must never see it.
fn a_group_without_offsets_reads_only_what_was_sought(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 4, Cleanup::Keep);
    let partitions: Vec<_> = (0..4).map(|number| partition(&topic, number)).collect();
    (0..4).for_each(|number| append_numbers(&*log, &topic, number, 10));
    for _ in 0..5 {
        let mut consumer = log.consumer(Some(&group(&unique("group")))).unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        let mut records = Vec::new();
        let assigned = poll_until(&mut *consumer, &mut records, |consumer, _| {
            partitions.iter().all(|partition| consumer.position(partition).is_ok())
        });
        assert_eq!(assigned, [GroupEvent::Assigned(partitions.clone())]);
        partitions.iter().for_each(|partition| consumer.seek(partition, Start::Offset(7)).unwrap());
        records.clear();
        poll_until(&mut *consumer, &mut records, |_, records| records.len() >= 12);
        assert!(records.iter().all(|record| record.offset >= 7), "{:?}", values(&records));
        assert!(partitions.iter().all(|partition| consumer.position(partition).unwrap() == 10));
    }
}
