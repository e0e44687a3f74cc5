//! The headers of what goes out: whom it came of.

use gavel_log::{Header, NewRecord};

use super::*;
use crate::task::{CAUSATION, DEAD_LETTER_ATTEMPTS, DEAD_LETTER_CAUSE, DEAD_LETTER_ORIGIN};

fn header<'a>(record: &'a NewRecord, name: &str) -> Option<&'a str> {
    let found = record.headers.iter().find(|header| header.name == name)?;
    std::str::from_utf8(&found.value).ok()
}

#[test]
fn a_rejected_record_goes_to_the_dead_letters_with_its_origin() {
    let mut driver = TopologyTestDriver::new(&topology(), 1);
    let sent = Header { name: "correlation-id".into(), value: "c".into() };
    let tried = Header { name: DEAD_LETTER_ATTEMPTS.into(), value: "4".into() };
    driver
        .enqueue_record(STREAM, 0, Some("k".into()), Some("bad".into()), vec![sent.clone(), tried], START_MS)
        .unwrap();
    driver.run().unwrap();
    let outputs = driver.drain_outputs();
    let [letter] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(
        (&*letter.topic, letter.key.as_deref(), letter.value.as_deref()),
        ("stream.dead-letters", Some(&b"k"[..]), Some(&b"bad"[..]))
    );
    assert_eq!(header(letter, DEAD_LETTER_CAUSE), Some("malformed"));
    assert_eq!(header(letter, DEAD_LETTER_ORIGIN), Some("stream/0/0"));
    assert_eq!(header(letter, DEAD_LETTER_ATTEMPTS), Some("5"));
    assert!(letter.headers.contains(&sent));
}

#[test]
fn an_output_names_its_cause_and_inherits_its_correlation() {
    let mut driver = TopologyTestDriver::new(&topology(), 1);
    let headers =
        ["correlation-id", "traceparent", "other"].map(|name| Header { name: name.into(), value: name.into() });
    driver.enqueue_record(STREAM, 0, Some("k".into()), Some("at 1".into()), headers.into(), START_MS).unwrap();
    driver.run_until_quiet().unwrap();
    let outputs = driver.drain_outputs();
    let names = |record: &NewRecord| record.headers.iter().map(|header| header.name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&outputs[0]), [CAUSATION, "correlation-id", "traceparent"]);
    assert_eq!(header(&outputs[0], CAUSATION), Some("stream/0/0"));
    assert_eq!(names(&outputs[1]), [CAUSATION], "a timer is another matter than the record that made it due");
    assert_eq!(header(&outputs[1], CAUSATION), Some("stream/0/1"));
}
