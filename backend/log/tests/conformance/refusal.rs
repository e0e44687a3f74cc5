//! What cannot be appended or read is refused with its reason, and harms nothing else.

use std::time::Duration;

use bytes::Bytes;
use gavel_log::{Cleanup, Header, LogError, NewRecord, RECORD_BYTES_MAX, Start};

use crate::subject::{Subject, group, partition, read_all, record, topic, unique, values};

promises!(an_unknown_topic_is_refused, the_largest_record_fits_and_a_larger_one_is_refused, misuse_is_refused);

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

fn the_largest_record_fits_and_a_larger_one_is_refused(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let sized = |size_bytes: usize| {
        let header = Header { name: "name".into(), value: Bytes::from_static(b"value") };
        let small = NewRecord { headers: vec![header], ..record(&topic, 0, "k", "") };
        NewRecord { value: Some(Bytes::from(noise(size_bytes - small.size_bytes()))), ..small }
    };
    let refused = |error: LogError| {
        let expected = format!("a record of {} bytes is larger than the log takes (1000000)", RECORD_BYTES_MAX + 1);
        assert!(matches!(error, LogError::RecordTooLarge { .. }), "{error}");
        assert_eq!(error.to_string(), expected);
    };
    let producer = log.producer().unwrap();
    refused(producer.send(sized(RECORD_BYTES_MAX + 1)).wait().unwrap_err());
    let mut transactions = log.transactional_producer(&unique("tx")).unwrap();
    transactions.begin().unwrap();
    refused(transactions.send(sized(RECORD_BYTES_MAX + 1)).unwrap_err());
    transactions.send(record(&topic, 0, "k", "others can")).unwrap();
    transactions.send(sized(RECORD_BYTES_MAX)).unwrap();
    transactions.commit().unwrap();
    producer.send(sized(RECORD_BYTES_MAX)).wait().unwrap();
    producer.flush(Duration::from_secs(10)).unwrap();
    let records = read_all(&*log, &partition(&topic, 0));
    assert_eq!(values(&records[..1]), ["others can"]);
    for read in &records[1..] {
        assert_eq!(read.value, sized(RECORD_BYTES_MAX).value);
    }
    assert_eq!(records.len(), 3);
}

/// Bytes that do not compress.
fn noise(bytes: usize) -> Vec<u8> {
    let words = (1_u64..).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
    words.flat_map(|word| word.wrapping_mul(word | 1).to_le_bytes()).take(bytes).collect()
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
