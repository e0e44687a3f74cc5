//! A newer owner fences the older: by transactional id, by group generation, by instance id.

use std::time::Duration;

use gavel_log::{Cleanup, ErrorClass, GroupConfig, LogError};

use crate::subject::{
    PATIENCE, Subject, append, consumed, group, partition, poll_until, read_all, record, topic, unique, values,
};

promises!(
    a_newer_producer_fences_the_older,
    a_member_the_group_left_behind_cannot_commit,
    a_second_instance_fences_the_first,
);

fn fenced(error: &LogError) {
    assert!(matches!(error, LogError::Fenced(_)), "{error}");
    assert_eq!(error.class(), ErrorClass::Fatal);
}

fn a_newer_producer_fences_the_older(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let id = unique("tx");
    let mut zombie = log.transactional_producer(&id).unwrap();
    zombie.begin().unwrap();
    zombie.send(record(&topic, 0, "k", "zombie")).unwrap();
    let mut owner = log.transactional_producer(&id).unwrap();
    fenced(&zombie.commit().unwrap_err());
    owner.begin().unwrap();
    owner.send(record(&topic, 0, "k", "owner")).unwrap();
    owner.commit().unwrap();
    assert_eq!(values(&read_all(&*log, &partition(&topic, 0))), ["owner"]);
}

fn a_member_the_group_left_behind_cannot_commit(subject: &Subject) {
    let log = subject.open();
    let (source, sink) = (topic(&*log, 1, Cleanup::Keep), topic(&*log, 1, Cleanup::Keep));
    append(&*log, record(&source, 0, "k", "input"));
    let name = unique("group");
    let mut zombie = log.consumer(Some(&group(&name))).unwrap();
    zombie.subscribe(&[&source]).unwrap();
    poll_until(&mut *zombie, &mut Vec::new(), |_, records| !records.is_empty());
    let stale = zombie.group_metadata().unwrap();
    drop(zombie);
    let mut owner = log.consumer(Some(&group(&name))).unwrap();
    owner.subscribe(&[&source]).unwrap();
    poll_until(&mut *owner, &mut Vec::new(), |_, records| !records.is_empty());
    let mut producer = log.transactional_producer(&unique("tx")).unwrap();
    producer.begin().unwrap();
    producer.send(record(&sink, 0, "k", "zombie")).unwrap();
    let outcome =
        producer.send_offsets(&[consumed(&partition(&source, 0), 1)], &stale).and_then(|()| producer.commit());
    let error = outcome.unwrap_err();
    assert!(matches!(error, LogError::Fenced(_) | LogError::TransactionAborted(_)), "{error}");
    drop(producer);
    assert!(read_all(&*log, &partition(&sink, 0)).is_empty());
    assert_eq!(log.committed(&name, &[partition(&source, 0)]).unwrap(), [None]);
}

fn a_second_instance_fences_the_first(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    append(&*log, record(&topic, 0, "k", "v"));
    let config = GroupConfig { instance: Some("one".into()), ..group(&unique("group")) };
    let mut first = log.consumer(Some(&config)).unwrap();
    first.subscribe(&[&topic]).unwrap();
    poll_until(&mut *first, &mut Vec::new(), |_, records| !records.is_empty());
    let mut second = log.consumer(Some(&config)).unwrap();
    second.subscribe(&[&topic]).unwrap();
    poll_until(&mut *second, &mut Vec::new(), |_, records| !records.is_empty());
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        match first.poll(&mut Vec::new(), 10, Duration::from_millis(100)) {
            Err(error) => break fenced(&error),
            Ok(_) => assert!(std::time::Instant::now() < deadline, "the first was not fenced"),
        }
    }
    for _ in 0..3 {
        fenced(&first.poll(&mut Vec::new(), 10, Duration::from_millis(100)).unwrap_err());
    }
}
