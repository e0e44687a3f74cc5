//! Acknowledged means durable: a writer process is killed with SIGKILL, and all it had acknowledged is there.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use gavel_log::embedded::Strictness;
use gavel_log::{Cleanup, Log};

use crate::subject::{Subject, consumed, open_as_child, partition, read_all, record, topic};

promises!(what_was_acknowledged_survives_kill_9, what_was_committed_survives_kill_9);

#[test]
fn what_was_acknowledged_survives_kill_9_with_every_write_synced() {
    what_was_acknowledged_survives_kill_9(&Subject::embedded_and(Strictness::Fsync));
}

#[test]
fn what_was_committed_survives_kill_9_with_every_write_synced() {
    what_was_committed_survives_kill_9(&Subject::embedded_and(Strictness::Fsync));
}

/// Runs `durability::child` of this test binary as a writer in `mode` on `topic`.
fn spawn(subject: &Subject, mode: &str, topic: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "durability::child", "--nocapture", "--test-threads=1"])
        .env("GAVEL_TEST_CHILD", [mode, &subject.address(), topic].join("|"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The numbers a writer acknowledged before it was killed, at least `at_least` of them.
fn kill_after(mut child: Child, at_least: usize) -> Vec<u64> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut acknowledged = Vec::new();
    for line in lines {
        // A line cut by the kill is not "acked N."
        let number = line.strip_prefix("acked ").and_then(|rest| rest.strip_suffix('.'));
        acknowledged.extend(number.map(|number| number.parse::<u64>().unwrap()));
        if acknowledged.len() == at_least {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= at_least, "the writer ended early");
    acknowledged
}

fn what_was_acknowledged_survives_kill_9(subject: &Subject) {
    for round in 1..=3 {
        let topic = topic(&*subject.open(), 3, Cleanup::Keep);
        let acknowledged = kill_after(spawn(subject, "single", &topic), 200 * round);
        let log = subject.open();
        let there: HashSet<String> =
            (0..3).flat_map(|n| crate::subject::values(&read_all(&*log, &partition(&topic, n)))).collect();
        for number in acknowledged {
            assert!(there.contains(&number.to_string()), "{number} was acknowledged and is lost");
        }
    }
}

/// Each transaction writes its number to three partitions and commits it as an offset: none is torn, none lost.
fn what_was_committed_survives_kill_9(subject: &Subject) {
    for round in 1..=3 {
        let topic = topic(&*subject.open(), 3, Cleanup::Keep);
        let acknowledged = kill_after(spawn(subject, "transactions", &topic), 100 * round);
        let log = subject.open();
        // Fences the writer, which decides what it left open.
        drop(log.transactional_producer(&format!("{topic}-tx")).unwrap());
        let read = [0, 1, 2].map(|n| crate::subject::values(&read_all(&*log, &partition(&topic, n))));
        assert_eq!(read[0], read[1]);
        assert_eq!(read[1], read[2]);
        let expected: Vec<_> = (0..read[0].len()).map(|number| number.to_string()).collect();
        assert_eq!(read[0], expected, "in order, without gaps");
        assert!(read[0].len() as u64 > *acknowledged.last().unwrap());
        let offset = log.committed(&format!("{topic}-group"), &[partition(&topic, 0)]).unwrap()[0];
        assert_eq!(offset, Some(read[0].len() as u64), "the offset belongs to the last transaction");
    }
}

#[test]
#[ignore = "the writer process of the tests above"]
fn child() {
    let Ok(task) = std::env::var("GAVEL_TEST_CHILD") else { return };
    let [mode, address, topic] = task.split('|').collect::<Vec<_>>()[..] else { panic!("{task}") };
    let log = open_as_child(address);
    let mut out = std::io::stdout().lock();
    let mut acknowledge = |number: u64| {
        writeln!(out, "acked {number}.").unwrap();
        out.flush().unwrap();
    };
    match mode {
        "single" => write_singly(&*log, topic, &mut acknowledge),
        "transactions" => write_transactions(&*log, topic, &mut acknowledge),
        other => panic!("{other}"),
    }
}

fn write_singly(log: &dyn Log, topic: &str, acknowledge: &mut dyn FnMut(u64)) {
    let topic = topic.into();
    let producer = log.producer().unwrap();
    for first in (0_u64..).step_by(10) {
        let sent = (first..first + 10)
            .map(|n| (n, producer.send(record(&topic, u32::try_from(n % 3).unwrap(), "k", &n.to_string()))));
        for (number, delivery) in sent.collect::<Vec<_>>() {
            delivery.wait().unwrap();
            acknowledge(number);
        }
    }
}

fn write_transactions(log: &dyn Log, topic: &str, acknowledge: &mut dyn FnMut(u64)) {
    let name = format!("{topic}-group");
    let consumer = log.consumer(Some(&crate::subject::group(&name))).unwrap();
    let mut producer = log.transactional_producer(&format!("{topic}-tx")).unwrap();
    let topic = topic.into();
    for number in 0_u64.. {
        producer.begin().unwrap();
        for n in 0..3 {
            producer.send(record(&topic, n, "k", &number.to_string())).unwrap();
        }
        producer
            .send_offsets(&[consumed(&partition(&topic, 0), number + 1)], &consumer.group_metadata().unwrap())
            .unwrap();
        producer.commit().unwrap();
        acknowledge(number);
    }
}
