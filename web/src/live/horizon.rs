//! Below which offsets nothing is in memory: what was there is in the database, or not yet there again.

use gavel_log::TopicPartition;
use gavel_readmodel::ProjectedOffset;

/// Of each partition the offset below which nothing is held.
#[derive(Debug, Clone, Default)]
pub(super) struct Horizon(Box<[(TopicPartition, u64)]>);

impl Horizon {
    /// Whether a database that is so far has everything below it.
    pub(super) fn is_reached(&self, projected: &[ProjectedOffset]) -> bool {
        self.0.iter().all(|(partition, held_from)| {
            projected.iter().any(|offset| offset.partition == *partition && offset.next >= *held_from)
        })
    }
}

impl FromIterator<(TopicPartition, u64)> for Horizon {
    fn from_iter<I: IntoIterator<Item = (TopicPartition, u64)>>(offsets: I) -> Self {
        Self(offsets.into_iter().collect())
    }
}
