//! The embedded log's folder: one process at a time, clear words when it cannot be used.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gavel_log::embedded::EmbeddedLog;
use gavel_log::{Cleanup, ErrorClass, LogError};

use crate::subject::{options, topic};

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
