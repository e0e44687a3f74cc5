//! Dead letters that are corrected, sent back or discarded: each once, through the topology that had put it aside alone.

use std::sync::Arc;

use bytes::Bytes;
use gavel_log::{Header, NewRecord, TopicPartition};
use gavel_streams::dead_letters::{
    self, DeadLetter, DeadLetterError, Kind, Place, Resolution, Resolver, State, TOPIC_SUFFIX,
};
use gavel_streams::{Context, Processor, ProcessorError, Runtime, SourceRecord, Timer, Topology};

use crate::faulty::faulty;
use crate::harness::{House, PARTITIONS, eventually, line, wait_until_running};

crate::on_each_log!(
    a_letter_is_sent_back_once_to_its_topology_alone,
    one_that_fails_again_is_a_letter_with_more_attempts,
    who_begins_later_resolves_alone,
    what_cannot_be_sent_back_says_why,
);

/// Takes whatever comes.
struct Echo;

impl Processor for Echo {
    fn process(&mut self, context: &mut dyn Context, record: &SourceRecord) -> Result<(), ProcessorError> {
        context.forward(0, record.key.clone().unwrap(), record.value.clone().unwrap());
        Ok(())
    }

    fn punctuate(&mut self, _context: &mut dyn Context, _timer: &Timer) -> Result<(), ProcessorError> {
        Ok(())
    }
}

/// Another topology on the same stream, which goes to the same dead letters.
fn start_echo(house: &House) -> Runtime {
    let topology = Topology::builder(&house.topic("echo"))
        .source("stream", &house.topic("stream"))
        .processor("echo", || Echo, &["stream"])
        .sink("echoes", &house.topic("echoes"), &["echo"])
        .build()
        .unwrap();
    let echoes = gavel_log::TopicSpec {
        name: house.topic("echoes").into(),
        partitions: PARTITIONS,
        cleanup: gavel_log::Cleanup::Keep,
    };
    for spec in topology.topics(PARTITIONS).into_iter().chain([echoes]) {
        house.log.create_topic(&spec).unwrap();
    }
    Runtime::start(&house.log, &[topology], &house.options("echo")).unwrap()
}

fn topic(house: &House) -> String {
    house.topic("stream") + TOPIC_SUFFIX
}

fn begin(house: &House) -> Resolver {
    Resolver::begin(&house.log, &topic(house), "ann", &mut || true).unwrap()
}

/// The dead letters, once there are so many.
fn letters(house: &House, count: usize) -> Vec<DeadLetter> {
    let mut letters = Vec::new();
    eventually(&format!("{count} dead letters"), || {
        letters = dead_letters::read(&*house.log, &topic(house), &mut || true).unwrap();
        letters.len() >= count
    });
    assert_eq!(letters.len(), count, "{letters:?}");
    letters
}

fn a_letter_is_sent_back_once_to_its_topology_alone(house: &House) {
    let runtimes = [house.start(), start_echo(house)];
    for value in ["go", "bad", "go"] {
        house.append("stream", 1, "a", value);
    }
    let [letter] = &letters(house, 1)[..] else { unreachable!() };
    assert_eq!((&*letter.cause, letter.attempts, letter.kind), ("malformed", 1, Kind::Record));
    assert_eq!(letter.topology.as_deref(), Some(house.topology.name()));
    assert_eq!(letter.origin, Some(format!("{}/1/1", house.topic("stream")).parse().unwrap()));

    let mut resolver = begin(house);
    resolver.correct(&letter.place, "worse".into()).unwrap();
    resolver.correct(&letter.place, "fine".into()).unwrap();
    drop(resolver);
    let mut resolver = begin(house);
    assert_eq!(resolver.waiting().count(), 1);
    assert_eq!(Some(resolver.replay(&letter.place).unwrap()), letter.origin);
    assert_eq!(house.wait_for_outputs(3), ["a=go#1", "a=go#2", "a=fine#3"], "with the last correction");

    house.append("stream", 1, "a", "last");
    house.wait_for_outputs(4);
    let mut echoes = Vec::new();
    eventually("the other topology has all", || {
        echoes = house.read("echoes");
        echoes.len() >= 4
    });
    let echoes: Vec<String> = echoes.iter().map(line).collect();
    assert_eq!(echoes, ["a=go", "a=bad", "a=go", "a=last"], "it has had the record, and none is sent back to it");

    let resolved = &letters(house, 1)[0];
    assert!(
        matches!(&resolved.state, State::Resolved { resolution: Resolution::Replayed, by, at_ms } if by == "ann" && *at_ms > 0)
    );
    let original = dead_letters::fetch(&*house.log, &letter.place).unwrap().unwrap();
    assert_eq!(line(&original), "a=bad", "the original stays");
    let again = begin(house).replay(&letter.place).unwrap_err();
    assert!(matches!(again, DeadLetterError::Resolved { resolution: Resolution::Replayed, .. }), "{again}");
    let discard = begin(house).discard(&letter.place).unwrap_err();
    assert!(discard.to_string().contains("was replayed already, by ann"), "{discard}");
    runtimes.into_iter().for_each(Runtime::stop);
}

fn one_that_fails_again_is_a_letter_with_more_attempts(house: &House) {
    let runtime = house.start();
    let sent = Header { name: "correlation-id".into(), value: "c".into() };
    let record = NewRecord {
        topic: house.topic("stream").into(),
        partition: Some(0),
        key: Some("a".into()),
        value: Some("panic".into()),
        headers: vec![sent.clone()],
    };
    house.log.producer().unwrap().send(record).wait().unwrap();
    for attempts in 1..=3 {
        let letters = letters(house, attempts);
        let letter = letters.last().unwrap();
        assert_eq!((&*letter.cause, letter.attempts as usize), ("panic", attempts));
        let origin = house.read("stream").last().map(Place::of);
        assert_eq!(letter.origin, origin, "each is of the one before");
        let whole = dead_letters::fetch(&*house.log, &letter.place).unwrap().unwrap();
        assert!(whole.headers.contains(&sent) && line(&whole) == "a=panic", "{whole:?}");
        assert_eq!(letters.iter().filter(|letter| letter.state == State::Waiting).count(), 1);
        begin(house).replay(&letter.place).unwrap();
    }
    let last = letters(house, 4)[3].place.clone();
    begin(house).discard(&last).unwrap();
    assert!(letters(house, 4).iter().all(|letter| letter.state != State::Waiting));
    assert!(house.outputs().is_empty());
    runtime.stop();
}

fn who_begins_later_resolves_alone(house: &House) {
    let runtime = house.start();
    house.append("stream", 0, "a", "bad");
    let letter = letters(house, 1).remove(0);
    let (mut first, mut second) = (begin(house), begin(house));
    let refused = first.replay(&letter.place).unwrap_err();
    assert!(matches!(refused, DeadLetterError::Overtaken(_)), "{refused}");
    second.correct(&letter.place, "go".into()).unwrap();
    second.replay(&letter.place).unwrap();
    assert_eq!(house.wait_for_outputs(1), ["a=go#1"]);
    runtime.stop();
}

/// A letter as an older version or another place would have written it.
fn forge(house: &House, headers: &[(&'static str, &str)]) -> Place {
    let header = |&(name, value): &(&'static str, &str)| Header { name: name.into(), value: value.to_owned().into() };
    let headers = [("dead-letter-cause", "malformed")].iter().chain(headers).map(header).collect();
    let (topic, key) = (topic(house), Some("a".into()));
    let record = NewRecord { topic: topic.as_str().into(), partition: Some(0), key, value: None, headers };
    let appended = house.log.producer().unwrap().send(record).wait().unwrap();
    Place { partition: TopicPartition::new(topic, 0), offset: appended.offset }
}

fn what_cannot_be_sent_back_says_why(house: &House) {
    let origin = format!("{}/0/0", house.topic("stream"));
    let of_us = [("dead-letter-topology", house.topology.name()), ("dead-letter-origin", &*origin)];
    let timer = forge(house, &[&of_us[..], &[("dead-letter-kind", "timer")]].concat());
    let nameless = forge(house, &of_us[1..]);
    let elsewhere = forge(house, &[of_us[0], ("dead-letter-origin", "elsewhere/0/0")]);
    let gone = forge(house, &[&of_us[..], &[("dead-letter-kind", "cut")]].concat());
    let nowhere = Place { offset: gone.offset + 7, ..gone.clone() };
    let mut resolver = begin(house);
    for (place, words) in [
        (&timer, "is a timer"),
        (&nameless, "does not say which topology"),
        (&elsewhere, "runs beside"),
        (&gone, "is not at"),
        (&nowhere, "there is no dead letter at"),
    ] {
        let refusal = resolver.replay(place).unwrap_err().to_string();
        assert!(refusal.contains(words) && refusal.contains(&place.to_string()), "{refusal}");
    }
    assert!(matches!(resolver.correct(&timer, "x".into()), Err(DeadLetterError::Timer(_))));
    for place in [&timer, &nameless, &elsewhere, &gone] {
        resolver.discard(place).unwrap();
    }
    assert!(house.read("stream").is_empty(), "nothing went out");
    assert!(letters(house, 4).iter().all(|letter| letter.state != State::Waiting));
}

/// Its letter holds no value: with what is said of it, it would have been too large.
#[test]
fn one_that_was_cut_is_sent_back_from_its_origin() {
    let house = House::embedded();
    let runtime = house.start();
    let large = format!("twice {}", "x".repeat(gavel_log::RECORD_BYTES_MAX - 150));
    house.append("stream", 0, "a", &large);
    let letter = letters(&house, 1).remove(0);
    assert_eq!((&*letter.cause, letter.kind), ("output_too_large", Kind::Cut));
    assert_eq!(house.read("stream.dead-letters")[0].value, None);
    begin(&house).replay(&letter.place).unwrap();
    let again = letters(&house, 2).remove(1);
    assert_eq!((again.attempts, again.kind), (2, Kind::Cut));
    let sent = house.read("stream").pop().unwrap();
    assert_eq!(sent.value, Some(Bytes::from(large)), "as it was");
    let mut resolver = begin(&house);
    resolver.correct(&again.place, "go".into()).unwrap();
    resolver.replay(&again.place).unwrap();
    assert_eq!(house.wait_for_outputs(1), ["a=go#1"]);
    runtime.stop();
}

/// However the log fails, and whatever it leaves unsaid: who tries until it is resolved has sent it back once.
#[test]
fn a_failing_log_sends_no_letter_back_twice() {
    for seed in 0..20 {
        let mut house = House::embedded();
        let runtime = house.start();
        wait_until_running(&runtime);
        house.append("stream", 0, "a", "bad");
        let letter = letters(&house, 1).remove(0);
        begin(&house).correct(&letter.place, "go".into()).unwrap();
        let honest = Arc::clone(&house.log);
        (house.log, _) = faulty(&honest, Some(seed));
        eventually("it is resolved", || {
            let resolver = Resolver::begin(&house.log, &topic(&house), "ann", &mut || true);
            let replayed = resolver.and_then(|mut resolver| resolver.replay(&letter.place));
            matches!(replayed, Err(DeadLetterError::Resolved { .. }))
        });
        house.log = honest;
        house.append("stream", 0, "a", "last");
        assert_eq!(house.wait_for_outputs(2), ["a=go#1", "a=last#2"], "seed {seed}");
        runtime.stop();
    }
}
