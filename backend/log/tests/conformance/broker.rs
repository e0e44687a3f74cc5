//! What only Kafka can do wrong: topics that others made or set otherwise, a record that the broker refuses.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_executor::block_on;
use gavel_log::kafka::{KafkaLog, KafkaOptions};
use gavel_log::{Cleanup, Log, LogError, NewRecord, Start, TopicSpec, TransactionalProducer};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;

use crate::subject::{
    PATIENCE, Subject, append, consumed, group, partition, poll_until, read_all, record, topic, unique, values,
    with_kafka,
};

type Admin = AdminClient<DefaultClientContext>;

fn admin(subject: &Subject) -> Admin {
    let address = subject.address();
    let bootstrap = address.split_once(':').unwrap().1;
    ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap()
}

/// Makes a topic as somebody else might, and waits until all brokers know it.
fn create(log: &dyn Log, admin: &Admin, settings: &[(&str, &str)]) -> Arc<str> {
    let name: Arc<str> = unique("other").into();
    let topic = NewTopic::new(&name, 1, TopicReplication::Fixed(1));
    let topic = settings.iter().fold(topic, |topic, (name, value)| topic.set(name, value));
    block_on(admin.create_topics([&topic], &AdminOptions::new())).unwrap().pop().unwrap().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !log.topics().unwrap().iter().any(|known| **known == *name) || log.end(&partition(&name, 0)).is_err() {
        assert!(Instant::now() < deadline, "the topic stays unknown");
        std::thread::sleep(Duration::from_millis(10));
    }
    name
}

/// The broker itself would end an open transaction after ten seconds; this one is to bear it longer than anybody waits.
fn bearing_long_transactions(subject: &Subject) -> Arc<KafkaLog> {
    let address = subject.address();
    let bootstrap = address.split_once(':').unwrap().1;
    let transaction_timeout = PATIENCE * 10;
    KafkaLog::connect(bootstrap, KafkaOptions { transaction_timeout, ..KafkaOptions::default() }).unwrap()
}

#[test]
fn a_new_owner_ends_what_a_vanished_one_left_open() {
    with_kafka(|subject| {
        let log = bearing_long_transactions(subject);
        let (source, sink) = (topic(&*log, 1, Cleanup::Keep), topic(&*log, 1, Cleanup::Keep));
        append(&*log, record(&source, 0, "k", "input"));
        let config = group(&unique("group"));
        let mut member = log.consumer(Some(&config)).unwrap();
        member.subscribe(&[&source]).unwrap();
        poll_until(&mut *member, &mut Vec::new(), |_, records| !records.is_empty());
        let mut vanished = log.transactional_producer(&unique("tx")).unwrap();
        let only = partition(&source, 0);
        for next in 1..=2 {
            vanished.begin().unwrap();
            vanished.send_offsets(&[consumed(&only, next)], &member.group_metadata().unwrap()).unwrap();
            vanished.send(record(&sink, 0, "k", &next.to_string())).unwrap();
            if next == 1 {
                vanished.commit().unwrap();
            }
        }
        assert_eq!(log.take_over(&config.group, &[only], "new").unwrap(), [Some(1)]);
        append(&*log, record(&sink, 0, "k", "after"));
        assert_eq!(values(&read_all(&*log, &partition(&sink, 0))), ["1", "after"]);
        assert!(matches!(vanished.commit().unwrap_err(), LogError::Fenced(_)));
    });
}

/// It had committed nothing, but said that the partition was its own.
#[test]
fn a_new_owner_ends_what_a_vanished_one_left_open_in_its_first_transaction() {
    with_kafka(|subject| {
        let log = bearing_long_transactions(subject);
        let source = topic(&*log, 1, Cleanup::Keep);
        append(&*log, record(&source, 0, "k", "input"));
        let (config, only, owner) = (group(&unique("group")), partition(&source, 0), unique("tx"));
        let mut member = log.consumer(Some(&config)).unwrap();
        member.subscribe(&[&source]).unwrap();
        poll_until(&mut *member, &mut Vec::new(), |_, records| !records.is_empty());
        let mut vanished = log.transactional_producer(&owner).unwrap();
        member.claim(&[consumed(&only, 0)], &owner).unwrap();
        vanished.begin().unwrap();
        vanished.send_offsets(&[consumed(&only, 1)], &member.group_metadata().unwrap()).unwrap();
        assert_eq!(log.take_over(&config.group, &[only], "new").unwrap(), [Some(0)]);
        assert!(matches!(vanished.commit().unwrap_err(), LogError::Fenced(_)));
    });
}

/// Of what it takes over, only who keeps something undecided is fenced: the others may have gone on with less.
#[test]
fn a_new_owner_leaves_those_alone_who_left_nothing_open() {
    with_kafka(|subject| {
        let log = bearing_long_transactions(subject);
        let source = topic(&*log, 2, Cleanup::Keep);
        let config = group(&unique("group"));
        let mut member = log.consumer(Some(&config)).unwrap();
        member.subscribe(&[&source]).unwrap();
        while member.poll(&mut Vec::new(), 1, PATIENCE).unwrap().is_empty() {}
        let parts = [partition(&source, 0), partition(&source, 1)];
        let mut owners = parts.each_ref().map(|part| {
            let mut producer = log.transactional_producer(&unique("tx")).unwrap();
            producer.begin().unwrap();
            producer.send_offsets(&[consumed(part, 1)], &member.group_metadata().unwrap()).unwrap();
            producer.commit().unwrap();
            producer.begin().unwrap();
            producer
        });
        let [living, vanished] = &mut owners;
        vanished.send_offsets(&[consumed(&parts[1], 2)], &member.group_metadata().unwrap()).unwrap();
        assert_eq!(log.take_over(&config.group, &parts, "new").unwrap(), [Some(1), Some(1)]);
        assert!(matches!(vanished.commit().unwrap_err(), LogError::Fenced(_)));
        living.send(record(&source, 0, "k", "on")).unwrap();
        living.commit().unwrap();
    });
}

#[test]
fn a_topic_of_another_kind_is_named() {
    with_kafka(|subject| {
        let (log, admin) = (subject.open(), admin(subject));
        let time = ("message.timestamp.type", "LogAppendTime");
        for (settings, named) in [
            (&[("retention.ms", "-1")][..], "message.timestamp.type"),
            (&[time, ("cleanup.policy", "compact,delete")], "cleanup.policy"),
            (&[time, ("retention.ms", "-1"), ("retention.bytes", "1000000")], "retention.bytes"),
        ] {
            let name = create(&*log, &admin, settings);
            let spec = TopicSpec { name: name.clone(), partitions: 1, cleanup: Cleanup::Keep };
            for error in [log.describe_topic(&name).unwrap_err(), log.create_topic(&spec).unwrap_err()] {
                assert!(matches!(error, LogError::TopicDiffers { .. }), "{error}");
                assert!(error.to_string().contains(named), "{error}");
            }
        }
    });
}

#[test]
fn a_clients_time_is_not_read() {
    with_kafka(|subject| {
        let (log, admin) = (subject.open(), admin(subject));
        let name = create(&*log, &admin, &[("message.timestamp.type", "CreateTime")]);
        append(&*log, record(&name, 0, "k", "v"));
        let mut consumer = log.consumer(None).unwrap();
        consumer.assign(&[(partition(&name, 0), Start::Earliest)]).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let mut records = Vec::new();
        let mut refusals = 0;
        while refusals < 3 {
            assert!(Instant::now() < deadline, "it was not refused");
            match consumer.poll(&mut records, 10, Duration::from_millis(200)) {
                Ok(_) => assert_eq!(refusals, 0, "what was refused is passed over"),
                Err(LogError::TopicDiffers { .. }) => refusals += 1,
                Err(error) => panic!("{error}"),
            }
        }
        assert!(records.is_empty());
    });
}

#[test]
fn a_compacted_topic_is_compacted_soon() {
    with_kafka(|subject| {
        let (log, admin) = (subject.open(), admin(subject));
        let name = topic(&*log, 1, Cleanup::Compact);
        let answer = block_on(admin.describe_configs(&[ResourceSpecifier::Topic(&name)], &AdminOptions::new()));
        let config = answer.unwrap().pop().unwrap().unwrap();
        let value = |name: &str| config.get(name).unwrap().value.clone().unwrap().parse::<f64>().unwrap();
        assert!(value("segment.ms") <= 600_000.0);
        assert!(value("segment.bytes") <= 16_777_216.0);
        assert!(value("min.cleanable.dirty.ratio") <= 0.1);
    });
}

/// The broker refuses a record after the send; what is sent then finds the transaction lost, and the next one is well.
#[test]
fn a_transaction_that_failed_in_the_background_wants_its_abort() {
    with_kafka(|subject| {
        let (log, admin) = (subject.open(), admin(subject));
        let narrow =
            create(&*log, &admin, &[("message.timestamp.type", "LogAppendTime"), ("max.message.bytes", "1000")]);
        let large = NewRecord {
            value: Some(Bytes::from_iter((0_u32..5000).flat_map(u32::to_le_bytes))),
            ..record(&narrow, 0, "k", "")
        };
        let error = log.producer().unwrap().send(large.clone()).wait().unwrap_err();
        assert!(error.to_string().starts_with("a record of 20001 bytes is larger"), "{error}");
        let mut producer = log.transactional_producer(&unique("tx")).unwrap();
        producer.begin().unwrap();
        producer.send(large).unwrap();
        let deadline = Instant::now() + PATIENCE;
        let error = loop {
            assert!(Instant::now() < deadline, "the refusal does not show");
            if let Err(error) = producer.send(record(&narrow, 0, "k", "lost")) {
                break error;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert!(matches!(error, LogError::TransactionAborted(_)), "{error}");
        let since = Instant::now();
        let error = producer.commit().unwrap_err();
        assert!(matches!(error, LogError::TransactionAborted(_)), "{error}");
        assert!(since.elapsed() < Duration::from_secs(5), "the lost records were waited for");
        producer.abort().unwrap();
        // The gap that the refused record left may cost the next transaction too.
        while let Err(error) = try_once(&mut *producer, record(&narrow, 0, "k", "next")) {
            assert!(Instant::now() < deadline, "no transaction gets through: {error}");
            assert!(matches!(error, LogError::TransactionAborted(_)), "{error}");
            producer.abort().unwrap();
        }
        assert_eq!(values(&read_all(&*log, &partition(&narrow, 0))), ["next"]);
    });
}

fn try_once(producer: &mut dyn TransactionalProducer, record: NewRecord) -> Result<(), LogError> {
    producer.begin()?;
    producer.send(record)?;
    producer.commit()
}
