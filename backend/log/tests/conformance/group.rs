//! Groups: `range` over co-partitioned topics, two-phase rebalance, static membership, silence.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use gavel_log::{Cleanup, Consumer, GroupConfig, GroupEvent, TopicPartition};

use crate::subject::{PATIENCE, Subject, append_numbers, consumed, group, partition, topic, unique, with_kafka};

promises!(
    two_members_share_co_partitioned_topics,
    the_rest_take_over_from_one_who_left,
    the_rest_take_over_from_one_who_fell_silent,
    the_rest_take_over_at_once_from_a_static_member_that_leaves,
    a_static_member_comes_back_without_a_rebalance,
    a_new_owner_sees_what_the_old_one_committed,
);

/// A member, and what it owns by its events.
struct Member {
    consumer: Box<dyn Consumer>,
    owned: BTreeSet<TopicPartition>,
    events: usize,
}

impl Member {
    fn new(consumer: Box<dyn Consumer>) -> Self {
        Self { consumer, owned: BTreeSet::new(), events: 0 }
    }

    fn poll(&mut self) {
        for event in self.consumer.poll(&mut Vec::new(), 100, Duration::from_millis(20)).unwrap() {
            self.events += 1;
            match event {
                GroupEvent::Assigned(partitions) => self.owned.extend(partitions),
                GroupEvent::Revoked(partitions) => partitions.iter().for_each(|lost| assert!(self.owned.remove(lost))),
            }
        }
    }
}

/// Polls all members until they own what is expected; no partition ever has two owners.
fn settle(members: &mut [&mut Member], done: impl Fn(&[&mut Member]) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done(members) {
        assert!(Instant::now() < deadline, "the group does not settle");
        for index in 0..members.len() {
            members[index].poll();
            let mut owners: BTreeMap<&TopicPartition, usize> = BTreeMap::new();
            members.iter().flat_map(|member| &member.owned).for_each(|owned| *owners.entry(owned).or_default() += 1);
            assert!(owners.values().all(|count| *count == 1), "two owners: {owners:?}");
        }
    }
}

fn two_members_share_co_partitioned_topics(subject: &Subject) {
    let log = subject.open();
    let (items, bids) = (topic(&*log, 5, Cleanup::Keep), topic(&*log, 5, Cleanup::Keep));
    let config = group(&unique("group"));
    let join = || {
        let mut consumer = log.consumer(Some(&config)).unwrap();
        consumer.subscribe(&[&items, &bids]).unwrap();
        Member::new(consumer)
    };
    let mut first = join();
    settle(&mut [&mut first], |members| members[0].owned.len() == 10);
    let mut second = join();
    settle(&mut [&mut first, &mut second], |members| {
        members.iter().all(|member| !member.owned.is_empty())
            && members.iter().map(|member| member.owned.len()).sum::<usize>() == 10
    });
    for member in [&first, &second] {
        let of = |topic: &str| -> Vec<u32> {
            member.owned.iter().filter(|owned| *owned.topic == *topic).map(|owned| owned.partition).collect()
        };
        assert_eq!(of(&items), of(&bids), "co-partitioned topics go alike");
        assert!(of(&items).windows(2).all(|pair| pair[0] + 1 == pair[1]), "range: consecutive partitions");
    }
    let mut shares = [first.owned.len(), second.owned.len()];
    shares.sort_unstable();
    assert_eq!(shares, [4, 6]);
}

fn the_rest_take_over_from_one_who_left(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 2, Cleanup::Keep);
    let config = group(&unique("group"));
    let join = || {
        let mut consumer = log.consumer(Some(&config)).unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        Member::new(consumer)
    };
    let (mut first, mut second) = (join(), join());
    settle(&mut [&mut first, &mut second], |members| members.iter().all(|member| member.owned.len() == 1));
    drop(first);
    settle(&mut [&mut second], |members| members[0].owned.len() == 2);
}

fn the_rest_take_over_from_one_who_fell_silent(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 2, Cleanup::Keep);
    let config = GroupConfig { session_timeout: Duration::from_secs(6), ..group(&unique("group")) };
    let silent_config = GroupConfig { instance: Some("silent".into()), ..config.clone() };
    let join = |config| {
        let mut consumer = log.consumer(Some(config)).unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        Member::new(consumer)
    };
    let (mut silent, mut living) = (join(&silent_config), join(&config));
    settle(&mut [&mut silent, &mut living], |members| members.iter().all(|member| member.owned.len() == 1));
    // A static member's close is silence: it might come back.
    drop(silent);
    let since = Instant::now();
    settle(&mut [&mut living], |members| members[0].owned.len() == 2);
    assert!(since.elapsed() > Duration::from_secs(3), "its session was waited for");
}

fn the_rest_take_over_at_once_from_a_static_member_that_leaves(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 2, Cleanup::Keep);
    // Nobody here waits that long.
    let lasting = GroupConfig { session_timeout: PATIENCE * 10, ..group(&unique("group")) };
    let join = |instance: &str| {
        let config = GroupConfig { instance: Some(instance.into()), ..lasting.clone() };
        let mut consumer = log.consumer(Some(&config)).unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        Member::new(consumer)
    };
    let (mut first, mut second) = (join("a"), join("b"));
    settle(&mut [&mut first, &mut second], |members| members.iter().all(|member| member.owned.len() == 1));
    first.consumer.leave();
    settle(&mut [&mut second], |members| members[0].owned.len() == 2);
    let mut again = join("a");
    settle(&mut [&mut second, &mut again], |members| members.iter().all(|member| member.owned.len() == 1));
}

fn a_static_member_comes_back_without_a_rebalance(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 2, Cleanup::Keep);
    let name = unique("group");
    let join = |instance: &str| {
        let config = GroupConfig { instance: Some(instance.into()), ..group(&name) };
        let mut consumer = log.consumer(Some(&config)).unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        Member::new(consumer)
    };
    let (mut first, mut second) = (join("a"), join("b"));
    settle(&mut [&mut first, &mut second], |members| members.iter().all(|member| member.owned.len() == 1));
    let (owned, undisturbed) = (first.owned.clone(), second.events);
    drop(first);
    let mut again = join("a");
    settle(&mut [&mut second, &mut again], |members| members[1].owned.len() == 1);
    assert_eq!(again.owned, owned, "the same partitions");
    assert_eq!(second.events, undisturbed, "the other noticed nothing");
}

fn a_new_owner_sees_what_the_old_one_committed(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 1, Cleanup::Keep);
    let only = partition(&topic, 0);
    let config = group(&unique("group"));
    append_numbers(&*log, &topic, 0, 10);
    let join = || {
        let mut consumer = log.consumer(Some(&config)).unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        Member::new(consumer)
    };
    for round in 1..=5 {
        let mut owner = join();
        settle(&mut [&mut owner], |members| members[0].owned.contains(&only));
        let mut producer = log.transactional_producer(&unique("tx")).unwrap();
        producer.begin().unwrap();
        producer.send_offsets(&[consumed(&only, round)], &owner.consumer.group_metadata().unwrap()).unwrap();
        producer.commit().unwrap();
        drop(owner);
        let mut next = log.consumer(Some(&config)).unwrap();
        next.subscribe(&[&topic]).unwrap();
        let mut records = Vec::new();
        crate::subject::poll_until(&mut *next, &mut records, |_, records| !records.is_empty());
        assert_eq!(records[0].offset, round);
    }
}

/// What happens at the same moment differs from time to time: so many at once, and again.
#[test]
fn a_member_of_kafka_leaves_in_the_middle_of_a_rebalance() {
    with_kafka(leave_in_the_middle_of_a_rebalance);
}

fn leave_in_the_middle_of_a_rebalance(subject: &Subject) {
    let log = subject.open();
    let topic = topic(&*log, 2, Cleanup::Keep);
    let join = |group: &str, instance: &str| {
        let config = GroupConfig { instance: Some(instance.into()), ..crate::subject::group(group) };
        let mut consumer = log.consumer(Some(&config)).unwrap();
        consumer.subscribe(&[&topic]).unwrap();
        Member::new(consumer)
    };
    let leave = || {
        let group = unique("group");
        let mut first = join(&group, "a");
        settle(&mut [&mut first], |members| members[0].owned.len() == 2);
        let mut second = join(&group, "b");
        let heard = first.events;
        while first.events == heard {
            first.poll();
        }
        // It has made room, and does not hear of its part.
        settle(&mut [&mut second], |members| members[0].owned.len() == 1);
        let (left, has_left) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            first.consumer.leave();
            left.send(())
        });
        has_left.recv_timeout(PATIENCE).expect("it leaves");
        settle(&mut [&mut second], |members| members[0].owned.len() == 2);
    };
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| (0..8).for_each(|_| leave()));
        }
    });
}
