//! Creating a topic twice is fine; creating it differently is not.

use gavel_log::{Cleanup, Created, ErrorClass, LogError, TopicSpec};

use crate::subject::{Subject, unique};

promises!(a_topic_is_created_once, a_different_topic_is_refused, an_impossible_topic_is_refused);

fn a_topic_is_created_once(subject: &Subject) {
    let specs: Vec<_> = [Cleanup::Keep, Cleanup::Compact, Cleanup::Delete { retention_ms: 3_600_000 }]
        .into_iter()
        .map(|cleanup| TopicSpec { name: unique("once").into(), partitions: 3, cleanup })
        .collect();
    let log = subject.open();
    for spec in &specs {
        assert_eq!(log.create_topic(spec).unwrap(), Created::New);
        assert_eq!(log.create_topic(spec).unwrap(), Created::Existing);
    }
    drop(log);
    let log = subject.open();
    let names = log.topics().unwrap();
    assert!(names.is_sorted());
    for spec in &specs {
        assert!(names.iter().any(|name| **name == *spec.name));
        assert_eq!(log.describe_topic(&spec.name).unwrap(), *spec);
        assert_eq!(log.create_topic(spec).unwrap(), Created::Existing);
    }
}

fn a_different_topic_is_refused(subject: &Subject) {
    let log = subject.open();
    let spec = TopicSpec { name: unique("differs").into(), partitions: 3, cleanup: Cleanup::Keep };
    log.create_topic(&spec).unwrap();
    for other in [TopicSpec { partitions: 4, ..spec.clone() }, TopicSpec { cleanup: Cleanup::Compact, ..spec.clone() }]
    {
        let error = log.create_topic(&other).unwrap_err();
        assert!(matches!(&error, LogError::TopicDiffers { topic, .. } if **topic == *spec.name), "{error}");
        assert_eq!(error.class(), ErrorClass::Reject);
    }
    assert_eq!(log.describe_topic(&spec.name).unwrap(), spec);
}

fn an_impossible_topic_is_refused(subject: &Subject) {
    let log = subject.open();
    for (name, partitions) in [(unique("no/name"), 1), (unique("none"), 0), (String::new(), 1), ("x".repeat(250), 1)] {
        let spec = TopicSpec { name: name.as_str().into(), partitions, cleanup: Cleanup::Keep };
        let error = log.create_topic(&spec).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Reject, "{name}: {error}");
        assert!(matches!(log.describe_topic(&name), Err(LogError::UnknownTopic(_))));
    }
}
