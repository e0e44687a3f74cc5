//! Which partition a key belongs to: Java Kafka's default (`murmur2_random` in librdkafka), so that any client in any
//! language puts an item's records where Gavel does.

const SEED: u32 = 0x9747_b28c;
const MULTIPLIER: u32 = 0x5bd1_e995;

/// The partition of a key among `partitions` (at least 1).
#[must_use]
pub fn partition_of(key: &[u8], partitions: u32) -> u32 {
    (murmur2(key) & 0x7fff_ffff) % partitions
}

/// MurmurHash2, 32 bits, as `org.apache.kafka.common.utils.Utils.murmur2` computes it.
fn murmur2(key: &[u8]) -> u32 {
    let length = u32::try_from(key.len()).expect("a record's key is far below 4 GiB");
    let words = key.chunks_exact(4);
    let rest = words.remainder();
    let mut hash = SEED ^ length;
    for word in words {
        let word = u32::from_le_bytes(word.try_into().expect("chunks_exact(4) yields four bytes"));
        let mixed = word.wrapping_mul(MULTIPLIER);
        let mixed = (mixed ^ (mixed >> 24)).wrapping_mul(MULTIPLIER);
        hash = hash.wrapping_mul(MULTIPLIER) ^ mixed;
    }
    if !rest.is_empty() {
        let tail = rest.iter().rev().fold(0, |tail, byte| (tail << 8) | u32::from(*byte));
        hash = (hash ^ tail).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(MULTIPLIER);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Vectors of Kafka's own `UtilsTest.testMurmur2`.
    #[test]
    fn hashes_as_java_does() {
        for (key, hash) in [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ] {
            assert_eq!(murmur2(key.as_bytes()).cast_signed(), hash, "{key}");
        }
    }

    #[test]
    fn a_negative_hash_is_masked_not_negated() {
        assert_eq!(partition_of(b"21", 12), (-973_932_308_i32 & 0x7fff_ffff).cast_unsigned() % 12);
    }
}
