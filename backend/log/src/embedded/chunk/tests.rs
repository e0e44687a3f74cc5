//! Golden bytes of a chunk, the round trip of any record, and damage that must be an error, never a panic.

use proptest::prelude::*;

use super::*;

fn bytes() -> impl Strategy<Value = Bytes> {
    prop::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from)
}

prop_compose! {
    fn records()(parts in prop::collection::vec(
        (prop::option::of(bytes()), prop::option::of(bytes()), prop::collection::vec(("[a-z]{0,8}", bytes()), 0..3)), 1..8
    )) -> Vec<NewRecord> {
        parts.into_iter().map(|(key, value, headers)| NewRecord {
            topic: "t".into(),
            partition: Some(0),
            key,
            value,
            headers: headers.into_iter().map(|(name, value)| Header { name: name.into(), value }).collect(),
        }).collect()
    }
}

fn chunk_of(records: &[NewRecord]) -> Chunk {
    let mut builder = ChunkBuilder::new(100, 1_700_000_000_000);
    for record in records {
        builder.push(&encode_record(record).unwrap());
    }
    builder.build()
}

fn read_from(chunk: &Chunk, from: u64, limit: usize) -> (Vec<Record>, u64) {
    let mut records = Vec::new();
    let next = chunk.read(&"t".into(), 0, from, &mut records, limit).unwrap();
    (records, next)
}

#[test]
fn a_chunk_is_golden() {
    let record = NewRecord {
        topic: "t".into(),
        partition: None,
        key: Some(Bytes::from_static(b"key")),
        value: None,
        headers: vec![Header { name: "h".into(), value: Bytes::from_static(b"hv") }],
    };
    let chunk = chunk_of(&[record]);
    let golden: &[u8] = &[
        1, 0, 0, 1, 139, 207, 229, 104, 0, 0, 0, 0, 1, 0, 0, 0, 1, // version, append_ms, span, count
        0, 0, 0, 0, 0, 0, 0, 3, 255, 255, 255, 255, 0, 1, // delta, key, value, headers
        0, 1, 0, 0, 0, 2, b'h', b'h', b'v', b'k', b'e', b'y',
    ];
    assert_eq!(&chunk.bytes[..], golden);
    assert_eq!(Chunk::parse(100, Bytes::from_static(golden)).unwrap(), chunk);
}

proptest! {
    #[test]
    fn records_come_back(sent in records(), from in 0_u64..8, limit in 1_usize..9) {
        let chunk = chunk_of(&sent);
        let parsed = Chunk::parse(100, chunk.bytes.clone()).unwrap();
        prop_assert_eq!(&parsed, &chunk);
        let from = (from as usize).min(sent.len());
        let (read, next) = read_from(&parsed, 100 + from as u64, limit);
        let until = (from + limit).min(sent.len());
        prop_assert_eq!(next, 100 + until as u64);
        prop_assert_eq!(read.len(), until - from);
        for (index, (read, sent)) in read.iter().zip(&sent[from..]).enumerate() {
            prop_assert_eq!(read.offset, 100 + (from + index) as u64);
            prop_assert_eq!((&read.key, &read.value, &read.headers), (&sent.key, &sent.value, &sent.headers));
        }
    }

    #[test]
    fn compaction_keeps_offsets(sent in records(), kept in prop::collection::vec(any::<bool>(), 8)) {
        let chunk = chunk_of(&sent);
        let compacted = chunk.compacted(|entry| kept[(entry.offset - 100) as usize]).unwrap();
        let expected: Vec<u64> = (0..sent.len()).filter(|index| kept[*index]).map(|index| 100 + index as u64).collect();
        prop_assert_eq!(compacted.is_none(), expected.len() == sent.len());
        if let Some(compacted) = compacted {
            let (read, next) = read_from(&compacted, 0, usize::MAX);
            prop_assert_eq!(read.iter().map(|record| record.offset).collect::<Vec<_>>(), expected);
            prop_assert_eq!(next, chunk.end());
        }
    }

    #[test]
    fn damage_is_an_error_or_nonsense_but_no_panic(sent in records(), at in any::<prop::sample::Index>(), byte: u8, cut: bool) {
        let mut bytes = chunk_of(&sent).bytes.to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(if cut { at } else { bytes.len() });
        if let Ok(chunk) = Chunk::parse(0, bytes.into()) {
            drop(chunk.read(&"t".into(), 0, 0, &mut Vec::new(), usize::MAX));
        }
    }
}
