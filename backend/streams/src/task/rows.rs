//! The rows of the task store that are not timers: partition time, and up to where each source is consumed. Their values
//! begin with a version.

use bytes::{BufMut, Bytes, BytesMut};

use crate::store::{StateStore, StoreError};
use crate::topology::TASK_STORE;

/// The row of partition time.
const TIME_ROW: &[u8] = b"t";
/// First byte of the row of a source's next offset; its topic follows, so the order of sources does not matter.
const OFFSET_PREFIX: u8 = b'o';
/// Of a value. Version 0, a time alone, had no such byte.
const VERSION: u8 = 1;

/// The row of partition time.
pub(super) fn time_row(time_ms: i64) -> (Bytes, Bytes) {
    (Bytes::from_static(TIME_ROW), value(time_ms.to_be_bytes()))
}

/// The row that says which offset of a topic is the next to process.
pub(super) fn offset_row(topic: &str, next: u64) -> (Bytes, Bytes) {
    (offset_key(topic), value(next.to_be_bytes()))
}

/// Partition time; `i64::MIN` before the first clock record.
pub(super) fn read_time(store: &impl StateStore) -> Result<i64, StoreError> {
    match store.get(TASK_STORE, TIME_ROW)? {
        Some(bytes) => Ok(i64::from_be_bytes(number(&bytes).ok_or_else(damaged)?)),
        None => Ok(i64::MIN),
    }
}

/// The next offset of a topic to process, as of the unit of work that the store reflects; `None` before the first.
pub(crate) fn read_offset(store: &impl StateStore, topic: &str) -> Result<Option<u64>, StoreError> {
    let bytes = store.get(TASK_STORE, &offset_key(topic))?;
    bytes.map(|bytes| Ok(u64::from_be_bytes(number(&bytes).ok_or_else(damaged)?))).transpose()
}

/// A row that cannot be read.
pub(super) fn damaged() -> StoreError {
    StoreError::damage("a row of the task store cannot be read")
}

fn offset_key(topic: &str) -> Bytes {
    let mut key = BytesMut::with_capacity(1 + topic.len());
    key.put_u8(OFFSET_PREFIX);
    key.put_slice(topic.as_bytes());
    key.freeze()
}

fn value(number: [u8; 8]) -> Bytes {
    let mut value = [VERSION; 9];
    value[1..].copy_from_slice(&number);
    Bytes::copy_from_slice(&value)
}

fn number(bytes: &[u8]) -> Option<[u8; 8]> {
    match bytes {
        [VERSION, number @ ..] if number.len() == 8 => number.try_into().ok(),
        version_0 => version_0.try_into().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    fn store(row: (&'static [u8], &'static [u8])) -> MemoryStore {
        let mut store = MemoryStore::new(1);
        store.set(TASK_STORE, row.0.into(), Some(row.1.into()));
        store
    }

    /// Written by version 1 of the rows: to be read for ever.
    #[test]
    fn golden_rows_of_version_1() {
        let time = (&b"t"[..], &b"\x01\x00\x00\x01\x9b\x77\x4a\x2c\x00"[..]);
        assert_eq!(time_row(0x019b_774a_2c00), (time.0.into(), time.1.into()));
        assert_eq!(read_time(&store(time)).unwrap(), 0x019b_774a_2c00);
        let offset = (&b"oauctions.bids"[..], &b"\x01\x00\x00\x00\x00\x00\x00\x02\x01"[..]);
        assert_eq!(offset_row("auctions.bids", 0x201), (offset.0.into(), offset.1.into()));
        assert_eq!(read_offset(&store(offset), "auctions.bids").unwrap(), Some(0x201));
    }

    #[test]
    fn a_time_of_version_0_is_still_read() {
        assert_eq!(read_time(&store((b"t", b"\x00\x00\x01\x9b\x77\x4a\x2c\x00"))).unwrap(), 0x019b_774a_2c00);
    }

    #[test]
    fn nothing_and_damage_are_told_apart() {
        assert_eq!(read_time(&MemoryStore::new(1)).unwrap(), i64::MIN);
        assert_eq!(read_offset(&MemoryStore::new(1), "x").unwrap(), None);
        assert!(read_time(&store((b"t", b"\x02\x00\x00\x01\x9b\x77\x4a\x2c\x00"))).is_err(), "a later version");
        assert!(read_offset(&store((b"ox", b"short")), "x").is_err());
    }
}
