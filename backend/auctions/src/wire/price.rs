//! `auctions.prices`: the present public state of each item, compacted by item. Public.

use gavel_domain::{AccountId, ItemId, Outcome, ReserveStatus};
use serde::{Deserialize, Serialize};

use super::json::ObjectWriter;

/// `price`: how an item stands. Its texts are owned, or borrowed by who only writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceRecord<S = String> {
    /// Always `price`.
    #[serde(rename = "type")]
    pub kind: PriceTag,
    /// Schema version.
    pub v: u16,
    /// The item.
    pub item_id: ItemId,
    /// The sequence it reflects; 0 before the first.
    pub sequence: u64,
    /// ISO 4217 code.
    pub currency: S,
    /// The visible price.
    pub price_minor: i64,
    /// The least that the next bidder must offer; `null` once ended.
    pub minimum_minor: Option<i64>,
    /// Who leads.
    pub leader_id: Option<AccountId>,
    /// The leader's public name on this item.
    pub leader_alias: Option<S>,
    /// Counted bids.
    pub bid_count: u64,
    /// How the reserve stands.
    pub reserve: ReserveStatus,
    /// When bidding starts.
    pub starts_at_ms: i64,
    /// The effective end.
    pub ends_at_ms: i64,
    /// Once ended: how.
    pub outcome: Option<Outcome>,
}

impl<S: AsRef<str>> PriceRecord<S> {
    /// Adds the record as JSON, as serde writes it, in a third of the time.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let mut object = ObjectWriter::begin(out);
        object.word("\"type\":", "price");
        object.number("\"v\":", self.v);
        object.id("\"item_id\":", self.item_id);
        object.number("\"sequence\":", self.sequence);
        object.text("\"currency\":", Some(&self.currency));
        object.number("\"price_minor\":", self.price_minor);
        object.optional_number("\"minimum_minor\":", self.minimum_minor);
        object.optional_id("\"leader_id\":", self.leader_id);
        object.text("\"leader_alias\":", self.leader_alias.as_ref());
        object.number("\"bid_count\":", self.bid_count);
        object.word("\"reserve\":", self.reserve.as_str());
        object.number("\"starts_at_ms\":", self.starts_at_ms);
        object.number("\"ends_at_ms\":", self.ends_at_ms);
        object.optional_word("\"outcome\":", self.outcome.map(Outcome::as_str));
        object.end();
    }
}

/// The `type` of [`PriceRecord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PriceTag {
    /// `price`.
    Price,
}

#[cfg(test)]
mod tests {
    use newtype_uuid::{GenericUuid, TypedUuid, TypedUuidKind};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::wire::json::assert_written_as_serde_would;

    fn id<K: TypedUuidKind>(number: u128) -> TypedUuid<K> {
        TypedUuid::from_untyped_uuid(Uuid::from_u128(number))
    }

    prop_compose! {
        fn any_record()(
            (item, leader) in any::<(u128, Option<u128>)>(),
            (currency, leader_alias) in any::<(String, Option<String>)>(),
            (sequence, bid_count) in any::<(u64, u64)>(),
            (price_minor, minimum_minor) in any::<(i64, Option<i64>)>(),
            (starts_at_ms, ends_at_ms) in any::<(i64, i64)>(),
            reserve in proptest::sample::select(&[ReserveStatus::None, ReserveStatus::NotMet, ReserveStatus::Met][..]),
            outcome in proptest::option::of(proptest::sample::select(&Outcome::ALL[..])),
        ) -> PriceRecord {
            PriceRecord {
                kind: PriceTag::Price, v: 1, item_id: id(item), sequence, currency, price_minor, minimum_minor,
                leader_id: leader.map(id), leader_alias, bid_count, reserve, starts_at_ms, ends_at_ms, outcome,
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_written_as_serde_would(record in any_record()) {
            assert_written_as_serde_would(&record, PriceRecord::write_json);
        }
    }
}
