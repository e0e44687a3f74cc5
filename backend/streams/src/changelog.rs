//! How changes of state are written to a topology's changelog, and read again.
//!
//! All stores of a topology share one changelog, for each further partition that a transaction touches adds to its commit.
//! The names are those of the declaration, so stores may be declared in another order, and a store that is declared no more
//! is passed over.
//!
//! A change is a record of its own, under the store's name, a slash and the key in the store, so that compaction keeps the last.
//! Of an append-only store nothing is ever compacted, so its rows travel many to a record: under the store's name, a plus and
//! the first key, row after row as the lengths of key and value, key, value.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Stand between a store's name, which has neither, and a key.
const SINGLE: u8 = b'/';
const PACKED: u8 = b'+';
/// How large a packed record may become before the next is begun.
const PACK_BYTES: usize = 64 << 10;

/// One change: the store's name, the key in it, its new value.
pub(crate) type Change<'a> = (&'a [u8], Bytes, Option<Bytes>);

/// The key of the record of a change.
pub(crate) fn single_key(store: &str, key: &[u8]) -> Bytes {
    named(store, SINGLE, key)
}

fn named(store: &str, separator: u8, key: &[u8]) -> Bytes {
    let mut named = BytesMut::with_capacity(store.len() + 1 + key.len());
    named.put_slice(store.as_bytes());
    named.put_u8(separator);
    named.put_slice(key);
    named.freeze()
}

/// Rows of an append-only store on their way into a record.
#[derive(Default)]
pub(crate) struct Pack {
    key: Option<Bytes>,
    rows: BytesMut,
}

impl Pack {
    /// Adds a row. What had gathered is given back, as the key and the value of a record, if it is of another store, or would
    /// become too large.
    pub(crate) fn add(&mut self, store: &str, key: &[u8], value: &[u8]) -> Option<(Bytes, Bytes)> {
        let row_bytes = 2 * size_of::<u32>() + key.len() + value.len();
        let is_full = self.rows.len() + row_bytes > PACK_BYTES;
        let full = if is_full || !self.is_of(store) { self.take() } else { None };
        self.key.get_or_insert_with(|| named(store, PACKED, key));
        self.rows.reserve(row_bytes);
        for part in [key, value] {
            self.rows.put_u32(u32::try_from(part.len()).unwrap_or(u32::MAX));
        }
        self.rows.put_slice(key);
        self.rows.put_slice(value);
        full
    }

    fn is_of(&self, store: &str) -> bool {
        let rest = self.key.as_ref().and_then(|key| key.strip_prefix(store.as_bytes()));
        rest.is_some_and(|rest| rest.first() == Some(&PACKED))
    }

    /// What has gathered, as the key and the value of a record.
    pub(crate) fn take(&mut self) -> Option<(Bytes, Bytes)> {
        let key = self.key.take()?;
        Some((key, self.rows.split().freeze()))
    }
}

/// Hands each change of a record of the changelog to `take`. What is no such record is passed over.
pub(crate) fn read<'a>(key: &'a Bytes, value: Option<Bytes>, mut take: impl FnMut(Change<'a>)) {
    let Some(at) = key.iter().position(|&byte| byte == SINGLE || byte == PACKED) else { return };
    let store = &key[..at];
    if key[at] == SINGLE {
        return take((store, key.slice(at + 1..), value));
    }
    let mut rows = value.unwrap_or_default();
    while let Some((key, value)) = row(&mut rows) {
        take((store, key, Some(value)));
    }
}

fn row(rows: &mut Bytes) -> Option<(Bytes, Bytes)> {
    let lengths = [rows.try_get_u32().ok()? as usize, rows.try_get_u32().ok()? as usize];
    (rows.len() >= lengths[0].checked_add(lengths[1])?).then(|| (rows.split_to(lengths[0]), rows.split_to(lengths[1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(key: &Bytes, value: Option<&'static [u8]>) -> Vec<(String, Bytes, Option<Bytes>)> {
        let mut changes = Vec::new();
        read(key, value.map(Bytes::from_static), |(store, key, value)| {
            changes.push((String::from_utf8_lossy(store).into_owned(), key, value));
        });
        changes
    }

    #[test]
    fn golden_single_records() {
        let key = Bytes::from_static(b"auctions/\x01/\x02+");
        assert_eq!(single_key("auctions", b"\x01/\x02+"), key);
        let change = |value: Option<Bytes>| vec![("auctions".to_owned(), Bytes::from_static(b"\x01/\x02+"), value)];
        assert_eq!(all(&key, Some(b"v")), change(Some("v".into())));
        assert_eq!(all(&key, None), change(None));
        assert_eq!(all(&Bytes::from_static(b"auctions"), None), []);
    }

    #[test]
    fn golden_packed_records() {
        let mut pack = Pack::default();
        assert_eq!(pack.take(), None);
        assert_eq!(pack.add("bids", b"k1", b"one"), None);
        assert_eq!(pack.add("bids", b"k2/", b""), None);
        let rows: &'static [u8] = b"\0\0\0\x02\0\0\0\x03k1one\0\0\0\x03\0\0\0\0k2/";
        let (key, value) = pack.take().unwrap();
        assert_eq!((&key[..], &value[..]), (&b"bids+k1"[..], rows));
        let row = |key: &'static str, value: &'static str| ("bids".to_owned(), key.into(), Some(value.into()));
        assert_eq!(all(&key, Some(rows)), [row("k1", "one"), row("k2/", "")]);
        assert_eq!(all(&key, Some(&rows[..rows.len() - 1])), [row("k1", "one")], "a torn end is passed over");
        assert_eq!(all(&key, None), []);
    }

    #[test]
    fn each_store_has_packs_of_its_own() {
        let mut pack = Pack::default();
        assert_eq!(pack.add("bids", b"k1", b"1"), None);
        let (key, _) = pack.add("bid", b"k2", b"2").unwrap();
        assert_eq!(&key[..], b"bids+k1");
        assert_eq!(&pack.take().unwrap().0[..], b"bid+k2");
    }

    #[test]
    fn a_pack_that_would_become_too_large_is_given_back() {
        let mut pack = Pack::default();
        let value = [7; 1000];
        let given_back = (0..200_u32).filter(|row| pack.add("bids", &row.to_be_bytes(), &value).is_some()).count();
        assert_eq!(given_back, 3, "64 KiB hold 64 rows of a thousand bytes");
        assert!(pack.take().is_some());
    }
}
