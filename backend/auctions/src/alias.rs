//! Public names of bidders: masked, one for each item, the same on every machine.

use gavel_domain::{AccountId, ItemId};
use newtype_uuid::GenericUuid;
use serde::{Serialize, Serializer};
use sha1::{Digest, Sha1};

const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// A public name of a bidder on an item, such as `k7***f3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Alias([u8; 7]);

impl Alias {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("it is made of ASCII letters, digits and stars")
    }
}

impl std::fmt::Display for Alias {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Serialize for Alias {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// The name under which everybody sees `bidder` on `item`.
///
/// Four base-36 digits of the UUIDv5 of the bidder in the namespace of the item: nobody can be followed from one item to
/// the next by it, and nobody has to store it. What a UUIDv5 sets beside its hash lies behind these digits; so the hash alone is asked
/// for, of a library that lets the processor make it.
#[must_use]
pub fn alias(item: ItemId, bidder: AccountId) -> Alias {
    let hash: [u8; 20] =
        Sha1::new().chain_update(item.as_untyped_uuid()).chain_update(bidder.as_untyped_uuid()).finalize().into();
    let [b0, b1, b2, b3, ..] = hash;
    let mut rest = u32::from_be_bytes([b0, b1, b2, b3]);
    let mut digit = || {
        let digit = BASE36[rest as usize % BASE36.len()];
        rest /= BASE36.len() as u32;
        digit
    };
    Alias([digit(), digit(), b'*', b'*', b'*', digit(), digit()])
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn item(number: u128) -> ItemId {
        ItemId::from_untyped_uuid(Uuid::from_u128(number))
    }

    fn bidder(number: u128) -> AccountId {
        AccountId::from_untyped_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn names_never_change() {
        assert_eq!(alias(item(1), bidder(2)).as_str(), "9t***x5");
    }

    #[test]
    fn a_bidder_has_another_name_on_another_item() {
        assert_ne!(alias(item(1), bidder(1)), alias(item(2), bidder(1)));
        assert_ne!(alias(item(1), bidder(1)), alias(item(1), bidder(2)));
    }
}
