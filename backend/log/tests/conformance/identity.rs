//! A log is known again, and by nobody else's name.

use gavel_log::Cleanup;

use crate::subject::{Subject, topic};

promises!(a_log_keeps_its_id);

fn a_log_keeps_its_id(subject: &Subject) {
    let log = subject.open();
    let id = log.id().unwrap();
    assert!(!id.is_empty());
    topic(&*log, 1, Cleanup::Keep);
    drop(log);
    assert_eq!(subject.open().id().unwrap(), id);
    assert_ne!(Subject::embedded().open().id().unwrap(), id, "another log");
}
