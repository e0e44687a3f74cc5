//! A record comes back as it was sent: key, value, nulls, headers in their order, bytes of any kind.

use std::borrow::Cow;

use bytes::Bytes;
use gavel_log::{Cleanup, Header, NewRecord};

use crate::subject::{Subject, append, commit, partition, read_all, topic};

promises!(a_record_comes_back_as_sent);

fn header(name: &'static str, value: &'static [u8]) -> Header {
    Header { name: Cow::Borrowed(name), value: Bytes::from_static(value) }
}

fn a_record_comes_back_as_sent(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let sent = |key: Option<&'static [u8]>, value: Option<&'static [u8]>, headers: Vec<Header>| NewRecord {
        topic: topic.clone(),
        partition: Some(0),
        key: key.map(Bytes::from_static),
        value: value.map(Bytes::from_static),
        headers,
    };
    let records = [
        sent(Some(b"key"), Some(b"value"), vec![header("b", b"1"), header("a", b""), header("b", b"2")]),
        sent(Some(b"tombstone"), None, vec![]),
        sent(None, Some(&[0, 255, 128]), vec![header("causation", &[0, 1])]),
        sent(Some(b""), Some(b""), vec![]),
        sent(None, None, vec![]),
    ];
    append(&*log, records[0].clone());
    commit(&*log, records[1..].to_vec());
    let read = read_all(&*log, &partition(&topic, 0));
    assert_eq!(read.len(), records.len());
    for (read, sent) in read.iter().zip(&records) {
        assert_eq!((&read.topic, read.partition), (&topic, 0));
        assert_eq!((&read.key, &read.value, &read.headers), (&sent.key, &sent.value, &sent.headers));
    }
    assert_eq!(read[0].header("b"), Some(&Bytes::from_static(b"1")), "the first of that name");
}
