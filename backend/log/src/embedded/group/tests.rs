//! The coordinator step by step, with time as an argument.

use super::*;

const SESSION: Duration = Duration::from_secs(10);

fn joining(instance: Option<&str>) -> Joining {
    Joining {
        instance: instance.map(Into::into),
        topics: [("t".into(), 2)].into(),
        session_timeout: SESSION,
        wake: Arc::new(Condvar::new()),
    }
}

fn partitions(numbers: &[u32]) -> Vec<TopicPartition> {
    numbers.iter().map(|number| TopicPartition::new("t", *number)).collect()
}

/// A group with member 1, which owns both partitions.
fn group(instance: Option<&str>, now: Instant) -> Group {
    let mut group = Group::default();
    group.join(1, joining(instance), now);
    assert_eq!(group.poll(1, instance, now), Step::Assigned(partitions(&[0, 1])));
    group.polled(1, now);
    group
}

#[test]
fn nothing_is_handed_out_before_it_was_given_up() {
    let now = Instant::now();
    let mut group = group(None, now);
    let proof = group.membership("g".into(), 1);
    group.join(2, joining(None), now);
    assert_eq!(group.poll(2, None, now), Step::Nothing);
    assert_eq!(group.poll(1, None, now), Step::Revoked(partitions(&[0, 1])));
    assert_eq!(group.poll(2, None, now), Step::Nothing, "member 1 may still be committing");
    group.check(&proof).unwrap();
    assert_eq!(group.poll(1, None, now), Step::Assigned(partitions(&[0])));
    group.check(&proof).unwrap_err();
    assert_eq!(group.poll(2, None, now), Step::Assigned(partitions(&[1])));
}

#[test]
fn nothing_is_handed_out_while_a_commit_is_in_flight() {
    let now = Instant::now();
    let mut group = group(None, now);
    let proof = group.membership("g".into(), 1);
    group.commit_begins(&proof).unwrap();
    group.fall_silent(1, now);
    group.join(2, joining(None), now);
    assert_eq!(group.poll(2, None, now), Step::Nothing);
    assert!(!group.has_news(2));
    group.commit_ended();
    assert!(group.has_news(2));
    assert_eq!(group.poll(2, None, now), Step::Assigned(partitions(&[0, 1])));
    group.commit_begins(&proof).unwrap_err();
}

#[test]
fn silence_is_given_up_and_polling_is_not_silence() {
    let now = Instant::now();
    let mut group = group(None, now);
    group.join(2, joining(None), now);
    group.polled(2, now);
    assert_eq!(group.next_expiry(), Some(now + SESSION));
    let later = now + SESSION;
    assert_eq!(group.poll(2, None, later), Step::Expired, "it was silent as well");
    group.join(3, joining(None), later);
    assert_eq!(group.poll(3, None, later), Step::Assigned(partitions(&[0, 1])));
    assert_eq!(group.poll(1, None, later), Step::Expired);
    assert_eq!(group.poll(3, None, later + SESSION * 2), Step::Nothing, "one long poll is no silence");
    assert_eq!(group.next_expiry(), None);
}

#[test]
fn an_instance_takes_its_partitions_over_at_once() {
    let now = Instant::now();
    let mut group = group(Some("a"), now);
    let proof = group.membership("g".into(), 1);
    group.join(2, joining(Some("a")), now);
    group.check(&proof).unwrap_err();
    assert_eq!(group.poll(1, Some("a"), now), Step::Fenced);
    assert_eq!(group.poll(2, Some("a"), now), Step::Assigned(partitions(&[0, 1])));
    group.fall_silent(2, now);
    assert_eq!(group.next_expiry(), Some(now + SESSION), "it may come back");
}

#[test]
fn a_reader_that_only_commits_may_while_the_group_is_empty() {
    let now = Instant::now();
    let outsider = Membership { group: "g".into(), member: None };
    Group::default().check(&outsider).unwrap();
    group(None, now).check(&outsider).unwrap_err();
}
