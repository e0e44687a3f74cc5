//! Public names of bidders: masked, one for each item, the same on every machine.

use gavel_domain::{AccountId, ItemId};
use newtype_uuid::GenericUuid;
use uuid::Uuid;

const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// The name under which everybody sees `bidder` on `item`, such as `k7***f3`.
///
/// Four base-36 digits of the UUIDv5 of the bidder in the namespace of the item: nobody can be followed from one item to
/// the next by it, and nobody has to store it.
#[must_use]
pub fn alias(item: ItemId, bidder: AccountId) -> String {
    let hash = Uuid::new_v5(item.as_untyped_uuid(), bidder.as_untyped_uuid().as_bytes());
    let [b0, b1, b2, b3, ..] = *hash.as_bytes();
    let mut rest = u32::from_be_bytes([b0, b1, b2, b3]);
    let mut digit = || {
        let digit = BASE36[rest as usize % BASE36.len()];
        rest /= BASE36.len() as u32;
        char::from(digit)
    };
    let mut name = String::with_capacity(7);
    name.extend([digit(), digit(), '*', '*', '*', digit(), digit()]);
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(number: u128) -> ItemId {
        ItemId::from_untyped_uuid(Uuid::from_u128(number))
    }

    fn bidder(number: u128) -> AccountId {
        AccountId::from_untyped_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn names_never_change() {
        assert_eq!(alias(item(1), bidder(2)), "9t***x5");
    }

    #[test]
    fn a_bidder_has_another_name_on_another_item() {
        assert_ne!(alias(item(1), bidder(1)), alias(item(2), bidder(1)));
        assert_ne!(alias(item(1), bidder(1)), alias(item(1), bidder(2)));
    }
}
