//! The map of the key space: every row of the store has one of these keys. Numbers are big-endian, so rows sort by
//! them; a partition's chunks lie side by side in offset order.

use super::state::PartitionId;

/// The version of the rows' format, stored under [`Key::Format`].
pub(super) const FORMAT: u32 = 1;

/// The key of a row. The tag byte is part of the format and never changes meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key<'a> {
    /// `0` → [`FORMAT`], u32. Written once.
    Format,
    /// `1 name` → the topic as JSON ([`super::topic::TopicRow`]). Written once per topic.
    Topic(&'a str),
    /// `2 topic partition group` → the next offset to read, u64. Overwritten with each commit.
    Committed(PartitionId, &'a str),
    /// `3 topic partition` → the first offset kept, u64. Only grows; absent means 0.
    Low(PartitionId),
    /// `4 topic partition base` → a chunk ([`super::chunk`]). Written once; compaction may replace it by a smaller one.
    Chunk(PartitionId, u64),
    /// `5` → the log's id, as text. Written once.
    Id,
}

impl Key<'_> {
    /// The bytes of the key.
    pub(super) fn bytes(self) -> Vec<u8> {
        match self {
            Self::Format => vec![0],
            Self::Topic(name) => [&[1], name.as_bytes()].concat(),
            Self::Committed(id, group) => [&tagged(2, id)[..], group.as_bytes()].concat(),
            Self::Low(id) => tagged(3, id).to_vec(),
            Self::Chunk(id, base) => [&tagged(4, id)[..], &base.to_be_bytes()].concat(),
            Self::Id => vec![5],
        }
    }
}

/// What all topics' keys begin with.
pub(super) const TOPICS: [u8; 1] = [1];
/// What all committed offsets' keys begin with.
pub(super) const COMMITTED: [u8; 1] = [2];

/// The name in a [`Key::Topic`].
pub(super) fn topic_of(key: &[u8]) -> Option<&str> {
    std::str::from_utf8(key.strip_prefix(&TOPICS)?).ok()
}

/// The partition and group in a [`Key::Committed`].
pub(super) fn committed_of(key: &[u8]) -> Option<(PartitionId, &str)> {
    let rest = key.strip_prefix(&COMMITTED)?;
    let (topic, rest) = rest.split_first_chunk()?;
    let (partition, group) = rest.split_first_chunk()?;
    let id = PartitionId { topic: u32::from_be_bytes(*topic), partition: u32::from_be_bytes(*partition) };
    Some((id, std::str::from_utf8(group).ok()?))
}

/// The base offset in a [`Key::Chunk`].
pub(super) fn base_of(key: &[u8]) -> Option<u64> {
    key.get(9..).and_then(|base| Some(u64::from_be_bytes(base.try_into().ok()?)))
}

fn tagged(tag: u8, id: PartitionId) -> [u8; 9] {
    let mut bytes = [tag; 9];
    bytes[1..5].copy_from_slice(&id.topic.to_be_bytes());
    bytes[5..].copy_from_slice(&id.partition.to_be_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: PartitionId = PartitionId { topic: 3, partition: 258 };

    #[test]
    fn keys_are_golden() {
        assert_eq!(Key::Format.bytes(), [0]);
        assert_eq!(Key::Topic("ab").bytes(), [1, b'a', b'b']);
        assert_eq!(Key::Committed(ID, "g").bytes(), [2, 0, 0, 0, 3, 0, 0, 1, 2, b'g']);
        assert_eq!(Key::Low(ID).bytes(), [3, 0, 0, 0, 3, 0, 0, 1, 2]);
        assert_eq!(Key::Chunk(ID, 7).bytes(), [4, 0, 0, 0, 3, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 7]);
    }

    #[test]
    fn keys_are_read_back() {
        assert_eq!(topic_of(&Key::Topic("ab").bytes()), Some("ab"));
        assert_eq!(committed_of(&Key::Committed(ID, "g").bytes()), Some((ID, "g")));
        assert_eq!(base_of(&Key::Chunk(ID, 7).bytes()), Some(7));
        assert_eq!(base_of(&Key::Low(ID).bytes()), None);
    }
}
