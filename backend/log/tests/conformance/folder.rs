//! The embedded log's folder: one process at a time, clear words when it cannot be used.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gavel_log::embedded::EmbeddedLog;
use gavel_log::{Cleanup, ErrorClass, LogError};

use crate::subject::{append, options, partition, read_all, record, topic, values};

#[test]
fn a_second_process_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(folder.path(), options()).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "folder::child", "--nocapture"])
        .env("GAVEL_TEST_FOLDER", folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("is in use by another gavel process"), "{said}");
    topic(&*log, 1, Cleanup::Keep);
}

#[test]
#[ignore = "the second process of the test above"]
fn child() {
    let Ok(folder) = std::env::var("GAVEL_TEST_FOLDER") else { return };
    let Err(error) = EmbeddedLog::open(folder, options()) else { panic!("two processes have it open") };
    assert!(matches!(error, LogError::FolderInUse(_)), "{error}");
    std::io::Write::write_all(&mut std::io::stdout(), error.to_string().as_bytes()).unwrap();
}

#[test]
fn a_second_log_in_this_process_is_refused_quickly_and_opens_after_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let first = EmbeddedLog::open(folder.path(), options()).unwrap();
    let start = Instant::now();
    let Err(error) = EmbeddedLog::open(folder.path(), options()) else { panic!("it is open twice") };
    assert!(matches!(&error, LogError::FolderInUse(at) if at == folder.path()), "{error}");
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(start.elapsed() < Duration::from_secs(3));
    drop(first);
    drop(EmbeddedLog::open(folder.path(), options()).unwrap());
}

#[test]
fn an_unwritable_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a-file");
    std::fs::write(&file, "not a folder").unwrap();
    let Err(error) = EmbeddedLog::open(file.join("data"), options()) else { panic!("a file is no folder") };
    assert!(matches!(&error, LogError::Storage(_)), "{error}");
    assert!(error.to_string().contains("a-file"), "{error}");
}

/// A log whose handles are gone has let go of everything, threads and lock included.
#[test]
fn a_closed_log_can_be_opened_at_once() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        let log = EmbeddedLog::open(folder.path(), options()).unwrap();
        let producer = gavel_log::Log::producer(&*log).unwrap();
        assert_eq!(Arc::strong_count(&log), 1);
        drop(log);
        assert!(
            matches!(EmbeddedLog::open(folder.path(), options()), Err(LogError::FolderInUse(_))),
            "a producer holds it"
        );
        drop(producer);
    }
}

/// Whenever the very first start was killed, the next one makes a log.
#[test]
fn a_kill_while_the_log_is_made_does_no_harm() {
    for wait_us in (0..20_u64).map(|round| round * round * 100) {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "folder::maker", "--nocapture"])
            .env("GAVEL_TEST_FOLDER", folder.path())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(said.any(|line| line == "begins"));
        std::thread::sleep(Duration::from_micros(wait_us));
        child.kill().unwrap();
        child.wait().unwrap();
        use_it(folder.path());
    }
}

#[test]
#[ignore = "the process of the test above"]
fn maker() {
    let Ok(folder) = std::env::var("GAVEL_TEST_FOLDER") else { return };
    std::io::Write::write_all(&mut std::io::stdout(), b"\nbegins\n").unwrap();
    drop(EmbeddedLog::open(folder, options()));
}

/// What a kill may leave, piece by piece; what is not the log's stays.
#[test]
fn an_unfinished_log_is_made_again() {
    for leave in ["keyspaces/0/current", "version", "0.jnl", "lock", "keyspaces/1/tables/1"] {
        let folder = tempfile::tempdir().unwrap();
        let left = folder.path().join(leave);
        std::fs::create_dir_all(left.parent().unwrap()).unwrap();
        std::fs::write(left, "half").unwrap();
        std::fs::write(folder.path().join("gavel.unfinished"), "").unwrap();
        std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
        use_it(folder.path());
        assert_eq!(std::fs::read_to_string(folder.path().join("notes.txt")).unwrap(), "mine");
    }
}

/// The log can be made, and what is in it is there the next time.
fn use_it(folder: &Path) {
    let log = EmbeddedLog::open(folder, options()).unwrap();
    let topic = topic(&*log, 1, Cleanup::Keep);
    append(&*log, record(&topic, 0, "k", "kept"));
    drop(log);
    let log = EmbeddedLog::open(folder, options()).unwrap();
    assert_eq!(values(&read_all(&*log, &partition(&topic, 0))), ["kept"]);
}
