//! How a change of state is named in a topology's changelog: the store's name, a slash, the key in the store.
//!
//! All stores of a topology share one changelog, for each further partition that a transaction touches adds to its commit.
//! The names are those of the declaration, so stores may be declared in another order, and a store that is declared no more
//! is passed over.

use bytes::Bytes;

/// No store's name has one.
const SEPARATOR: u8 = b'/';

/// The key of a changelog record.
pub(crate) fn encode(store: &str, key: &[u8]) -> Bytes {
    [store.as_bytes(), &[SEPARATOR], key].concat().into()
}

/// The store's name and the key in it; `None` if it is no key of a changelog record.
pub(crate) fn decode(key: &Bytes) -> Option<(&[u8], Bytes)> {
    let at = key.iter().position(|&byte| byte == SEPARATOR)?;
    Some((&key[..at], key.slice(at + 1..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_keys() {
        let key = Bytes::from_static(b"auctions/\x01/\x02");
        assert_eq!(encode("auctions", b"\x01/\x02"), key);
        assert_eq!(decode(&key), Some((&b"auctions"[..], Bytes::from_static(b"\x01/\x02"))));
        assert_eq!(decode(&Bytes::from_static(b"a/")), Some((&b"a"[..], Bytes::new())));
        assert_eq!(decode(&Bytes::from_static(b"auctions")), None);
    }
}
