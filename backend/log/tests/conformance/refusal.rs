//! What cannot be appended or read is refused with its reason, and harms nothing else.

use std::time::Duration;

use bytes::Bytes;
use gavel_log::{Cleanup, LogError, NewRecord, Start};

use crate::subject::{Subject, group, partition, read_all, record, topic, unique, values};

promises!(an_unknown_topic_is_refused, an_oversized_record_is_refused, misuse_is_refused);

fn an_unknown_topic_is_refused(subject: &Subject) {
    let log = subject.open();
    let missing: std::sync::Arc<str> = unique("missing").into();
    let unknown = |error: LogError| assert!(matches!(error, LogError::UnknownTopic(_)), "{error}");
    unknown(log.describe_topic(&missing).unwrap_err());
    unknown(log.watermarks(&partition(&missing, 0)).unwrap_err());
    unknown(log.producer().unwrap().send(record(&missing, 0, "k", "v")).wait().unwrap_err());
    let mut consumer = log.consumer(Some(&group(&unique("group")))).unwrap();
    unknown(consumer.assign(&[(partition(&missing, 0), Start::Earliest)]).unwrap_err());
    unknown(consumer.subscribe(&[&missing]).unwrap_err());
    let mut producer = log.transactional_producer(&unique("tx")).unwrap();
    producer.begin().unwrap();
    unknown(producer.send(record(&missing, 0, "k", "v")).unwrap_err());
    producer.abort().unwrap();
    assert!(!log.topics().unwrap().contains(&missing.to_string()), "asking does not create");
    let topic = topic(&*log, 1, Cleanup::Keep);
    unknown(log.watermarks(&partition(&topic, 1)).unwrap_err());
}

fn an_oversized_record_is_refused(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let sized = |bytes| NewRecord { value: Some(Bytes::from(vec![7; bytes])), ..record(&topic, 0, "k", "") };
    let producer = log.producer().unwrap();
    let refused = |error: LogError| assert!(matches!(error, LogError::RecordTooLarge { .. }), "{error}");
    refused(producer.send(sized(2 << 20)).wait().unwrap_err());
    let mut transactions = log.transactional_producer(&unique("tx")).unwrap();
    transactions.begin().unwrap();
    refused(transactions.send(sized(2 << 20)).unwrap_err());
    transactions.send(record(&topic, 0, "k", "others can")).unwrap();
    transactions.commit().unwrap();
    producer.send(sized(900 << 10)).wait().unwrap();
    producer.flush(Duration::from_secs(10)).unwrap();
    let records = read_all(&*log, &partition(&topic, 0));
    assert_eq!(values(&records[..1]), ["others can"]);
    assert_eq!(records[1].value.as_ref().map(Bytes::len), Some(900 << 10));
}

fn misuse_is_refused(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let misuse = |error: LogError| assert!(matches!(error, LogError::Misuse(_)), "{error}");
    let mut producer = log.transactional_producer(&unique("tx")).unwrap();
    misuse(producer.send(record(&topic, 0, "k", "v")).unwrap_err());
    misuse(producer.commit().unwrap_err());
    producer.begin().unwrap();
    misuse(producer.begin().unwrap_err());
    producer.abort().unwrap();
    let mut consumer = log.consumer(None).unwrap();
    misuse(consumer.position(&partition(&topic, 0)).unwrap_err());
    misuse(consumer.seek(&partition(&topic, 0), Start::Earliest).unwrap_err());
    misuse(consumer.pause(&[partition(&topic, 0)]).unwrap_err());
    misuse(consumer.resume(&[partition(&topic, 0)]).unwrap_err());
    misuse(consumer.subscribe(&[&topic]).unwrap_err());
    misuse(consumer.group_metadata().unwrap_err());
}
