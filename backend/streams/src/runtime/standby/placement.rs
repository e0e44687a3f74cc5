//! Which partitions are kept warm where: those that the range assignor would give a process if their owner went.
//!
//! Every process computes it from what all say of themselves. Where they disagree for a moment, a partition is kept warm
//! twice, or not at all: that costs time, never an outcome.

use std::collections::{BTreeMap, BTreeSet};

use crate::presence::Report;

/// The members of one topology's group: by their names, as the assignor sorts static members, the process of each.
pub(super) type Members = BTreeMap<String, String>;

/// The name of a thread among all that run a topology.
pub(in crate::runtime) fn member(topology: &str, instance: &str, thread: usize) -> String {
    format!("gavel.{topology}.{instance}.{thread}")
}

/// The members as the living processes say.
pub(super) fn members<'a>(live: impl Iterator<Item = &'a Report>, topology: &str) -> Members {
    let mut members = Members::new();
    for report in live {
        let threads = report.status.threads.iter().filter(|thread| thread.topology == topology);
        for (thread, _) in threads.enumerate().filter(|(_, status)| status.running) {
            members.insert(member(topology, &report.instance, thread), report.instance.clone());
        }
    }
    members
}

/// The partitions of a topology that an instance is to keep warm, where each has so many standbys.
pub(super) fn kept_warm(members: &Members, partitions: u32, instance: &str, standbys: usize) -> BTreeSet<u32> {
    let is_heir =
        |partition: &u32| heirs(members.clone(), partitions, *partition, standbys).any(|heir| heir == instance);
    (0..partitions).filter(is_heir).collect()
}

/// Who would own a partition next, and who after that.
fn heirs(mut members: Members, partitions: u32, partition: u32, count: usize) -> impl Iterator<Item = String> {
    let mut gone = owner(&members, partitions, partition);
    let next = move || {
        let last = gone.take()?;
        members.retain(|_, instance| *instance != last);
        gone = owner(&members, partitions, partition);
        gone.clone()
    };
    std::iter::from_fn(next).take(count)
}

/// Whom the range assignor gives a partition: consecutive ones to each, one more to the first ones.
fn owner(members: &Members, partitions: u32, partition: u32) -> Option<String> {
    let count = u32::try_from(members.len()).ok().filter(|&count| count > 0)?;
    let (share, rest) = (partitions / count, partitions % count);
    let with_one_more = rest * (share + 1);
    let index = match partition {
        early if early < with_one_more => early / (share + 1),
        late => rest + (late - with_one_more) / share.max(1),
    };
    members.values().nth(index as usize).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(instances: &[(&str, usize)]) -> Members {
        let members = instances.iter().flat_map(|(instance, threads)| {
            (0..*threads).map(|thread| (member("t", instance, thread), (*instance).to_owned()))
        });
        members.collect()
    }

    fn warm(members: &Members, partitions: u32, instance: &str, standbys: usize) -> Vec<u32> {
        kept_warm(members, partitions, instance, standbys).into_iter().collect()
    }

    #[test]
    fn it_is_the_range_assignors_next_choice() {
        let (two, three) = (of(&[("a", 1), ("b", 1)]), of(&[("a", 1), ("b", 1), ("c", 1)]));
        // Members, partitions, process, standbys of each partition, what it keeps warm.
        let table: &[(&Members, u32, &str, usize, &[u32])] = &[
            (&of(&[("a", 2)]), 4, "a", 1, &[]),
            (&two, 4, "a", 0, &[]),
            // Owners: a has 0 and 1, b has 2 and 3.
            (&two, 4, "a", 1, &[2, 3]),
            (&two, 4, "b", 1, &[0, 1]),
            (&two, 4, "b", 9, &[0, 1]),
            // Owners: a has 0 and 1, b has 2, c has 3. Without a, b would have 0 and 1; without b or c, a would have 0 and 1, and 2
            // and 3 would go to the other.
            (&three, 4, "a", 1, &[]),
            (&three, 4, "b", 1, &[0, 1, 3]),
            (&three, 4, "c", 1, &[2]),
            (&three, 4, "a", 2, &[2, 3]),
            (&three, 4, "stranger", 1, &[]),
            // More members than partitions: the last is a spare, and the first heir of nothing but the last partition's end.
            (&three, 2, "c", 1, &[1]),
        ];
        for (members, partitions, instance, standbys, expected) in table {
            let found = warm(members, *partitions, instance, *standbys);
            assert_eq!(found, *expected, "{instance} of {members:?}, {partitions} partitions, {standbys} standbys");
        }
    }

    /// The owner of each partition, computed as the adapter of the embedded log does: member by member.
    #[test]
    fn owners_are_those_of_the_range_assignor() {
        for count in 1..=5_u32 {
            let members: Members = (0..count).map(|number| (number.to_string(), number.to_string())).collect();
            for partitions in 1..=12 {
                let mut expected = Vec::new();
                for number in 0..count {
                    let share = partitions / count + u32::from(number < partitions % count);
                    expected.extend((0..share).map(|_| Some(number.to_string())));
                }
                let found: Vec<_> = (0..partitions).map(|partition| owner(&members, partitions, partition)).collect();
                assert_eq!(found, expected, "{partitions} partitions for {count}");
            }
        }
    }
}
