//! The embedded log's disk at its worst: a torn tail, a flipped bit, a disk that takes no more.
//!
//! The torn tail is tried at many lengths, both cut off and filled with zeros, as a crash may leave it. After each the
//! log must hold a prefix of what was committed, whole transactions only, and must go on from there.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use gavel_log::embedded::{EmbeddedLog, EmbeddedOptions, Strictness};
use gavel_log::{Cleanup, ErrorClass, Log, LogError, NewRecord, TopicSpec};

use crate::subject::{append, options, partition, read_all, record, values};

const TRANSACTIONS: usize = 20;

fn create(log: &dyn Log, partitions: u32) -> Arc<str> {
    log.create_topic(&TopicSpec { name: "crash".into(), partitions, cleanup: Cleanup::Keep }).unwrap();
    "crash".into()
}

/// Fills a log with transactions over two partitions.
fn fill(folder: &Path) {
    let log = EmbeddedLog::open(folder, options()).unwrap();
    let topic = create(&*log, 2);
    let mut producer = log.transactional_producer("tx").unwrap();
    for number in 0..TRANSACTIONS {
        producer.begin().unwrap();
        for partition in [0, 1, 0] {
            producer.send(record(&topic, partition, "k", &number.to_string())).unwrap();
        }
        producer.commit().unwrap();
    }
}

/// The journal in a folder, and how much of it was written (it is laid out larger, with zeros).
fn journal(folder: &Path) -> (PathBuf, u64) {
    let is_journal = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "jnl");
    let path = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).find(is_journal).unwrap();
    let written = fs::read(&path).unwrap().iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    (path, written)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else if entry.path().extension().is_some_and(|extension| extension == "jnl") {
            let written = journal(from).1;
            fs::write(&target, &fs::read(entry.path()).unwrap()[..usize::try_from(written).unwrap()]).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// How many transactions are there; panics unless they are whole and the first ones.
fn whole_transactions(log: &dyn Log) -> usize {
    let topic: Arc<str> = "crash".into();
    let single = values(&read_all(log, &partition(&topic, 1)));
    let expected: Vec<_> = (0..single.len()).map(|number| number.to_string()).collect();
    assert_eq!(single, expected, "the first transactions, in order");
    let double: Vec<_> = expected.iter().flat_map(|number| [number.clone(), number.clone()]).collect();
    assert_eq!(values(&read_all(log, &partition(&topic, 0))), double, "whole transactions");
    single.len()
}

#[test]
fn a_torn_tail_leaves_whole_transactions() {
    let intact = tempfile::tempdir().unwrap();
    fill(intact.path());
    let written = journal(intact.path()).1;
    let mut before = TRANSACTIONS;
    let mut seen = std::collections::BTreeSet::new();
    for (round, torn) in (0..16).zip((written / 2..=written).rev().step_by(usize::try_from(written / 35).unwrap())) {
        let folder = tempfile::tempdir().unwrap();
        copy(intact.path(), folder.path());
        let file = OpenOptions::new().write(true).open(journal(folder.path()).0).unwrap();
        file.set_len(torn).unwrap();
        if round % 2 == 0 {
            file.set_len(written + 4096).unwrap();
        }
        drop(file);
        let log = EmbeddedLog::open(folder.path(), options()).unwrap();
        let there = whole_transactions(&*log);
        assert!(there <= before, "a shorter journal holds no more: {there} at {torn} of {written}");
        (before, _) = (there, seen.insert(there));
        append(&*log, record(&"crash".into(), 1, "k", &there.to_string()));
        append(&*log, record(&"crash".into(), 0, "k", &there.to_string()));
        append(&*log, record(&"crash".into(), 0, "k", &there.to_string()));
        drop(log);
        let log = EmbeddedLog::open(folder.path(), options()).unwrap();
        assert_eq!(whole_transactions(&*log), there + 1, "it went on from there");
    }
    assert!(seen.len() > 5, "the tears were inside the transactions: {seen:?}");
}

/// All but the last batch: a last one that cannot be read is a torn tail.
#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let intact = tempfile::tempdir().unwrap();
    fill(intact.path());
    let written = journal(intact.path()).1;
    append(&*EmbeddedLog::open(intact.path(), synced()).unwrap(), record(&"crash".into(), 1, "k", "20"));
    let mut noticed = 0;
    let step = usize::try_from(written / 250).unwrap();
    for (round, at) in (0_u32..).zip((0..written).step_by(step)) {
        let folder = tempfile::tempdir().unwrap();
        copy(intact.path(), folder.path());
        let file = File::options().read(true).write(true).open(journal(folder.path()).0).unwrap();
        let mut byte = [0];
        file.read_exact_at(&mut byte, at).unwrap();
        file.write_all_at(&[byte[0] ^ (1 << (round % 8))], at).unwrap();
        match EmbeddedLog::open(folder.path(), synced()) {
            Ok(log) => {
                let there = values(&read_all(&*log, &partition(&"crash".into(), 1)));
                assert_eq!(there.len(), TRANSACTIONS + 1, "lost without a word, by a bit of byte {at} of {written}");
            }
            Err(LogError::Corrupt(_)) => noticed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(noticed > 200, "only {noticed}");
}

fn synced() -> EmbeddedOptions {
    EmbeddedOptions { strictness: Strictness::Fsync, ..options() }
}

/// The disk is made to refuse by a limit on the size of files, just beyond the journal's first length.
#[test]
fn a_disk_that_fails_acknowledges_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    let limit_blocks = (64 << 20) / 512 + 2;
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("trap '' XFSZ; ulimit -f {limit_blocks}; exec \"$0\" --ignored --exact crash::child --nocapture"))
        .arg(std::env::current_exe().unwrap())
        .env("GAVEL_TEST_FOLDER", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines: Vec<_> = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok).collect();
    assert!(child.wait().unwrap().success(), "{lines:?}");
    let acknowledged = lines.iter().filter(|line| line.starts_with("acked")).count();
    let after: Vec<_> = lines.iter().skip_while(|line| !line.starts_with("refused")).collect();
    assert!(acknowledged > 10, "{lines:?}");
    assert_eq!(after.iter().filter(|line| line.starts_with("refused")).count(), 5, "nothing more: {after:?}");
    let log = EmbeddedLog::open(folder.path(), options()).unwrap();
    let there = read_all(&*log, &partition(&"crash".into(), 0));
    assert!(there.len() >= acknowledged, "{} of {acknowledged}", there.len());
    append(&*log, record(&"crash".into(), 0, "k", "well again"));
}

#[test]
#[ignore = "the writer process of the test above"]
fn child() {
    let Ok(folder) = std::env::var("GAVEL_TEST_FOLDER") else { return };
    let log = EmbeddedLog::open(folder, options()).unwrap();
    let topic = create(&*log, 1);
    let producer = log.producer().unwrap();
    let mut out = std::io::stdout().lock();
    let mut refusals = 0;
    for number in 0_u64.. {
        // Noise, so that it takes its full size wherever it is stored.
        let noise =
            (number * 200_000..).take(112_500).flat_map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let value = Some(Bytes::from_iter(noise));
        match producer.send(NewRecord { value, ..record(&topic, 0, "k", "") }).wait() {
            Ok(_) => writeln!(out, "\nacked {number}").unwrap(),
            Err(error) => {
                assert!(matches!(error, LogError::DiskFull(_)), "{error}");
                assert_eq!(error.class(), ErrorClass::Fatal);
                writeln!(out, "\nrefused: {error}").unwrap();
                refusals += 1;
            }
        }
        if refusals == 5 {
            break;
        }
    }
}
