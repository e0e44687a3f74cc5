//! Of each key of a compacted topic the last record stays, and so does its offset.

use std::sync::Arc;

use bytes::Bytes;
use gavel_log::{Cleanup, Log, NewRecord, Record};

use crate::subject::{Subject, append, commit, partition, read_all, record, topic};

promises!(the_last_of_each_key_stays, compaction_holds_over_a_restart);

fn fill(log: &dyn Log, topic: &Arc<str>) {
    let producer = log.producer().unwrap();
    for round in 0..20 {
        for key in ["a", "b", "c"] {
            producer.send(record(topic, 0, key, &format!("{key}{round}"))).wait().unwrap();
        }
    }
    commit(
        log,
        vec![
            record(topic, 0, "a", "superseded at once"),
            record(topic, 0, "a", "last"),
            NewRecord { value: None, ..record(topic, 0, "c", "") },
        ],
    );
    append(log, record(topic, 0, "d", "d"));
}

fn present(records: &[Record]) -> Vec<(String, Option<Bytes>)> {
    let mut last = std::collections::BTreeMap::new();
    for record in records {
        let key = String::from_utf8(record.key.clone().unwrap().to_vec()).unwrap();
        last.insert(key, record.value.clone());
    }
    last.into_iter().filter(|(_, value)| value.is_some()).collect()
}

fn expected() -> Vec<(String, Option<Bytes>)> {
    [("a", "last"), ("b", "b19"), ("d", "d")].map(|(key, value)| (key.to_owned(), Some(value.into()))).to_vec()
}

fn the_last_of_each_key_stays(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Compact);
    let only = partition(&topic, 0);
    fill(&*log, &topic);
    let before = read_all(&*log, &only);
    std::thread::sleep(std::time::Duration::from_millis(2)); // The tombstone's grace is zero: it goes a millisecond later.
    log.clean().unwrap();
    let after = read_all(&*log, &only);
    assert_eq!(present(&after), expected());
    assert!(after.iter().all(|record| before.contains(record)), "offsets and times are kept");
    if subject.cleans_at_once() {
        assert_eq!(after.len(), 3, "{after:?}");
    }
    let end = log.watermarks(&only).unwrap().stable_end;
    assert_eq!(append(&*log, record(&topic, 0, "b", "b20")).offset, end, "new records follow as before");
}

fn compaction_holds_over_a_restart(subject: &Subject) {
    let (topic, end) = {
        let log = subject.open();
        let topic = topic(&*log, 1, Cleanup::Compact);
        fill(&*log, &topic);
        // The very last record goes with the next cleaning; the partition's end must not.
        append(&*log, NewRecord { value: None, ..record(&topic, 0, "e", "") });
        std::thread::sleep(std::time::Duration::from_millis(2));
        log.clean().unwrap();
        let end = log.watermarks(&partition(&topic, 0)).unwrap().stable_end;
        (topic, end)
    };
    let log = subject.open();
    assert_eq!(log.watermarks(&partition(&topic, 0)).unwrap().stable_end, end);
    assert_eq!(present(&read_all(&*log, &partition(&topic, 0))), expected());
    assert_eq!(append(&*log, record(&topic, 0, "f", "f")).offset, end);
}
