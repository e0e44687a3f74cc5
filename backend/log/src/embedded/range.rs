//! Kafka's `range` assignor: topic by topic, members in the order of their names get consecutive partitions, the first
//! ones one more if it does not come out even. So equal partitions of co-partitioned topics go to the same member.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::port::TopicPartition;

/// Assigns the partitions of all topics to the members subscribed to them. Topics come with their partition counts.
pub(super) fn assign<M: Ord + Clone>(
    subscriptions: &BTreeMap<M, BTreeMap<Arc<str>, u32>>,
) -> BTreeMap<M, Vec<TopicPartition>> {
    let mut subscribers: BTreeMap<(&Arc<str>, u32), Vec<&M>> = BTreeMap::new();
    for (member, topics) in subscriptions {
        for (topic, partitions) in topics {
            subscribers.entry((topic, *partitions)).or_default().push(member);
        }
    }
    let mut assignment: BTreeMap<M, Vec<TopicPartition>> = BTreeMap::new();
    for ((topic, partitions), members) in subscribers {
        let count = u32::try_from(members.len()).expect("a process has fewer than 2^32 consumers");
        let mut next = 0;
        for (member, index) in members.into_iter().zip(0..) {
            let share = partitions / count + u32::from(index < partitions % count);
            let owned = assignment.entry(member.clone()).or_default();
            owned.extend((next..next + share).map(|partition| TopicPartition::new(Arc::clone(topic), partition)));
            next += share;
        }
    }
    assignment
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assigned(members: &[(&str, &[(&str, u32)])]) -> Vec<(String, String)> {
        let subscriptions = members.iter().map(|(member, topics)| {
            ((*member).to_owned(), topics.iter().map(|(topic, count)| (Arc::from(*topic), *count)).collect())
        });
        let assignment = assign(&subscriptions.collect());
        let words =
            |partitions: Vec<TopicPartition>| partitions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assignment.into_iter().map(|(member, partitions)| (member, words(partitions))).collect()
    }

    #[test]
    fn co_partitioned_topics_go_alike_and_the_first_get_the_rest() {
        let both: &[(&str, u32)] = &[("items", 3), ("bids", 3)];
        assert_eq!(
            assigned(&[("a", both), ("b", both)]),
            [("a".into(), "bids/0 bids/1 items/0 items/1".into()), ("b".into(), "bids/2 items/2".into())]
        );
    }

    #[test]
    fn a_topic_goes_to_its_subscribers_only() {
        assert_eq!(
            assigned(&[("a", &[("x", 2)]), ("b", &[("x", 2), ("y", 1)]), ("c", &[("y", 1)])]),
            [("a".into(), "x/0".into()), ("b".into(), "x/1 y/0".into()), ("c".into(), String::new())]
        );
    }
}
