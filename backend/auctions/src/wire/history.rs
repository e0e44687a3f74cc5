//! `auctions.bids.history`: the audit, one record per command with its decision. Public: no maximum, no reserve.

use gavel_domain::{AccountId, BidId, CommandId, Decision, ItemId};
use serde::{Deserialize, Serialize};

use super::json::ObjectWriter;

/// One command and its decision. Its texts are owned, or borrowed by who only writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRecord<S = String> {
    /// What kind of command was decided.
    #[serde(rename = "type")]
    pub kind: HistoryKind,
    /// Schema version.
    pub v: u16,
    /// The item.
    pub item_id: ItemId,
    /// Position among what the public may know of this item, from 1; `null` for what is the commander's alone.
    pub sequence: Option<u64>,
    /// The bid, if it was one.
    #[serde(default)]
    pub bid_id: Option<BidId>,
    /// The command, if it was no bid and had an id. Written only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<CommandId>,
    /// Whose bid; the seller for a withdrawal.
    #[serde(default)]
    pub bidder_id: Option<AccountId>,
    /// The bidder's public name on this item.
    #[serde(default)]
    pub alias: Option<S>,
    /// What was decided.
    pub decision: Decision,
    /// The visible price after it; `null` only for an unknown item.
    pub price_minor: Option<i64>,
    /// The least that the next bidder must offer; `null` once ended or unknown.
    #[serde(default)]
    pub minimum_minor: Option<i64>,
    /// Who leads after it.
    pub leader_id: Option<AccountId>,
    /// The leader's public name on this item.
    #[serde(default)]
    pub leader_alias: Option<S>,
    /// Counted bids so far.
    pub bid_count: u64,
    /// Whether the reserve is met (true without one).
    pub reserve_met: bool,
    /// The effective end after it; `null` only for an unknown item.
    pub ends_at_ms: Option<i64>,
    /// The command's time: partition time when it was processed.
    pub at_ms: i64,
    /// When the broker appended the command.
    pub received_ms: i64,
    /// Country of the bidder's address, if known.
    #[serde(default)]
    pub country: Option<S>,
    /// Geohash of four characters, if known.
    #[serde(default)]
    pub grid: Option<S>,
    /// Of a duplicate: what the first copy was answered. Written only then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<FirstDecision>,
}

impl<S: AsRef<str>> HistoryRecord<S> {
    /// Adds the record as JSON, as serde writes it, in a third of the time.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        let mut object = ObjectWriter::begin(out);
        object.word("\"type\":", self.kind.as_str());
        object.number("\"v\":", self.v);
        object.id("\"item_id\":", self.item_id);
        object.optional_number("\"sequence\":", self.sequence);
        object.optional_id("\"bid_id\":", self.bid_id);
        if let Some(command_id) = self.command_id {
            object.id("\"command_id\":", command_id);
        }
        object.optional_id("\"bidder_id\":", self.bidder_id);
        object.text("\"alias\":", self.alias.as_ref());
        object.word("\"decision\":", self.decision.as_str());
        object.optional_number("\"price_minor\":", self.price_minor);
        object.optional_number("\"minimum_minor\":", self.minimum_minor);
        object.optional_id("\"leader_id\":", self.leader_id);
        object.text("\"leader_alias\":", self.leader_alias.as_ref());
        object.number("\"bid_count\":", self.bid_count);
        object.truth("\"reserve_met\":", self.reserve_met);
        object.optional_number("\"ends_at_ms\":", self.ends_at_ms);
        object.number("\"at_ms\":", self.at_ms);
        object.number("\"received_ms\":", self.received_ms);
        object.text("\"country\":", self.country.as_ref());
        object.text("\"grid\":", self.grid.as_ref());
        if let Some(first) = &self.first {
            object.value("\"first\":", first);
        }
        object.end();
    }
}

/// The `type` of a [`HistoryRecord`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HistoryKind {
    /// A bid was decided.
    BidDecided,
    /// A withdrawal was decided.
    WithdrawalDecided,
}

impl HistoryKind {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BidDecided => "bid_decided",
            Self::WithdrawalDecided => "withdrawal_decided",
        }
    }
}

/// What the first copy of a bid was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstDecision {
    /// The first decision.
    pub decision: Decision,
    /// Its sequence.
    pub sequence: Option<u64>,
    /// The price after it.
    pub price_minor: Option<i64>,
    /// The minimum after it.
    pub minimum_minor: Option<i64>,
    /// Whether the bidder led after it.
    pub leading: bool,
    /// Its time.
    pub at_ms: i64,
    /// When the first copy was appended.
    pub received_ms: i64,
}

#[cfg(test)]
mod tests {
    use gavel_domain::Decision;
    use newtype_uuid::{GenericUuid, TypedUuid, TypedUuidKind};
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::wire::json::assert_written_as_serde_would;

    fn id<K: TypedUuidKind>() -> impl Strategy<Value = TypedUuid<K>> {
        any::<u128>().prop_map(|number| TypedUuid::from_untyped_uuid(Uuid::from_u128(number)))
    }

    fn maybe<T: std::fmt::Debug>(strategy: impl Strategy<Value = T>) -> impl Strategy<Value = Option<T>> {
        proptest::option::of(strategy)
    }

    prop_compose! {
        fn any_first()(
            decision in proptest::sample::select(&Decision::ALL[..]),
            sequence in any::<Option<u64>>(),
            (price_minor, minimum_minor) in any::<(Option<i64>, Option<i64>)>(),
            leading in any::<bool>(),
            (at_ms, received_ms) in any::<(i64, i64)>(),
        ) -> FirstDecision {
            FirstDecision { decision, sequence, price_minor, minimum_minor, leading, at_ms, received_ms }
        }
    }

    prop_compose! {
        fn any_record()(
            kind in proptest::sample::select(&[HistoryKind::BidDecided, HistoryKind::WithdrawalDecided][..]),
            (item_id, bid_id, command_id, bidder_id, leader_id) in (id(), maybe(id()), maybe(id()), maybe(id()), maybe(id())),
            (alias, leader_alias, country, grid) in any::<(Option<String>, Option<String>, Option<String>, Option<String>)>(),
            decision in proptest::sample::select(&Decision::ALL[..]),
            (sequence, bid_count, reserve_met) in any::<(Option<u64>, u64, bool)>(),
            (price_minor, minimum_minor, ends_at_ms) in any::<(Option<i64>, Option<i64>, Option<i64>)>(),
            (at_ms, received_ms) in any::<(i64, i64)>(),
            first in maybe(any_first()),
        ) -> HistoryRecord {
            HistoryRecord {
                kind, v: 1, item_id, sequence, bid_id, command_id, bidder_id, alias, decision, price_minor, minimum_minor,
                leader_id, leader_alias, bid_count, reserve_met, ends_at_ms, at_ms, received_ms, country, grid, first,
            }
        }
    }

    proptest! {
        #[test]
        fn it_is_written_as_serde_would(record in any_record()) {
            assert_written_as_serde_would(&record, HistoryRecord::write_json);
        }
    }
}
