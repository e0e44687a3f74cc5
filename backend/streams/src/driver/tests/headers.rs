//! The headers of what goes out: whom it came of.

use gavel_log::{Header, NewRecord};

use super::*;
use crate::dead_letters::{self, ATTEMPTS, CAUSE, ORIGIN};
use crate::processor::Cause;
use crate::task::CAUSATION;

fn header<'a>(record: &'a NewRecord, name: &str) -> Option<&'a str> {
    let found = record.headers.iter().find(|header| header.name == name)?;
    std::str::from_utf8(&found.value).ok()
}

#[test]
fn a_rejected_record_goes_to_the_dead_letters_with_its_origin() {
    let mut driver = TopologyTestDriver::new(&topology(), 1);
    let sent = Header { name: "correlation-id".into(), value: "c".into() };
    let tried = Header { name: ATTEMPTS.into(), value: "4".into() };
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
    assert_eq!(header(letter, CAUSE), Some("malformed"));
    assert_eq!(header(letter, ORIGIN), Some("stream/0/0"));
    assert_eq!(header(letter, ATTEMPTS), Some("5"));
    assert_eq!(header(letter, dead_letters::TOPOLOGY), Some(topology().name()));
    assert!(letter.headers.contains(&sent));
}

#[test]
fn what_was_sent_back_is_for_one_topology_and_time_for_all() {
    let declared = topology();
    for topology in [declared.clone(), declared.relocated("", "elsewhere.")] {
        let mut driver = TopologyTestDriver::new(&topology, 1);
        driver.pipe(STREAM, 0, "k", "at 10", START_MS).unwrap();
        driver.drain_outputs();
        for (to, append_ms) in [("another", START_MS + 20), (declared.name(), START_MS + 30)] {
            let headers = vec![Header { name: dead_letters::TOPOLOGY.into(), value: to.to_owned().into() }];
            driver.enqueue_record(STREAM, 0, Some("k".into()), Some("bad".into()), headers, append_ms).unwrap();
            driver.run().unwrap();
            assert_eq!(driver.partition_time_ms(0), append_ms);
        }
        let outputs = driver.drain_outputs();
        assert_eq!(outputs.len(), 2, "{outputs:?}");
        assert_eq!(
            header(&outputs[0], CAUSATION),
            Some("stream/0/1"),
            "a timer fired when that of the other passed by"
        );
        assert_eq!(header(&outputs[1], ORIGIN), Some("stream/0/2"), "that of the other was not tried");
        assert_eq!(header(&outputs[1], dead_letters::TOPOLOGY), Some(declared.name()));
    }
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

/// Keeps the first record's cause; at the second, and once the timer of `timer` fires, forwards on its behalf and then on
/// its own.
#[derive(Default)]
struct Keeper {
    kept: Option<Cause>,
}

impl Keeper {
    fn forward(context: &mut dyn Context, cause: Cause) {
        let forward = |context: &mut dyn Context, value| context.forward(0, "k".into(), Bytes::from_static(value));
        forward(&mut *context.on_behalf_of(cause), b"kept");
        forward(context, b"own");
    }
}

impl Processor for Keeper {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        match self.kept.clone() {
            None => self.kept = Some(record.cause()),
            Some(cause) => Self::forward(context, cause),
        }
        if record.value.as_deref() == Some(b"timer") {
            context.schedule(record.append_ms, Bytes::new());
        }
        Ok(())
    }

    fn punctuate(&mut self, context: &mut dyn Context, _timer: &Timer) -> Result<(), ProcessorError> {
        self.kept.take().into_iter().for_each(|cause| Self::forward(context, cause));
        Ok(())
    }
}

#[test]
fn what_is_forwarded_on_behalf_of_a_kept_record_has_its_headers() {
    let topology = Topology::builder("keeping").source("table", TABLE).source("stream", STREAM).clock("stream", "tick");
    let topology = topology.processor("keeper", Keeper::default, &["table", "stream"]).sink("out", "out", &["keeper"]);
    let mut driver = TopologyTestDriver::new(&topology.build().unwrap(), 1).with_unit_records(10);
    for (topic, value, id) in [(STREAM, "timer", "first"), (TABLE, "x", "second")] {
        let headers = ["correlation-id", "other"].map(|name| Header { name: name.into(), value: id.into() });
        driver.enqueue_record(topic, 0, Some("k".into()), Some(value.into()), headers.into(), START_MS).unwrap();
        driver.run().unwrap();
    }
    driver.run_until_quiet().unwrap();
    let seen: Vec<_> = driver.drain_outputs();
    let seen = seen.iter().map(|record| {
        assert!(record.headers.iter().all(|header| header.name != "other"));
        (record.value.as_deref().unwrap(), header(record, CAUSATION).unwrap(), header(record, "correlation-id"))
    });
    let expected: [(&[u8], _, _); 4] = [
        (b"kept", "stream/0/0", Some("first")),
        (b"own", "table/0/0", Some("second")),
        (b"kept", "stream/0/0", Some("first")),
        (b"own", "stream/0/1", None),
    ];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
}
