//! Typed ids. A bid id cannot be passed where an item id is due.

use newtype_uuid::{GenericUuid, TypedUuid, TypedUuidKind, TypedUuidTag};
use uuid::Uuid;

macro_rules! id_kinds {
    ($($kind:ident, $id:ident, $tag:literal, $doc:literal;)*) => {$(
        #[doc = concat!("Tag of [`", stringify!($id), "`].")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $kind {}

        impl TypedUuidKind for $kind {
            fn tag() -> TypedUuidTag {
                const TAG: TypedUuidTag = TypedUuidTag::new($tag);
                TAG
            }
        }

        #[doc = $doc]
        pub type $id = TypedUuid<$kind>;
    )*};
}

id_kinds! {
    AccountKind, AccountId, "account", "Whom an account belongs to: a bidder, a seller, an admin. UUIDv7.";
    BidKind, BidId, "bid", "One bid of one bidder on one item under one idempotency key. UUIDv5, see [`bid_id`].";
    CommandKind, CommandId, "command", "A command other than a bid (a withdrawal). UUIDv7.";
    ImageKind, ImageId, "image", "A picture of a lot. UUIDv7.";
    ItemKind, ItemId, "item", "An item listed for auction: a lot. UUIDv7.";
    NoticeKind, NoticeId, "notice", "A notice to an account. UUIDv5 of its cause, so a replay makes the same.";
}

/// The id of the bid that `bidder` places on `item` under `idempotency_key`: UUIDv5 in the OID namespace of
/// `bidder/item/key`. A retry is the same bid wherever it lands.
#[must_use]
pub fn bid_id(bidder: AccountId, item: ItemId, idempotency_key: &str) -> BidId {
    let name = format!("{bidder}/{item}/{idempotency_key}");
    BidId::from_untyped_uuid(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked out by another implementation of UUIDv5: a retry must find it for ever.
    #[test]
    fn the_id_of_a_bid_never_changes() {
        let bidder = AccountId::from_untyped_uuid(Uuid::from_u128(0x0195_e7a0_0000_7000_8000_0000_0000_000a));
        let item = ItemId::from_untyped_uuid(Uuid::from_u128(0x0195_e7a0_0000_7000_8000_0000_0000_000b));
        assert_eq!(bid_id(bidder, item, "first try").to_string(), "26abccd6-a255-50b8-a47a-9a4d86a64272");
    }
}
